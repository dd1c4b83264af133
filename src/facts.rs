//! From what the Filter Manager hands over to the facts that attribution is a function of.

use audit::attribution::{Facts, Mode, Process, ProcessKind, Thread};
use audit::key::ProcessKey;
use audit::record::Actor;
use fltmgr::irql::{APC_LEVEL, assert_at_most};
use fltmgr::{CallbackData, CopyInformation};

use crate::state::State;

/// Where the data of a copy's write comes from. Only kernel-mode writes are asked: those of a copy are.
///
/// Maximum IRQL: `APC_LEVEL`. Source: "Kernel-mode file copy and detecting copy file scenarios".
#[inline]
pub(crate) fn copy_information<'cb>(
    state: &State,
    data: &'cb CallbackData<'_>,
) -> Option<CopyInformation<'cb>> {
    assert_at_most(APC_LEVEL);
    match data.requestor_mode() {
        fltmgr::Mode::User => None,
        fltmgr::Mode::Kernel => state.exports.copy_information?.query(data),
    }
}

/// Maximum IRQL: `APC_LEVEL`.
#[inline]
pub(crate) fn gather(data: &CallbackData<'_>, copy: bool) -> Facts {
    assert_at_most(APC_LEVEL);
    let thread = data.thread().map(|thread| Thread { tid: thread.id(), process: process_of(thread) });
    let requestor = if thread.is_some() { None } else { data.requestor_process() };
    let requestor = requestor.map(|process| of_kind(process, kind(process)));
    let requestor_mode = match data.requestor_mode() {
        fltmgr::Mode::Kernel => Mode::Kernel,
        fltmgr::Mode::User => Mode::User,
    };
    Facts { thread, requestor, requestor_mode, copy }
}

/// The thread that runs, where it is not the one that the operation records.
///
/// Maximum IRQL: `APC_LEVEL`.
#[inline]
pub(crate) fn executor(data: &CallbackData<'_>) -> Option<Actor> {
    assert_at_most(APC_LEVEL);
    fltmgr::Thread::with_current(|current| {
        (data.thread() != Some(current)).then(|| {
            let process = current.process();
            Actor { process: ProcessKey(process.start_key()), pid: process.id(), tid: current.id() }
        })
    })
}

/// A system thread is the kernel's wherever it runs, whatever mode its request claims: minimal processes such as Registry
/// have no others.
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
#[inline]
pub(crate) fn process_of(thread: fltmgr::Thread<'_>) -> Process {
    let process = thread.process();
    let kind = if thread.is_system() { ProcessKind::Kernel } else { kind(process) };
    of_kind(process, kind)
}

/// Maximum IRQL: any.
#[inline]
fn kind(process: fltmgr::Process<'_>) -> ProcessKind {
    if process == fltmgr::Process::system() { ProcessKind::Kernel } else { ProcessKind::User }
}

/// Maximum IRQL: `DISPATCH_LEVEL`.
#[inline]
fn of_kind(process: fltmgr::Process<'_>, kind: ProcessKind) -> Process {
    Process { key: ProcessKey(process.start_key()), pid: process.id(), kind }
}
