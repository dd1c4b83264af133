//! A routine that drivers call, and what happens around each call.

use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe};

use crate::abi::{Address, Ptr};
use crate::ke::cpu::{self, Cpu};
use crate::ke::crash::Crash;
use crate::ke::irql::Irql;
use crate::ke::step;
use crate::status::NtStatus;
use crate::verifier::calls;
use crate::windows::Windows;

/// An image that exports routines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Module {
    Ntoskrnl,
    FltMgr,
}

impl Module {
    /// The module that an import table calls by this name.
    pub(crate) fn find(image: &str) -> Option<Self> {
        [(Self::Ntoskrnl, "ntoskrnl.exe"), (Self::FltMgr, "FLTMGR.SYS")]
            .into_iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(image))
            .map(|(module, _)| module)
    }
}

/// Whether a routine can be made to fail, and how its failure shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It cannot fail, or nothing could be done about it.
    Never,
    /// It returns the status.
    Status,
    /// It returns NULL.
    Null,
}

/// A row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Routine {
    /// Its position in the table.
    pub(crate) index: usize,
    /// Who exports it.
    pub(crate) module: Module,
    /// The exported name.
    pub(crate) name: &'static str,
    /// The highest IRQL at which it may be called.
    pub(crate) max_irql: Irql,
    /// The first Windows version that exports it.
    pub(crate) since: Windows,
    /// How it can fail.
    pub(crate) failure: Failure,
    /// Its entry point, by the Windows x64 calling convention.
    pub(crate) address: fn() -> Address,
}

/// What a routine can return.
pub(crate) trait ReturnValue: Default {
    /// How a routine that returns this fails, unless the table says that it never does.
    const FAILURE: Failure = Failure::Never;

    /// The value of a failed call.
    fn failed(_status: NtStatus) -> Self {
        Self::default()
    }
}

impl ReturnValue for () {}
impl ReturnValue for u8 {}
impl ReturnValue for u16 {}
impl ReturnValue for u32 {}
impl ReturnValue for i32 {}
impl ReturnValue for usize {}

impl ReturnValue for NtStatus {
    const FAILURE: Failure = Failure::Status;

    fn failed(status: NtStatus) -> Self {
        status
    }
}

impl<T> ReturnValue for Ptr<T> {
    const FAILURE: Failure = Failure::Null;
}

impl Default for NtStatus {
    fn default() -> Self {
        Self::SUCCESS
    }
}

impl<T> Default for Ptr<T> {
    fn default() -> Self {
        Self::NULL
    }
}

/// A call of a routine by a driver: counted, checked against its maximum IRQL, made to fail if that was asked for.
///
/// No panic passes: it ends the simulation instead, and goes on in the harness.
pub(crate) fn call<R: ReturnValue>(routine: &'static Routine, body: impl FnOnce(&Cpu) -> R) -> R {
    step::in_routine(|| {
        cpu::with_current(|cpu| {
            let begun = cpu.stopwatch.enter();
            let outer = cpu.routine.replace(Some(routine));
            let verifier = &cpu.kernel().verifier;
            verifier.count(routine);
            calls::check(cpu, routine);
            let result = match verifier.injections.due(cpu, routine) {
                Some(status) => {
                    cpu.injected.set(Some(routine));
                    R::failed(status)
                }
                None => match panic::catch_unwind(AssertUnwindSafe(|| body(cpu))) {
                    Ok(result) => result,
                    Err(payload) => cpu.crash(Crash::Panic(payload)),
                },
            };
            cpu.routine.set(outer);
            verifier.holds.pass(routine);
            cpu.kernel().scheduler.preempt(cpu);
            cpu.stopwatch.leave(begun);
            result
        })
    })
}

/// The address of an entry point.
pub(crate) fn address_of(entry: *const c_void) -> Address {
    entry.expose_provenance()
}
