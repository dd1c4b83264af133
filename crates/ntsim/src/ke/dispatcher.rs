//! Waiting for dispatcher objects of whatever kind, one or several.

use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use super::cpu::Cpu;
use super::event;
use super::irql::Irql;
use super::mutex::{self, Mutexes};
use crate::abi::{Address, DispatcherHeader, Ptr};
use crate::status::NtStatus;
use crate::verifier::{Rule, calls};

/// `DISPATCHER_HEADER.Type`
pub(super) mod kind {
    pub(crate) const SYNCHRONIZATION_EVENT: u8 = 1;
    pub(crate) const MUTANT: u8 = 2;
    pub(crate) const SEMAPHORE: u8 = 5;
    pub(crate) const NOTIFICATION_TIMER: u8 = 8;
    pub(crate) const SYNCHRONIZATION_TIMER: u8 = 9;
}

/// `MAXIMUM_WAIT_OBJECTS`, and how many may be waited for without a buffer of wait blocks (`THREAD_WAIT_OBJECTS`).
const MAXIMUM_WAIT_OBJECTS: u32 = 64;
const THREAD_WAIT_OBJECTS: u32 = 3;
/// `WAIT_TYPE`
const WAIT_ALL: u32 = 0;
const WAIT_ANY: u32 = 1;

/// What the objects of one kernel have in common.
#[derive(Default)]
pub(crate) struct Dispatcher {
    pub(super) mutexes: Mutexes,
    /// How many threads wait for several objects at once.
    multiple: AtomicUsize,
}

impl Dispatcher {
    /// What those wait for.
    fn key(&self) -> Address {
        Ptr::of(&raw const self.multiple).address()
    }
}

/// An object has been signalled: whoever waits for it looks again.
pub(crate) fn signal(cpu: &Cpu, object: Address) {
    let kernel = cpu.kernel();
    kernel.scheduler.signal(object);
    // SeqCst, here and in `wait_for_several`: who counts itself and then looks at the objects, and who signals one and then
    // looks at the count, cannot both miss each other.
    if kernel.dispatcher.multiple.load(Ordering::SeqCst) > 0 {
        kernel.scheduler.signal(kernel.dispatcher.key());
    }
}

/// The type of an object in a driver's memory.
pub(super) fn kind_of(object: Ptr) -> u8 {
    object.byte_offset::<u8>(std::mem::offset_of!(DispatcherHeader, kind)).read()
}

/// The state of an object, which several processors change at once.
pub(super) fn state_of(object: Ptr) -> &'static AtomicI32 {
    object.byte_offset::<i32>(std::mem::offset_of!(DispatcherHeader, signal_state)).atomic()
}

/// Whether a wait would be satisfied now.
fn is_signalled(cpu: &Cpu, object: Ptr) -> bool {
    if let Some(thread) = cpu.kernel().objects.thread(object) {
        return thread.has_ended();
    }
    match kind_of(object) {
        kind::MUTANT => mutex::is_free(cpu, object),
        // Acquire: pairs with the Release of whoever signals.
        _ => state_of(object).load(Ordering::Acquire) > 0,
    }
}

/// Satisfies a wait, if that can be done now.
fn acquire(cpu: &Cpu, object: Ptr) -> bool {
    if let Some(thread) = cpu.kernel().objects.thread(object) {
        return thread.has_ended();
    }
    // AcqRel and Acquire: pair with the Release of whoever signals, so that what was done before is seen.
    match kind_of(object) {
        kind::MUTANT => mutex::acquire(cpu, object),
        kind::SEMAPHORE => {
            let less = |count: i32| (count > 0).then(|| count - 1);
            state_of(object).fetch_update(Ordering::AcqRel, Ordering::Acquire, less).is_ok()
        }
        kind::SYNCHRONIZATION_TIMER => state_of(object).swap(0, Ordering::AcqRel) > 0,
        kind::NOTIFICATION_TIMER => state_of(object).load(Ordering::Acquire) > 0,
        _ => event::acquire_event(cpu, object.cast()),
    }
}

/// Undoes [`acquire`].
fn give_back(cpu: &Cpu, object: Ptr) {
    match kind_of(object) {
        kind::MUTANT => mutex::give_back(cpu, object),
        // AcqRel: as for a release by a driver.
        kind::SEMAPHORE => {
            state_of(object).fetch_add(1, Ordering::AcqRel);
        }
        kind::SYNCHRONIZATION_EVENT | kind::SYNCHRONIZATION_TIMER => {
            state_of(object).store(1, Ordering::Release);
        }
        _ => {}
    }
    signal(cpu, object.address());
}

