//! A dictionary behind its lock, and what all dictionaries have in common.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicU64, Ordering};

use audit::batch::{BatchWriter, NoRoom};
use audit::debug::DictionaryItems;
use audit::dictionary::{Dictionary, Layout, Limits};
use fltmgr::irql::{APC_LEVEL, assert_at_most};
use fltmgr::{NtStatus, PushLock, Result};

use crate::memory::{Pool, TAG};
use crate::state;

/// So many changes send the delivery thread to work, if no record does: with them, retired entries are let
/// go.
const CHANGES: usize = 1 << 8;

/// What is in a dictionary.
pub(crate) trait Entry {
    /// Writes the record of the entry.
    ///
    /// Maximum IRQL: any.
    fn write(&self, batch: &mut BatchWriter<'_>) -> core::result::Result<(), NoRoom>;
}

/// A dictionary that callbacks and the delivery thread share.
pub(crate) struct Shelf<E> {
    dictionary: PushLock<Dictionary<E, Pool>>,
    /// What there was no room for.
    refused: AtomicU64,
}

/// How much is missing in a dictionary.
pub(crate) struct Missing {
    /// Entries that there was no room for.
    pub(crate) refused: u64,
    /// Entries that fell out before they were delivered.
    pub(crate) forgotten: u64,
}

impl<E> Shelf<E> {
    /// For debuggers: how the entries lie in memory.
    pub(crate) const LAYOUT: Layout = Dictionary::<E, Pool>::LAYOUT;

    /// Tells a debugger where everything is. The dictionary is in pool, where it stays.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn describe(&self, items: &DictionaryItems) {
        assert_at_most(APC_LEVEL);
        self.dictionary.shared().describe(items);
        items.refused.at(&self.refused);
    }

    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn try_new(limits: Limits) -> Result<Self> {
        assert_at_most(APC_LEVEL);
        let dictionary = Dictionary::new(limits).ok_or(NtStatus::INSUFFICIENT_RESOURCES)?;
        Ok(Self { dictionary: PushLock::try_new(dictionary, TAG)?, refused: AtomicU64::new(0) })
    }

    /// Adds an entry, unless there is one with the key. When there is no room, that is counted.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn add(&self, key: NonZeroU64, entry: E) -> Result<()> {
        assert_at_most(APC_LEVEL);
        self.with(|dictionary| dictionary.add(key, entry)).map_err(|audit::dictionary::NoRoom| {
            self.note_refused();
            NtStatus::INSUFFICIENT_RESOURCES
        })
    }

    /// Counts something that has no entry, for want of room or of what it would say.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn note_refused(&self) {
        // Relaxed: a count; nothing depends on it.
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn contains(&self, key: NonZeroU64) -> bool {
        assert_at_most(APC_LEVEL);
        self.dictionary.shared().contains(key)
    }

    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn retire(&self, key: NonZeroU64) {
        assert_at_most(APC_LEVEL);
        self.with(|dictionary| dictionary.retire(key));
    }

    /// Does with the dictionary what it takes more than one step for.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn with<R>(&self, visit: impl FnOnce(&mut Dictionary<E, Pool>) -> R) -> R {
        assert_at_most(APC_LEVEL);
        let mut dictionary = self.dictionary.exclusive();
        let before = dictionary.changes() / CHANGES;
        let result = visit(&mut dictionary);
        let due = dictionary.changes() / CHANGES > before;
        drop(dictionary);
        if let Some(state) = state::get().filter(|_| due) {
            state.wake.set();
        }
        result
    }

    /// Looks at the dictionary.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn read<R>(&self, visit: impl FnOnce(&Dictionary<E, Pool>) -> R) -> R {
        assert_at_most(APC_LEVEL);
        visit(&self.dictionary.shared())
    }

    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn missing(&self) -> Missing {
        assert_at_most(APC_LEVEL);
        // Relaxed: a count; nothing depends on it.
        let refused = self.refused.load(Ordering::Relaxed);
        Missing { refused, forgotten: self.dictionary.shared().forgotten() }
    }
}

/// A dictionary as the delivery thread sees it: what [`Dictionary`] offers under the same names.
///
/// Maximum IRQL of all of it: `APC_LEVEL`.
pub(crate) trait Deliverable {
    /// Somebody new is connected.
    fn begin_connection(&self);
    /// Nobody is connected any more.
    fn end_connection(&self);
    /// A cycle begins.
    fn begin_cycle(&self);
    /// The cycle was acknowledged whole.
    fn complete_cycle(&self);
    /// Writes what is unsent, as far as there is room.
    fn write_unsent(&self, batch: &mut BatchWriter<'_>) -> core::result::Result<(), NoRoom>;
}

/// Maximum IRQL of all of it: `APC_LEVEL`.
impl<E: Entry> Deliverable for Shelf<E> {
    fn begin_connection(&self) {
        self.with(Dictionary::begin_connection);
    }

    fn end_connection(&self) {
        self.with(Dictionary::end_connection);
    }

    fn begin_cycle(&self) {
        self.with(Dictionary::begin_cycle);
    }

    fn complete_cycle(&self) {
        self.with(Dictionary::complete_cycle);
    }

    fn write_unsent(&self, batch: &mut BatchWriter<'_>) -> core::result::Result<(), NoRoom> {
        self.with(|dictionary| {
            while let Some(entry) = dictionary.next() {
                entry.write(batch)?;
                dictionary.sent_next();
            }
            Ok(())
        })
    }
}
