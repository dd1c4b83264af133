//! Events, and waiting for dispatcher objects.

use std::ffi::c_void;
use std::sync::atomic::{AtomicI32, Ordering};

use super::cpu::Cpu;
use super::irql::Irql;
use crate::abi::{DispatcherHeader, KernelEvent, ListEntry, Ptr};
use crate::status::NtStatus;
use crate::verifier::{Rule, calls};

/// `EVENT_TYPE`: such an event satisfies one wait and is reset by it.
const SYNCHRONIZATION_EVENT: u32 = 1;
/// `EVENT_TYPE`: such an event stays signalled.
const NOTIFICATION_EVENT: u32 = 0;
/// `DISPATCHER_HEADER.Size` of an event, in 32-bit words.
const EVENT_WORDS: u8 = 6;

/// `KeInitializeEvent`.
pub(crate) fn initialize_event(cpu: &Cpu, event: Ptr<KernelEvent>, kind: u32, state: u8) {
    if kind != NOTIFICATION_EVENT && kind != SYNCHRONIZATION_EVENT {
        cpu.violation(Rule::InvalidParameter, format!("{kind} is no EVENT_TYPE"));
    }
    let list = event.byte_offset::<c_void>(std::mem::offset_of!(DispatcherHeader, wait_list));
    event.write(KernelEvent {
        header: DispatcherHeader {
            kind: u8::from(kind == SYNCHRONIZATION_EVENT),
            signalling: 0,
            size: EVENT_WORDS,
            reserved: 0,
            signal_state: i32::from(state != 0),
            wait_list: ListEntry { flink: list, blink: list },
        },
    });
}

/// What kind of event it is, complaining of memory that was never made one.
fn kind(cpu: &Cpu, event: Ptr<KernelEvent>) -> u32 {
    let byte = |offset| event.byte_offset::<u8>(offset).read();
    let kind = u32::from(byte(std::mem::offset_of!(DispatcherHeader, kind)));
    if byte(std::mem::offset_of!(DispatcherHeader, size)) != EVENT_WORDS || kind > SYNCHRONIZATION_EVENT {
        cpu.violation(Rule::InvalidParameter, format!("the event at {event:?} was never initialized"));
    }
    kind
}

/// Whether it is signalled: several processors set and take it at once.
fn signal_state(event: Ptr<KernelEvent>) -> &'static AtomicI32 {
    event.byte_offset::<i32>(std::mem::offset_of!(DispatcherHeader, signal_state)).atomic()
}

/// `KeSetEvent`.
pub(crate) fn set_event(cpu: &Cpu, event: Ptr<KernelEvent>, _increment: i32, wait: u8) -> i32 {
    if wait != 0 && cpu.irql() > Irql::APC {
        cpu.violation(Rule::IrqlTooHigh, format!("Wait is TRUE at {}", cpu.irql()));
    }
    kind(cpu, event);
    // Release: pairs with the Acquire in `acquire_event`, so that whoever is woken sees what was done before; Acquire for
    // the caller, who may draw conclusions from the previous state.
    let previous = signal_state(event).swap(1, Ordering::AcqRel);
    cpu.kernel().scheduler.signal(event.address());
    previous
}

/// `KeClearEvent`.
pub(crate) fn clear_event(cpu: &Cpu, event: Ptr<KernelEvent>) {
    kind(cpu, event);
    // Acquire: pairs with the Release in `set_event`, whose signal is discarded but may have been seen.
    signal_state(event).swap(0, Ordering::AcqRel);
}

/// Takes the event if it is signalled.
fn acquire_event(cpu: &Cpu, event: Ptr<KernelEvent>) -> bool {
    let state = signal_state(event);
    // Acquire: pairs with the Release in `set_event`. Of several who wait for a synchronization event one takes it.
    if kind(cpu, event) == SYNCHRONIZATION_EVENT {
        state.swap(0, Ordering::AcqRel) > 0
    } else {
        state.load(Ordering::Acquire) > 0
    }
}

/// `KeWaitForSingleObject`, for events and threads.
pub(crate) fn wait_for_single_object(
    cpu: &Cpu,
    object: Ptr,
    _reason: u32,
    _mode: i8,
    _alertable: u8,
    timeout: Ptr<i64>,
) -> NtStatus {
    let timeout = timeout.non_null().map(Ptr::read);
    if timeout != Some(0) {
        calls::check_wait(cpu, "waits");
    }
    let deadline = timeout.map(|timeout| cpu.kernel().clock.deadline(timeout));
    let scheduler = &cpu.kernel().scheduler;
    let satisfied = match cpu.kernel().objects.thread(object) {
        Some(thread) => scheduler.wait(cpu, object.address(), deadline, || thread.has_ended()),
        None => scheduler.wait(cpu, object.address(), deadline, || acquire_event(cpu, object.cast())),
    };
    if satisfied { NtStatus::SUCCESS } else { NtStatus::TIMEOUT }
}
