//! Locks that live in a driver's memory and belong to a thread: fast mutexes, resources, spin locks. Who holds them is
//! kept here, by their address.

use std::sync::Arc;

use crate::abi::{Address, Ptr};
use crate::ke::crash::Crash;
use crate::ke::{Cpu, Irql};
use crate::ps::Thread;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// How a lock is held, or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Together with others that share it.
    Shared,
    /// Alone.
    Exclusive,
}

/// A thread that holds a lock, and how often.
struct Holder {
    thread: Arc<Thread>,
    access: Access,
    count: u32,
    /// The IRQL to go back to.
    irql: Irql,
}

/// The locks of one kernel that are held.
#[derive(Default)]
pub(crate) struct Locks {
    held: Lock<AddressMap<Vec<Holder>>>,
}

impl Locks {
    /// Takes a lock if that can be. A holder may take a recursive lock again.
    fn try_take(&self, lock: Address, cpu: &Cpu, access: Access, recursive: bool, irql: Irql) -> bool {
        let thread = cpu.thread();
        let mut held = self.held.lock();
        let holders = held.entry(lock).or_default();
        let own = holders.iter_mut().find(|holder| Arc::ptr_eq(&holder.thread, &thread));
        if let Some(own) = own {
            let again = recursive && (own.access == Access::Exclusive || access == Access::Shared);
            own.count += u32::from(again);
            return again;
        }
        let free = holders.iter().all(|other| access == Access::Shared && other.access == Access::Shared);
        if free {
            holders.push(Holder { thread, access, count: 1, irql });
        }
        free
    }

    /// How the current thread holds a lock.
    fn own(&self, lock: Address, cpu: &Cpu) -> Option<Access> {
        let thread = cpu.thread();
        let held = self.held.lock();
        let holders = held.get(&lock)?;
        holders.iter().find(|holder| Arc::ptr_eq(&holder.thread, &thread)).map(|holder| holder.access)
    }

    /// Gives a lock back; returns the IRQL to go back to, if the current thread held it.
    fn release(&self, lock: Address, cpu: &Cpu) -> Option<Irql> {
        let thread = cpu.thread();
        let mut held = self.held.lock();
        let holders = held.get_mut(&lock)?;
        let position = holders.iter().position(|holder| Arc::ptr_eq(&holder.thread, &thread))?;
        let irql = holders[position].irql;
        holders[position].count -= 1;
        if holders[position].count == 0 {
            holders.swap_remove(position);
        }
        if holders.is_empty() {
            held.remove(&lock);
        }
        Some(irql)
    }

    fn is_held(&self, lock: Address) -> bool {
        self.held.lock().contains_key(&lock)
    }
}

/// Waits for a lock. A thread that waits for itself ends the simulation.
pub(crate) fn acquire(cpu: &Cpu, lock: Address, what: &str, access: Access, recursive: bool, irql: Irql) {
    let locks = &cpu.kernel().locks;
    if locks
        .own(lock, cpu)
        .is_some_and(|own| !recursive || own == Access::Shared && access == Access::Exclusive)
    {
        cpu.violation(Rule::PushLock, format!("acquires a {what} that it holds already"));
        cpu.crash(Crash::Deadlock(format!("a thread that holds the {what} at 0x{lock:X} acquires it again")));
    }
    cpu.kernel().scheduler.wait(cpu, lock, None, || locks.try_take(lock, cpu, access, recursive, irql));
    note(cpu, true);
}

/// Takes a lock if that can be done at once.
pub(crate) fn try_acquire(cpu: &Cpu, lock: Address, access: Access, recursive: bool, irql: Irql) -> bool {
    let taken = cpu.kernel().locks.try_take(lock, cpu, access, recursive, irql);
    if taken {
        note(cpu, true);
    }
    taken
}

/// Gives a lock back; returns the IRQL that the thread had before.
pub(crate) fn release(cpu: &Cpu, lock: Address, what: &str) -> Option<Irql> {
    let irql = cpu.kernel().locks.release(lock, cpu);
    if irql.is_some() {
        note(cpu, false);
        cpu.kernel().scheduler.signal(lock);
    } else {
        cpu.violation(Rule::PushLock, format!("releases a {what} that it does not hold"));
    }
    irql
}

/// How the current thread holds a lock.
pub(crate) fn own(cpu: &Cpu, lock: Address) -> Option<Access> {
    cpu.kernel().locks.own(lock, cpu)
}

/// Complains of a lock that goes while somebody holds it.
pub(crate) fn forget(cpu: &Cpu, lock: Ptr, what: &str) {
    if cpu.kernel().locks.is_held(lock.address()) {
        cpu.violation(Rule::PushLock, format!("deletes a {what} that is held"));
    }
}

/// Callbacks must return with as many locks as they were entered with.
fn note(cpu: &Cpu, taken: bool) {
    let thread = cpu.thread();
    let count = thread.push_locks();
    thread.set_push_locks(if taken { count + 1 } else { count.saturating_sub(1) });
}
