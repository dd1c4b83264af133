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
use crate::exclusions::Exclusions;
use crate::state::State;

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

    /// Learns about the process of a thread, which lives, unless it is known. Returns whether it is news that the process is
    /// excluded.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn meet(&self, exclusions: &Exclusions, of: attribution::Process, thread: Thread<'_>) -> bool {
        assert_at_most(PASSIVE_LEVEL);
        let Some(key) = NonZeroU64::new(of.key.0) else { return false };
        if self.shelf.contains(key) {
            return false;
        }
        let process = thread.process();
        self.add(exclusions, key, capture::process(process, of.kind, capture::parent_id(process)))
    }

    /// Judges a process and adds it, unless it is known. Returns whether it was added and is excluded.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn add(&self, exclusions: &Exclusions, key: NonZeroU64, mut process: ProcessInfo) -> bool {
        assert_at_most(PASSIVE_LEVEL);
        // Under the lock: rules that change are in force before those who are known are judged again.
        let added = self.shelf.with(|dictionary| {
            if dictionary.contains(key) {
                return Ok(false);
            }
            process.judge(exclusions);
            let excluded = process.excluded.is_some();
            dictionary.add(key, process).map(|()| excluded)
        });
        added.unwrap_or_else(|audit::dictionary::NoRoom| {
            self.shelf.note_refused();
            false
        })
    }

    /// Judges all who are known by the rules in force.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn judge_again(&self, exclusions: &Exclusions) {
        assert_at_most(PASSIVE_LEVEL);
        self.shelf.with(|dictionary| {
            for process in dictionary.entries_mut() {
                process.judge(exclusions);
            }
        });
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
    pub(crate) fn created(&self, exclusions: &Exclusions, process: Process<'_>, parent_id: u32) {
        assert_at_most(PASSIVE_LEVEL);
        if let Some(key) = NonZeroU64::new(process.start_key()) {
            // No thread of it has run yet, to be known as one that is not excluded.
            let _excluded =
                self.add(exclusions, key, capture::process(process, ProcessKind::User, parent_id));
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
        state: &State,
        actor: Actor,
        batch: &mut BatchWriter<'_>,
    ) -> core::result::Result<(), NoRoom> {
        assert_at_most(PASSIVE_LEVEL);
        let Some(key) = NonZeroU64::new(actor.process.0) else { return Ok(()) };
        if self.write_known(key, batch)? {
            return Ok(());
        }
        if self.add(&state.exclusions, key, capture::by_id(actor.process, actor.pid)) {
            state.threads.forget_all();
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
