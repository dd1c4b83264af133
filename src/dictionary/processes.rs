//! Processes: what a process key stands for.

use core::num::NonZeroU64;

use audit::attribution::{self, ProcessKind};
use audit::batch::{BatchWriter, NoRoom};
use audit::dictionary::{Limits, Needed};
use audit::record::Actor;
use fltmgr::irql::{APC_LEVEL, PASSIVE_LEVEL, assert_at_most};
use fltmgr::{Process, Result, Thread};

use super::capture::{self, ProcessInfo};
use super::shelf::{Entry, Shelf};

/// Process ids are at most 2²⁶ and mostly far fewer; memory is taken as they come. The last thousand that
/// ended are kept, for writes that outlive their process.
const LIMITS: Limits = Limits { entries: 1 << 18, retired: 1 << 14, kept: 1 << 10, buckets: 1 << 12 };

/// All processes that were met.
pub(crate) struct Processes {
    shelf: Shelf<ProcessInfo>,
}

impl Processes {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn try_new() -> Result<Self> {
        Ok(Self { shelf: Shelf::try_new(LIMITS)? })
    }

    /// Learns about the process of a thread, which lives, unless it is known.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn meet(&self, of: attribution::Process, thread: Thread<'_>) {
        assert_at_most(PASSIVE_LEVEL);
        let Some(key) = NonZeroU64::new(of.key.0) else { return };
        if !self.shelf.contains(key) {
            let process = thread.process();
            let _counted =
                self.shelf.add(key, capture::process(process, of.kind, capture::parent_id(process)));
        }
    }

    /// Learns about System.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn meet_system(&self) {
        assert_at_most(PASSIVE_LEVEL);
        let system = Process::system();
        if let Some(key) = NonZeroU64::new(system.start_key()) {
            let _counted = self.shelf.add(key, capture::process(system, ProcessKind::Kernel, 0));
        }
    }

    /// Learns about a process that is being created.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn created(&self, process: Process<'_>, parent_id: u32) {
        assert_at_most(PASSIVE_LEVEL);
        if let Some(key) = NonZeroU64::new(process.start_key()) {
            let _counted = self.shelf.add(key, capture::process(process, ProcessKind::User, parent_id));
        }
    }

    /// A process ends.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn exited(&self, process: Process<'_>) {
        assert_at_most(APC_LEVEL);
        if let Some(key) = NonZeroU64::new(process.start_key()) {
            self.shelf.retire(key);
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
        if self.write_known(key, batch)? {
            return Ok(());
        }
        if self.shelf.add(key, capture::by_id(actor.process, actor.pid)).is_err() {
            return Ok(());
        }
        // It may have ended by now, and nobody would tell: it is kept for as long as those that have.
        self.shelf.retire(key);
        self.write_known(key, batch).map(|_| ())
    }

    /// Writes a process, unless the connection has it. Returns whether it is known.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    fn write_known(
        &self,
        key: NonZeroU64,
        batch: &mut BatchWriter<'_>,
    ) -> core::result::Result<bool, NoRoom> {
        self.shelf.with(|dictionary| match dictionary.needed(key) {
            Needed::Nothing => Ok(true),
            Needed::Unknown => Ok(false),
            Needed::Send(process) => {
                process.write(batch)?;
                dictionary.sent(key);
                Ok(true)
            }
        })
    }

    /// All of them, for delivery and diagnosis.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn shelf(&self) -> &Shelf<impl Entry> {
        &self.shelf
    }
}
