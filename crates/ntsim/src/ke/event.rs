//! Events.

use std::ffi::c_void;
use std::sync::atomic::{AtomicI32, Ordering};

use super::cpu::Cpu;
use super::dispatcher;
use crate::abi::{DispatcherHeader, KernelEvent, ListEntry, Ptr};
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
    dispatcher::check_wait_follows(cpu, wait);
    kind(cpu, event);
    // Release: pairs with the Acquire in `acquire_event`, so that whoever is woken sees what was done before; Acquire for
    // the caller, who may draw conclusions from the previous state.
    let previous = signal_state(event).swap(1, Ordering::AcqRel);
    dispatcher::signal(cpu, event.address());
    previous
}

/// `KeClearEvent`.
pub(crate) fn clear_event(cpu: &Cpu, event: Ptr<KernelEvent>) {
    kind(cpu, event);
    // Acquire: pairs with the Release in `set_event`, whose signal is discarded but may have been seen.
    signal_state(event).swap(0, Ordering::AcqRel);
}

/// Takes the event if it is signalled.
pub(super) fn acquire_event(cpu: &Cpu, event: Ptr<KernelEvent>) -> bool {
    let state = signal_state(event);
    // Acquire: pairs with the Release in `set_event`. Of several who wait for a synchronization event one takes it.
    if kind(cpu, event) == SYNCHRONIZATION_EVENT {
        state.swap(0, Ordering::AcqRel) > 0
    } else {
        state.load(Ordering::Acquire) > 0
    }
}

/// `KeReadStateEvent`.
pub(crate) fn read_state(cpu: &Cpu, event: Ptr) -> i32 {
    kind(cpu, event.cast());
    // Acquire: pairs with the Release in `set_event`.
    signal_state(event.cast()).load(Ordering::Acquire)
}

/// `KeResetEvent`: returns the state before.
pub(crate) fn reset(cpu: &Cpu, event: Ptr) -> i32 {
    kind(cpu, event.cast());
    // AcqRel: as in `clear_event`, for a caller that draws conclusions from the state.
    signal_state(event.cast()).swap(0, Ordering::AcqRel)
}
