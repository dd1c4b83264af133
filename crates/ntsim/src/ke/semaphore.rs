//! Semaphores (`KSEMAPHORE`).

use std::sync::atomic::Ordering;

use super::cpu::Cpu;
use super::dispatcher::{self, kind, kind_of, state_of};
use crate::abi::{DispatcherHeader, ListEntry, Ptr};
use crate::verifier::Rule;

/// Where the limit is, behind the header.
const LIMIT: usize = size_of::<DispatcherHeader>();
/// `sizeof(KSEMAPHORE)` in words.
const WORDS: u8 = 8;

/// `KeInitializeSemaphore`.
pub(crate) fn initialize(cpu: &Cpu, semaphore: Ptr, count: i32, limit: i32) {
    if count < 0 || limit <= 0 || count > limit {
        cpu.violation(Rule::InvalidParameter, format!("makes a semaphore of {count} with the limit {limit}"));
    }
    let list = semaphore.byte_offset(std::mem::offset_of!(DispatcherHeader, wait_list));
    semaphore.cast().write(DispatcherHeader {
        kind: kind::SEMAPHORE,
        signalling: 0,
        size: WORDS,
        reserved: 0,
        signal_state: count,
        wait_list: ListEntry { flink: list, blink: list },
    });
    semaphore.byte_offset(LIMIT).write(limit);
}

/// `KeReleaseSemaphore`: beyond the limit NT raises an exception; here the count stays.
pub(crate) fn release(cpu: &Cpu, semaphore: Ptr, _increment: i32, adjustment: i32, wait: u8) -> i32 {
    dispatcher::check_wait_follows(cpu, wait);
    if kind_of(semaphore) != kind::SEMAPHORE {
        cpu.violation(
            Rule::InvalidParameter,
            format!("the semaphore at {semaphore:?} was never initialized"),
        );
    }
    let limit = semaphore.byte_offset::<i32>(LIMIT).read();
    let more = |count: i32| count.checked_add(adjustment).filter(|sum| adjustment > 0 && *sum <= limit);
    // AcqRel: pairs with the Acquire of who takes it, so that what was done before is seen.
    match state_of(semaphore).fetch_update(Ordering::AcqRel, Ordering::Acquire, more) {
        Ok(before) => {
            dispatcher::signal(cpu, semaphore.address());
            before
        }
        Err(before) => {
            let detail =
                format!("releases a semaphore of {before} by {adjustment}, beyond its limit of {limit}");
            cpu.violation(Rule::InvalidParameter, detail);
            before
        }
    }
}

/// `KeReadStateSemaphore`.
pub(crate) fn read_state(_cpu: &Cpu, semaphore: Ptr) -> i32 {
    // Acquire: as for taking it.
    state_of(semaphore).load(Ordering::Acquire)
}
