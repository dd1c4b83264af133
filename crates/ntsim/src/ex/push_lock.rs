//! Push locks, as the Filter Manager offers them.

use std::sync::Arc;

use crate::abi::Ptr;
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

/// Who holds a lock: several sharers, or one exclusive owner.
#[derive(Default)]
struct Holders(Vec<(Arc<Thread>, Access)>);

impl Holders {
    fn admits(&self, access: Access) -> bool {
        self.0.is_empty() || access == Access::Shared && self.0[0].1 == Access::Shared
    }

    fn position(&self, thread: &Arc<Thread>) -> Option<usize> {
        self.0.iter().position(|(holder, _)| Arc::ptr_eq(holder, thread))
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
        Some(holders) if !holders.0.is_empty() => {
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
    let recursive = locks.with(cpu, lock, |holders| holders.position(&thread).is_some());
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
            holders.0.push((Arc::clone(&thread), access));
        }
        admitted
    });
    thread.set_push_locks(thread.push_locks() + 1);
}

/// `FltReleasePushLock`.
pub(crate) fn release(cpu: &Cpu, lock: Ptr<usize>) {
    let thread = cpu.thread();
    let held = cpu.kernel().push_locks.with(cpu, lock, |holders| {
        let position = holders.position(&thread);
        position.map(|position| holders.0.remove(position)).is_some()
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
