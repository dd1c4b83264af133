//! Processes: what a process key stands for.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicU64, Ordering};

use audit::attribution::ProcessKind;
use audit::batch::{BatchWriter, NoRoom};
use audit::dictionary::{Dictionary, Limits, Needed};
use audit::record::Actor;
use fltmgr::irql::{APC_LEVEL, PASSIVE_LEVEL, assert_at_most};
use fltmgr::{NtStatus, Process, PushLock, Result};

use super::capture::{self, ProcessInfo};
use crate::memory::{Pool, TAG};

/// Process ids are at most 2²⁶ and mostly far fewer; memory is taken as they come. The last thousand that ended are kept,
/// for writes that outlive their process.
const LIMITS: Limits = Limits { entries: 1 << 18, retired: 1 << 14, kept: 1 << 10, buckets: 1 << 12 };

/// All processes that were met.
pub(crate) struct Processes {
    dictionary: PushLock<Dictionary<ProcessInfo, Pool>>,
    /// Processes that there was no memory for.
    unnamed: AtomicU64,
}

impl Processes {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn try_new() -> Result<Self> {
        let dictionary = Dictionary::new(LIMITS).ok_or(NtStatus::INSUFFICIENT_RESOURCES)?;
        Ok(Self { dictionary: PushLock::try_new(dictionary, TAG)?, unnamed: AtomicU64::new(0) })
    }

    /// Learns about a process that lives, unless it is known.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn meet(&self, process: Process<'_>, kind: ProcessKind) {
        assert_at_most(PASSIVE_LEVEL);
        let Some(key) = NonZeroU64::new(process.start_key()) else { return };
        if !self.dictionary.shared().contains(key) {
            self.add(key, capture::process(process, kind, capture::parent_id(process)));
        }
    }

    /// Learns about a process that is being created.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn created(&self, process: Process<'_>, parent_id: u32) {
        assert_at_most(PASSIVE_LEVEL);
        if let Some(key) = NonZeroU64::new(process.start_key()) {
            self.add(key, capture::process(process, ProcessKind::User, parent_id));
        }
    }

    /// A process ends.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn exited(&self, process: Process<'_>) {
        assert_at_most(APC_LEVEL);
        if let Some(key) = NonZeroU64::new(process.start_key()) {
            self.dictionary.exclusive().retire(key);
        }
    }

    fn add(&self, key: NonZeroU64, info: ProcessInfo) {
        if self.dictionary.exclusive().add(key, info).is_err() {
            // Relaxed: a count; nothing depends on it.
            self.unnamed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes a process that a record names, unless the connection has it; one that was not met is looked up.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn write_needed(
        &self,
        actor: Actor,
        batch: &mut BatchWriter<'_>,
    ) -> core::result::Result<(), NoRoom> {
        assert_at_most(PASSIVE_LEVEL);
        let Some(key) = NonZeroU64::new(actor.process.0) else { return Ok(()) };
        if matches!(self.dictionary.shared().needed(key), Needed::Unknown) {
            let info = capture::by_id(actor.process, actor.pid);
            let mut dictionary = self.dictionary.exclusive();
            if dictionary.add(key, info).is_err() {
                // Relaxed: a count; nothing depends on it.
                self.unnamed.fetch_add(1, Ordering::Relaxed);
                return Ok(());
            }
            // It may have ended by now, and nobody would tell: it is kept for as long as those that have.
            dictionary.retire(key);
        }
        let mut dictionary = self.dictionary.exclusive();
        if let Needed::Send(process) = dictionary.needed(key) {
            batch.push_process(&process.record())?;
            dictionary.sent(key);
        }
        Ok(())
    }

    /// How many processes there was no memory for, and how many entries fell out before they were delivered.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn missing(&self) -> (u64, u64) {
        // Relaxed: a count; nothing depends on it.
        (self.unnamed.load(Ordering::Relaxed), self.dictionary.shared().forgotten())
    }

    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn begin_connection(&self) {
        self.dictionary.exclusive().begin_connection();
    }

    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn begin_cycle(&self) {
        self.dictionary.exclusive().begin_cycle();
    }

    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn complete_cycle(&self) {
        self.dictionary.exclusive().complete_cycle();
    }

    /// Writes what is unsent, as far as there is room.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn write_unsent(&self, batch: &mut BatchWriter<'_>) -> core::result::Result<(), NoRoom> {
        let mut dictionary = self.dictionary.exclusive();
        while let Some(process) = dictionary.next() {
            batch.push_process(&process.record())?;
            dictionary.sent_next();
        }
        Ok(())
    }
}
