//! Who had which file deleted, until it is gone.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicUsize, Ordering};

use audit::ledger::LossReason;
use audit::record::{Change, Operation};
use audit::ring::LossStage;
use fltmgr::irql::{APC_LEVEL, assert_at_most};
use fltmgr::pool::PoolBox;
use fltmgr::{PushLock, Result};

use crate::memory::TAG;
use crate::state::State;

/// Who asked for a file to be deleted, and how that was: the event of its end, but for the time.
#[derive(Clone, Copy)]
pub(crate) struct Deleter(Change);

impl Deleter {
    /// Maximum IRQL: any.
    pub(crate) fn of(pending: &Change) -> Self {
        Self(Change { operation: Operation::Delete, executor: None, ..*pending })
    }

    /// What is to be recorded when the file is gone.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn change(self) -> Change {
        self.0
    }
}

/// Files that are to be deleted when a handle is closed. There are few at a time: most are closed at once.
pub(crate) struct Deletions {
    pending: PushLock<Option<PoolBox<Pending>>>,
    /// How many there are, for those who only want to know that there are none.
    count: AtomicUsize,
}

/// A list.
struct Pending {
    /// The stream's address.
    address: NonZeroU64,
    deleter: Deleter,
    next: Option<PoolBox<Pending>>,
}

impl Deletions {
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn try_new() -> Result<Self> {
        assert_at_most(APC_LEVEL);
        Ok(Self { pending: PushLock::try_new(None, TAG)?, count: AtomicUsize::new(0) })
    }

    /// Whether no file is to be deleted.
    ///
    /// Maximum IRQL: any.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        // Relaxed: whoever closes a file that is to be deleted does so after it was marked, by himself or by somebody who
        // told him; the deletion of one that is marked at the same moment may come to him or to a later handle.
        self.count.load(Ordering::Relaxed) == 0
    }

    /// A stream is to be deleted, by this one; he takes the place of who wanted that before.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn set(&self, state: &State, address: NonZeroU64, deleter: Deleter) {
        assert_at_most(APC_LEVEL);
        let Ok(mut entry) = PoolBox::try_new(Pending { address, deleter, next: None }, TAG) else {
            state.ring.record_loss(LossReason::NoMemory, 1, LossStage::BeforePush);
            return;
        };
        let mut pending = self.pending.exclusive();
        let before = take(&mut pending, address);
        if before.is_none() {
            // Relaxed: see `is_empty`.
            self.count.fetch_add(1, Ordering::Relaxed);
        }
        entry.next = pending.take();
        *pending = Some(entry);
    }

    /// Whether a stream is to be deleted.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn contains(&self, address: NonZeroU64) -> bool {
        assert_at_most(APC_LEVEL);
        let pending = self.pending.shared();
        let mut next = pending.as_deref();
        while let Some(entry) = next {
            if entry.address == address {
                return true;
            }
            next = entry.next.as_deref();
        }
        false
    }

    /// A stream is not to be deleted any more, or is gone. Returns who wanted it to be.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn forget(&self, address: NonZeroU64) -> Option<Deleter> {
        assert_at_most(APC_LEVEL);
        if self.is_empty() {
            return None;
        }
        let taken = take(&mut self.pending.exclusive(), address)?;
        // Relaxed: see `is_empty`.
        self.count.fetch_sub(1, Ordering::Relaxed);
        Some(taken.deleter)
    }
}

/// Takes the entry of a stream out of the list.
///
/// Maximum IRQL: `APC_LEVEL`.
fn take(first: &mut Option<PoolBox<Pending>>, address: NonZeroU64) -> Option<PoolBox<Pending>> {
    let mut place = first;
    while place.as_ref().is_some_and(|entry| entry.address != address) {
        place = &mut place.as_mut()?.next;
    }
    let mut taken = place.take()?;
    *place = taken.next.take();
    Some(taken)
}

impl Drop for Deletions {
    /// One after the other: nothing is nested as deep as the list is long.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    fn drop(&mut self) {
        let mut next = self.pending.exclusive().take();
        while let Some(mut entry) = next {
            next = entry.next.take();
        }
    }
}