/// The moment at which a wait ends, if it does; complains of a wait where there must be none.
fn deadline(cpu: &Cpu, timeout: Ptr<i64>) -> Option<u64> {
    let timeout = timeout.non_null().map(Ptr::read);
    if timeout != Some(0) {
        calls::check_wait(cpu, "waits");
    }
    timeout.map(|timeout| cpu.kernel().clock.deadline(timeout))
}

/// `KeWaitForSingleObject`.
pub(crate) fn wait_for_single_object(
    cpu: &Cpu,
    object: Ptr,
    _reason: u32,
    _mode: i8,
    _alertable: u8,
    timeout: Ptr<i64>,
) -> NtStatus {
    let deadline = deadline(cpu, timeout);
    let satisfied = cpu.kernel().scheduler.wait(cpu, object.address(), deadline, || acquire(cpu, object));
    if satisfied { NtStatus::SUCCESS } else { NtStatus::TIMEOUT }
}

/// `KeWaitForMultipleObjects`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn wait_for_multiple_objects(
    cpu: &Cpu,
    count: u32,
    objects: Ptr<Ptr>,
    wait_type: u32,
    _reason: u32,
    _mode: i8,
    _alertable: u8,
    timeout: Ptr<i64>,
    blocks: Ptr,
) -> NtStatus {
    let limit = if blocks.is_null() { THREAD_WAIT_OBJECTS } else { MAXIMUM_WAIT_OBJECTS };
    if count == 0 || count > limit || !matches!(wait_type, WAIT_ALL | WAIT_ANY) {
        let detail = format!("waits for {count} objects, of {limit} at most, in way {wait_type}");
        cpu.violation(Rule::InvalidParameter, detail);
        return NtStatus::INVALID_PARAMETER;
    }
    let deadline = deadline(cpu, timeout);
    let objects = objects.read_slice(count as usize);
    match wait_for_several(cpu, &objects, wait_type == WAIT_ALL, deadline) {
        // `STATUS_WAIT_0` and those that follow.
        Some(index) => NtStatus(u32::try_from(index).unwrap_or(0)),
        None => NtStatus::TIMEOUT,
    }
}

/// Returns the position of the object that satisfied the wait, 0 if all did.
fn wait_for_several(cpu: &Cpu, objects: &[Ptr], all: bool, deadline: Option<u64>) -> Option<usize> {
    let dispatcher = &cpu.kernel().dispatcher;
    let mut found = None;
    let mut look = || {
        found = if all {
            acquire_all(cpu, objects).then_some(0)
        } else {
            objects.iter().position(|object| acquire(cpu, *object))
        };
        found.is_some()
    };
    // SeqCst: see `signal`.
    dispatcher.multiple.fetch_add(1, Ordering::SeqCst);
    cpu.kernel().scheduler.wait(cpu, dispatcher.key(), deadline, &mut look);
    dispatcher.multiple.fetch_sub(1, Ordering::SeqCst);
    found
}

/// Takes all or none.
fn acquire_all(cpu: &Cpu, objects: &[Ptr]) -> bool {
    if !objects.iter().all(|object| is_signalled(cpu, *object)) {
        return false;
    }
    for (index, object) in objects.iter().enumerate() {
        if !acquire(cpu, *object) {
            objects[..index].iter().for_each(|taken| give_back(cpu, *taken));
            return false;
        }
    }
    true
}

/// `KeDelayExecutionThread`.
pub(crate) fn delay_execution(cpu: &Cpu, _mode: i8, _alertable: u8, interval: Ptr<i64>) -> NtStatus {
    calls::check_wait(cpu, "delays its thread");
    let deadline = cpu.kernel().clock.deadline(interval.read());
    // Nobody signals the thread's own address while it runs.
    cpu.kernel().scheduler.wait(cpu, interval.address(), Some(deadline), || false);
    NtStatus::SUCCESS
}

/// Complains of `Wait` being TRUE where the caller cannot wait at once.
pub(super) fn check_wait_follows(cpu: &Cpu, wait: u8) {
    if wait != 0 && cpu.irql() > Irql::APC {
        cpu.violation(Rule::IrqlTooHigh, format!("Wait is TRUE at {}", cpu.irql()));
    }
}
