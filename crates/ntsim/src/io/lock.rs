//! Locks of byte ranges (ntifs, `FsRtlFastLock`, `FsRtlCheckLockForReadAccess`, `FsRtlCheckLockForWriteAccess`). They are a file
//! object's in a process, and hold for whatever reads and writes except for paging I/O.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::request::IoStatus;
use super::waiting::Ticket;
use crate::abi::Address;
use crate::fltmgr::{Operation, Pended};
use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::util::Lock;

/// Whose a lock is: a file object's, in a process, by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The address of the file object.
    pub(super) file: Address,
    /// The identity of the process.
    pub(super) process: u64,
    /// What whoever locks tells several of his locks apart by; 0 for those who do not.
    pub(super) key: u32,
}

/// A lock, or the wish for one.
#[derive(Clone, Debug)]
pub(super) struct Locking {
    pub(super) owner: Owner,
    pub(super) bytes: Range<i64>,
    pub(super) exclusive: bool,
}

#[derive(Default)]
struct State {
    locks: Vec<Locking>,
    /// Those that wait, in the order in which they came.
    waiting: Vec<(Ticket, Locking)>,
}

impl State {
    /// Whether nothing stands against a lock. A shared one may lie within the owner's own exclusive one; else only shared
    /// locks overlap.
    fn allows(&self, wish: &Locking) -> bool {
        !self.locks.iter().any(|other| {
            let is_own = other.owner == wish.owner;
            overlap(&other.bytes, &wish.bytes) && (wish.exclusive || other.exclusive && !is_own)
        })
    }

    /// Grants what nothing stands against any more: each that waits is looked at, the oldest first. Returns what to complete.
    fn grant(&mut self, cpu: &Cpu) -> Vec<Pended> {
        let mut granted = Vec::new();
        for (ticket, wish) in std::mem::take(&mut self.waiting) {
            if !self.allows(&wish) {
                self.waiting.push((ticket, wish));
            } else if let Some(pended) = cpu.kernel().waiting.take(ticket) {
                self.locks.push(wish);
                granted.push(pended);
            }
        }
        granted
    }
}

/// The locks of a stream.
#[derive(Default)]
pub(super) struct RangeLocks {
    state: Lock<State>,
    /// Whether there are any, so that most transfers need not look.
    any: AtomicBool,
}

impl RangeLocks {
    /// Changes the locks.
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock();
        let result = change(&mut state);
        // Relaxed: who transfers at the same time may come before or after the lock.
        self.any.store(!state.locks.is_empty(), Ordering::Relaxed);
        result
    }

    /// Locks a range, which is refused at once if that cannot be.
    pub(super) fn lock(&self, wish: &Locking) -> Result<(), NtStatus> {
        self.change(|state| {
            if !state.allows(wish) {
                return Err(NtStatus::LOCK_NOT_GRANTED);
            }
            state.locks.push(wish.clone());
            Ok(())
        })
    }

    /// Locks a range, or has the request wait for that.
    pub(super) fn lock_or_wait(
        &self,
        cpu: &Cpu,
        wish: Locking,
        operation: Operation,
        pended: Pended,
    ) -> Result<Ticket, Pended> {
        self.change(|state| {
            if state.allows(&wish) {
                state.locks.push(wish);
                return Err(pended);
            }
            let ticket = cpu.kernel().waiting.add(operation, pended);
            state.waiting.push((ticket, wish));
            Ok(ticket)
        })
    }

    /// Takes back the lock of exactly this range, the exclusive one first.
    pub(super) fn unlock(&self, cpu: &Cpu, owner: Owner, bytes: &Range<i64>) -> Result<(), NtStatus> {
        let granted = self.change(|state| {
            let find = |exclusive| {
                state.locks.iter().position(|lock| {
                    lock.exclusive == exclusive && lock.owner == owner && lock.bytes == *bytes
                })
            };
            let position = find(true).or_else(|| find(false)).ok_or(NtStatus::RANGE_NOT_LOCKED)?;
            state.locks.swap_remove(position);
            Ok(state.grant(cpu))
        })?;
        complete(cpu, granted, NtStatus::SUCCESS);
        Ok(())
    }

    /// The locks of some owners go, and so do their wishes for others.
    pub(super) fn unlock_all(&self, cpu: &Cpu, is_meant: impl Fn(&Owner) -> bool) {
        let (refused, granted) = self.change(|state| {
            let mut refused = Vec::new();
            state.waiting.retain(|(ticket, wish)| {
                let is_meant = is_meant(&wish.owner);
                if is_meant {
                    refused.extend(cpu.kernel().waiting.take(*ticket));
                }
                !is_meant
            });
            let before = state.locks.len();
            state.locks.retain(|lock| !is_meant(&lock.owner));
            let granted = if state.locks.len() < before { state.grant(cpu) } else { Vec::new() };
            (refused, granted)
        });
        // The page on `FsRtlFastUnlockAll` does not tell how a wish ends [inf].
        complete(cpu, refused, NtStatus::RANGE_NOT_LOCKED);
        complete(cpu, granted, NtStatus::SUCCESS);
    }

    /// Whether a transfer is let through: no reading where others have locked exclusively, no writing there nor where
    /// anybody has locked for sharing.
    pub(super) fn check(&self, owner: Owner, bytes: &Range<i64>, writes: bool) -> Result<(), NtStatus> {
        if !self.any.load(Ordering::Relaxed) {
            return Ok(());
        }
        let stands_against = |lock: &Locking| {
            let keeps_out = if lock.exclusive { lock.owner != owner } else { writes };
            keeps_out && overlap(&lock.bytes, bytes)
        };
        if self.state.lock().locks.iter().any(stands_against) {
            return Err(NtStatus::FILE_LOCK_CONFLICT);
        }
        Ok(())
    }
}

/// Completes requests that have waited, in the current thread.
fn complete(cpu: &Cpu, requests: Vec<Pended>, status: NtStatus) {
    for pended in requests {
        pended.complete(cpu, IoStatus::plain(status));
    }
}

fn overlap(one: &Range<i64>, other: &Range<i64>) -> bool {
    one.start < other.end && other.start < one.end
}
