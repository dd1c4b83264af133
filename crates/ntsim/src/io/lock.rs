//! Locks of byte ranges (ntifs, `FsRtlFastLock`, `FsRtlCheckLockForReadAccess`, `FsRtlCheckLockForWriteAccess`). They are a file
//! object's in a process, and hold for whatever reads and writes except for paging I/O.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::abi::Address;
use crate::status::NtStatus;
use crate::util::Lock;

/// Whose a lock is: a file object's, in a process. (Keys are always 0 here.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    /// The address of the file object.
    pub(super) file: Address,
    /// The identity of the process.
    pub(super) process: u64,
}

#[derive(Debug)]
struct RangeLock {
    owner: Owner,
    bytes: Range<i64>,
    exclusive: bool,
}

/// The locks of a stream.
#[derive(Default)]
pub(super) struct RangeLocks {
    locks: Lock<Vec<RangeLock>>,
    /// Whether there are any, so that most transfers need not look.
    any: AtomicBool,
}

impl RangeLocks {
    /// Locks a range, which is refused at once if that cannot be.
    pub(super) fn lock(&self, owner: Owner, bytes: Range<i64>, exclusive: bool) -> Result<(), NtStatus> {
        let mut locks = self.locks.lock();
        // A shared lock may lie within the owner's own exclusive one; else only shared locks overlap.
        let stands_against = |other: &RangeLock| {
            let is_own = other.owner == owner;
            overlap(&other.bytes, &bytes) && (exclusive || other.exclusive && !is_own)
        };
        if locks.iter().any(stands_against) {
            return Err(NtStatus::LOCK_NOT_GRANTED);
        }
        locks.push(RangeLock { owner, bytes, exclusive });
        // Relaxed: who transfers at the same time may come before or after the lock.
        self.any.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Takes back the lock of exactly this range, the exclusive one first.
    pub(super) fn unlock(&self, owner: Owner, bytes: &Range<i64>) -> Result<(), NtStatus> {
        let mut locks = self.locks.lock();
        let find = |exclusive| {
            locks
                .iter()
                .position(|lock| lock.exclusive == exclusive && lock.owner == owner && lock.bytes == *bytes)
        };
        let position = find(true).or_else(|| find(false)).ok_or(NtStatus::RANGE_NOT_LOCKED)?;
        locks.swap_remove(position);
        self.any.store(!locks.is_empty(), Ordering::Relaxed);
        Ok(())
    }

    /// A file object has been cleaned up.
    pub(super) fn unlock_all(&self, file: Address) {
        if self.any.load(Ordering::Relaxed) {
            let mut locks = self.locks.lock();
            locks.retain(|lock| lock.owner.file != file);
            self.any.store(!locks.is_empty(), Ordering::Relaxed);
        }
    }

    /// Whether a transfer is let through: no reading where others have locked exclusively, no writing there nor where
    /// anybody has locked for sharing.
    pub(super) fn check(&self, owner: Owner, bytes: &Range<i64>, writes: bool) -> Result<(), NtStatus> {
        if !self.any.load(Ordering::Relaxed) {
            return Ok(());
        }
        let stands_against = |lock: &RangeLock| {
            let keeps_out = if lock.exclusive { lock.owner != owner } else { writes };
            keeps_out && overlap(&lock.bytes, bytes)
        };
        if self.locks.lock().iter().any(stands_against) {
            return Err(NtStatus::FILE_LOCK_CONFLICT);
        }
        Ok(())
    }
}

fn overlap(one: &Range<i64>, other: &Range<i64>) -> bool {
    one.start < other.end && other.start < one.end
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Owner = Owner { file: 1, process: 1 };
    const OTHER: Owner = Owner { file: 2, process: 1 };

    #[test]
    fn an_exclusive_lock_keeps_others_out_and_a_shared_one_all_writers() {
        let locks = RangeLocks::default();
        assert_eq!(locks.lock(ONE, 0..10, true), Ok(()));
        let conflict = Err(NtStatus::FILE_LOCK_CONFLICT);
        assert_eq!(locks.check(ONE, &(0..10), true), Ok(()));
        assert_eq!([false, true].map(|writes| locks.check(OTHER, &(9..11), writes)), [conflict; 2]);
        assert_eq!(locks.check(OTHER, &(10..11), true), Ok(()));
        let refused = Err(NtStatus::LOCK_NOT_GRANTED);
        assert_eq!([true, false].map(|exclusive| locks.lock(OTHER, 5..6, exclusive)), [refused; 2]);
        assert_eq!(locks.lock(ONE, 5..6, false), Ok(()), "within its own");
        assert_eq!(locks.lock(ONE, 5..6, true), refused);
        assert_eq!(locks.unlock(ONE, &(0..9)), Err(NtStatus::RANGE_NOT_LOCKED));
        assert_eq!(locks.unlock(ONE, &(0..10)), Ok(()));
        assert_eq!(locks.check(OTHER, &(5..6), false), Ok(()));
        assert_eq!([ONE, OTHER].map(|owner| locks.check(owner, &(5..6), true)), [conflict; 2]);
        locks.unlock_all(1);
        assert_eq!(locks.check(OTHER, &(5..6), true), Ok(()));
    }
}
