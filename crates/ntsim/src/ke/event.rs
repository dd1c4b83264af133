//! Events, and waiting for dispatcher objects.

use std::ffi::c_void;

use super::cpu::Cpu;
use super::irql::Irql;
use crate::abi::{DispatcherHeader, KernelEvent, ListEntry, Ptr};
use crate::status::NtStatus;
use crate::verifier::Rule;

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

/// Reads an event's header, complaining of memory that was never made one.
fn header(cpu: &Cpu, event: Ptr<KernelEvent>) -> DispatcherHeader {
    let header = event.read().header;
    if header.size != EVENT_WORDS || u32::from(header.kind) > SYNCHRONIZATION_EVENT {
        cpu.violation(Rule::InvalidParameter, format!("the event at {event:?} was never initialized"));
    }
    header
}

fn set_state(event: Ptr<KernelEvent>, state: i32) {
    event.byte_offset::<i32>(std::mem::offset_of!(DispatcherHeader, signal_state)).write(state);
}

/// `KeSetEvent`.
pub(crate) fn set_event(cpu: &Cpu, event: Ptr<KernelEvent>, _increment: i32, wait: u8) -> i32 {
    if wait != 0 && cpu.irql() > Irql::APC {
        cpu.violation(Rule::IrqlTooHigh, format!("Wait is TRUE at {}", cpu.irql()));
    }
    let previous = header(cpu, event).signal_state;
    set_state(event, 1);
    cpu.kernel().scheduler.signal(event.address());
    previous
}

/// `KeClearEvent`.
pub(crate) fn clear_event(cpu: &Cpu, event: Ptr<KernelEvent>) {
    header(cpu, event);
    set_state(event, 0);
}

/// Takes the event if it is signalled.
fn acquire_event(cpu: &Cpu, event: Ptr<KernelEvent>) -> bool {
    let header = header(cpu, event);
    let signalled = header.signal_state > 0;
    if signalled && u32::from(header.kind) == SYNCHRONIZATION_EVENT {
        set_state(event, 0);
    }
    signalled
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
    if timeout != Some(0) && cpu.irql() > Irql::APC {
        cpu.violation(Rule::Wait, format!("waits at {}", cpu.irql()));
    }
    let deadline = timeout.map(|timeout| cpu.kernel().clock.deadline(timeout));
    let scheduler = &cpu.kernel().scheduler;
    let satisfied = match cpu.kernel().objects.thread(object) {
        Some(thread) => scheduler.wait(cpu, object.address(), deadline, || thread.has_ended()),
        None => scheduler.wait(cpu, object.address(), deadline, || acquire_event(cpu, object.cast())),
    };
    if satisfied { NtStatus::SUCCESS } else { NtStatus::TIMEOUT }
}
