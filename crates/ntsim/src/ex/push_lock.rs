//! Push locks, as the Filter Manager offers them.

use std::sync::Arc;

use crate::abi::{Address, Ptr};
use crate::ke::Cpu;
use crate::ke::crash::Crash;
use crate::ps::Thread;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// How a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Shared,
    Exclusive,
}

/// Who holds a lock: several sharers, or one exclusive owner; and what is known of its use.
#[derive(Default)]
struct Holders {
    by: Vec<(Arc<Thread>, Access)>,
    /// Whether a callback of an operation ever took it.
    in_callback: bool,
    /// The routine over which it was ever held that may bring a callback about.
    held_over: Option<&'static str>,
}

impl Holders {
    fn admits(&self, access: Access) -> bool {
        self.by.is_empty() || access == Access::Shared && self.by[0].1 == Access::Shared
    }

    fn position(&self, thread: &Arc<Thread>) -> Option<usize> {
        self.by.iter().position(|(holder, _)| Arc::ptr_eq(holder, thread))
    }
}

/// The push locks of one kernel, by address. The driver's memory holds nothing but a mark that a lock was initialized.
#[derive(Default)]
pub(crate) struct PushLocks {
    locks: Lock<AddressMap<Holders>>,
}

impl PushLocks {
    fn with<R>(&self, cpu: &Cpu, lock: Ptr<usize>, work: impl FnOnce(&mut Holders) -> R) -> Option<R> {
        let result = self.locks.lock().get_mut(&lock.address()).map(work);
        if result.is_none() {
            cpu.violation(Rule::PushLock, format!("the push lock at {lock:?} was never initialized"));
        }
        result
    }
}

/// `FltInitializePushLock`.
pub(crate) fn initialize(cpu: &Cpu, lock: Ptr<usize>) {
    lock.write(0);
    cpu.kernel().push_locks.locks.lock().insert(lock.address(), Holders::default());
}

/// `FltDeletePushLock`.
pub(crate) fn delete(cpu: &Cpu, lock: Ptr<usize>) {
    let removed = cpu.kernel().push_locks.locks.lock().remove(&lock.address());
    match removed {
        None => {
            cpu.violation(Rule::PushLock, format!("the push lock at {lock:?} was never initialized"));
        }
        Some(holders) if !holders.by.is_empty() => {
            cpu.violation(Rule::PushLock, "deletes a push lock that is held");
        }
        Some(_) => {}
    }
}

/// `FltAcquirePushLockExclusive`.
pub(crate) fn acquire_exclusive(cpu: &Cpu, lock: Ptr<usize>) {
    acquire(cpu, lock, Access::Exclusive);
}

/// `FltAcquirePushLockShared`.
pub(crate) fn acquire_shared(cpu: &Cpu, lock: Ptr<usize>) {
    acquire(cpu, lock, Access::Shared);
}

fn acquire(cpu: &Cpu, lock: Ptr<usize>, access: Access) {
    let locks = &cpu.kernel().push_locks;
    let thread = cpu.thread();
    let in_callback = cpu.any_operation(|_| true);
    let recursive = locks.with(cpu, lock, |holders| {
        let news = in_callback && !holders.in_callback;
        holders.in_callback |= in_callback;
        (holders.position(&thread).is_some(), holders.held_over.filter(|_| news))
    });
    if let Some((_, Some(routine))) = recursive {
        report_call_out(cpu, lock.address(), routine);
    }
    let recursive = recursive.map(|(recursive, _)| recursive);
    match recursive {
        None => return,
        Some(true) => {
            cpu.violation(Rule::PushLock, "acquires a push lock that it holds already");
            cpu.crash(Crash::Deadlock(format!(
                "a thread that holds the push lock at {lock:?} acquires it again"
            )));
        }
        Some(false) => {}
    }
    // Both acquire routines disable normal kernel APCs until the release.
    thread.set_critical_regions(thread.critical_regions() + 1);
    cpu.kernel().scheduler.wait(cpu, lock.address(), None, || {
        let mut locks = locks.locks.lock();
        let Some(holders) = locks.get_mut(&lock.address()) else { return true };
        let admitted = holders.admits(access);
        if admitted {
            holders.by.push((Arc::clone(&thread), access));
        }
        admitted
    });
    thread.set_push_locks(thread.push_locks() + 1);
}

/// Checks that no lock is held over a call by which a callback may come that takes it too (rule 28): a message's receiver,
/// or whoever gets the driver's own I/O, may wait for just that.
pub(crate) fn check_call_out(cpu: &Cpu) {
    let thread = cpu.thread();
    if thread.push_locks() == 0 {
        return;
    }
    let routine = cpu.routine.get().map_or("a routine", |routine| routine.name);
    let mut wrong = Vec::new();
    for (address, holders) in cpu.kernel().push_locks.locks.lock().iter_mut() {
        if holders.position(&thread).is_some() && holders.held_over.is_none() {
            holders.held_over = Some(routine);
            wrong.extend(holders.in_callback.then_some(*address));
        }
    }
    for address in wrong {
        report_call_out(cpu, address, routine);
    }
}

fn report_call_out(cpu: &Cpu, lock: Address, routine: &str) {
    let detail =
        format!("the push lock at 0x{lock:X} is taken by a callback, and is held over a call of {routine}");
    cpu.violation(Rule::Reentrancy, detail);
}

/// `FltReleasePushLock`.
pub(crate) fn release(cpu: &Cpu, lock: Ptr<usize>) {
    let thread = cpu.thread();
    let held = cpu.kernel().push_locks.with(cpu, lock, |holders| {
        let position = holders.position(&thread);
        position.map(|position| holders.by.remove(position)).is_some()
    });
    match held {
        None => {}
        Some(false) => cpu.violation(Rule::PushLock, "releases a push lock that it does not hold"),
        Some(true) => {
            thread.set_critical_regions(thread.critical_regions().saturating_sub(1));
            thread.set_push_locks(thread.push_locks().saturating_sub(1));
            cpu.kernel().scheduler.signal(lock.address());
        }
    }
}
