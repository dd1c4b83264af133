//! Mutexes (`KMUTEX`): owned by a thread, recursive, and a critical region while they are held. Who owns them is kept here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::cpu::Cpu;
use super::dispatcher::{self, kind, state_of};
use crate::abi::{DispatcherHeader, ListEntry, Ptr};
use crate::ps::Thread;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// `KMUTANT`: what follows the header.
const OWNER: usize = 40;
/// Bytes of the structure; in words in the header.
const MUTANT_BYTES: usize = 56;

/// The mutexes that are owned, by address: by whom, and how often.
#[derive(Default)]
pub(super) struct Mutexes(Lock<AddressMap<(Arc<Thread>, i32)>>);

/// `KeInitializeMutex`.
pub(crate) fn initialize(_cpu: &Cpu, mutex: Ptr, _level: u32) {
    mutex.cast::<u8>().write_slice(&[0; MUTANT_BYTES]);
    let list = mutex.byte_offset(std::mem::offset_of!(DispatcherHeader, wait_list));
    mutex.cast().write(DispatcherHeader {
        kind: kind::MUTANT,
        signalling: 0,
        size: u8::try_from(MUTANT_BYTES / 4).unwrap_or(0),
        reserved: 0,
        signal_state: 1,
        wait_list: ListEntry { flink: list, blink: list },
    });
}

/// Whether the current thread could have it.
pub(super) fn is_free(cpu: &Cpu, mutex: Ptr) -> bool {
    let owned = cpu.kernel().dispatcher.mutexes.0.lock();
    owned.get(&mutex.address()).is_none_or(|(owner, _)| Arc::ptr_eq(owner, &cpu.thread()))
}

/// Takes it if it is free or the thread's own already.
pub(super) fn acquire(cpu: &Cpu, mutex: Ptr) -> bool {
    let thread = cpu.thread();
    let count = {
        let mut owned = cpu.kernel().dispatcher.mutexes.0.lock();
        let entry = owned.entry(mutex.address()).or_insert_with(|| (Arc::clone(&thread), 0));
        if !Arc::ptr_eq(&entry.0, &thread) {
            return false;
        }
        entry.1 += 1;
        entry.1
    };
    if count == 1 {
        mutex.byte_offset::<Ptr>(OWNER).write(thread.ptr());
        thread.set_critical_regions(thread.critical_regions() + 1);
        thread.set_push_locks(thread.push_locks() + 1);
    }
    // Release: pairs with the Acquire of who reads the state; the table above decides who owns it.
    state_of(mutex).store(1 - count, Ordering::Release);
    true
}

/// Gives it back once; returns the state before, unless it is not the thread's.
fn release_once(cpu: &Cpu, mutex: Ptr) -> Option<i32> {
    let thread = cpu.thread();
    let left = {
        let mut owned = cpu.kernel().dispatcher.mutexes.0.lock();
        let (holder, count) = owned.get_mut(&mutex.address())?;
        if !Arc::ptr_eq(holder, &thread) {
            return None;
        }
        *count -= 1;
        let left = *count;
        if left == 0 {
            owned.remove(&mutex.address());
        }
        left
    };
    if left == 0 {
        mutex.byte_offset::<Ptr>(OWNER).write(Ptr::NULL);
        thread.set_critical_regions(thread.critical_regions().saturating_sub(1));
        thread.set_push_locks(thread.push_locks().saturating_sub(1));
    }
    // Release: as in `acquire`.
    state_of(mutex).store(1 - left, Ordering::Release);
    Some(-left)
}

/// Undoes [`acquire`].
pub(super) fn give_back(cpu: &Cpu, mutex: Ptr) {
    release_once(cpu, mutex);
}

/// `KeReleaseMutex`: returns the state before, 0 if it is free now.
pub(crate) fn release(cpu: &Cpu, mutex: Ptr, wait: u8) -> i32 {
    dispatcher::check_wait_follows(cpu, wait);
    let Some(before) = release_once(cpu, mutex) else {
        cpu.violation(Rule::PushLock, format!("releases the mutex at {mutex:?}, which it does not own"));
        return 0;
    };
    dispatcher::signal(cpu, mutex.address());
    before
}

/// `KeReadStateMutex`: 1 if it is free.
pub(crate) fn read_state(_cpu: &Cpu, mutex: Ptr) -> i32 {
    // Acquire: pairs with the Release of who releases it.
    state_of(mutex).load(Ordering::Acquire)
}
