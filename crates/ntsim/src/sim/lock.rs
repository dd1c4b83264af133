//! What a harness has done to ranges of files: locking and unlocking them.

use super::{Handle, Notice, Request, Sim, Thread};
use crate::io::lock_control::{self, OnConflict};
use crate::status::NtStatus;

/// A range to lock or unlock, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct LockSpec {
    /// Where it begins, in bytes.
    pub offset: i64,
    /// Its length in bytes.
    pub length: i64,
    /// Others can neither read nor write there; else nobody can write there.
    pub exclusive: bool,
    /// Tells the locks of a file object and process apart; usually 0.
    pub key: u32,
}

impl LockSpec {
    /// A range to be locked exclusively.
    #[must_use]
    pub fn exclusive(offset: i64, length: i64) -> Self {
        Self { offset, length, exclusive: true, key: 0 }
    }

    /// A range to be locked for sharing.
    #[must_use]
    pub fn shared(offset: i64, length: i64) -> Self {
        Self { exclusive: false, ..Self::exclusive(offset, length) }
    }
}

/// A range that the calls without a [`LockSpec`] name.
fn range(offset: u64, length: u64) -> Result<LockSpec, NtStatus> {
    let number = |value| i64::try_from(value).map_err(|_| NtStatus::INVALID_PARAMETER);
    Ok(LockSpec::exclusive(number(offset)?, number(length)?))
}

impl Sim {
    /// `NtLockFile` of a range, exclusively: others can neither read nor write there before it is unlocked or the file closed.
    ///
    /// # Errors
    ///
    /// The status of the failed operation: `STATUS_LOCK_NOT_GRANTED` if others have locked there.
    pub fn lock(&self, thread: Thread, handle: Handle, offset: u64, length: u64) -> Result<(), NtStatus> {
        let spec = range(offset, length)?;
        self.as_thread(thread, |cpu| lock_control::lock(cpu, handle, &spec, OnConflict::Fail))
    }

    /// `NtLockFile` of a range, for sharing: nobody can write there.
    ///
    /// # Errors
    ///
    /// The status of the failed operation: `STATUS_LOCK_NOT_GRANTED` if others have locked there exclusively.
    pub fn lock_shared(
        &self,
        thread: Thread,
        handle: Handle,
        offset: u64,
        length: u64,
    ) -> Result<(), NtStatus> {
        let spec = LockSpec { exclusive: false, ..range(offset, length)? };
        self.as_thread(thread, |cpu| lock_control::lock(cpu, handle, &spec, OnConflict::Fail))
    }

    /// `NtLockFile` that waits until the range can be locked.
    ///
    /// # Errors
    ///
    /// The status of the failed operation: `STATUS_CANCELLED` if it was cancelled meanwhile.
    pub fn lock_waiting(&self, thread: Thread, handle: Handle, spec: &LockSpec) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| lock_control::lock(cpu, handle, spec, OnConflict::Wait))
    }

    /// `NtLockFile` on an asynchronous handle, up to where it returns: [`Sim::request_result`] tells when the range is locked.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_PARAMETER` for a synchronous handle, or why there was no request.
    pub fn start_lock(
        &self,
        thread: Thread,
        handle: Handle,
        spec: &LockSpec,
        notice: Notice,
    ) -> Result<Request, NtStatus> {
        let thread = self.living_thread(thread).ok_or(NtStatus::INVALID_CID)?;
        self.enter_briefly(thread, |cpu| lock_control::start_lock(cpu, handle, spec, notice)).map(Request)
    }

    /// `NtUnlockFile` of a range.
    ///
    /// # Errors
    ///
    /// The status of the failed operation: `STATUS_RANGE_NOT_LOCKED` if exactly this range is not.
    pub fn unlock(&self, thread: Thread, handle: Handle, offset: u64, length: u64) -> Result<(), NtStatus> {
        self.unlock_range(thread, handle, &range(offset, length)?)
    }

    /// `NtUnlockFile` of a range that was locked by a key.
    ///
    /// # Errors
    ///
    /// As [`Sim::unlock`].
    pub fn unlock_range(&self, thread: Thread, handle: Handle, spec: &LockSpec) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| lock_control::unlock(cpu, handle, spec))
    }
}
