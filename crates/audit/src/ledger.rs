//! The books: every event record made is delivered or counted as lost, with the reason.

use crate::record::{Code, Loss};

/// Why an event record was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossReason {
    /// Its shard of the ring was full; in one that overwrites, of records that could not be given up because the
    /// oldest was still being written.
    RingFull,
    /// There was no memory for what it needed.
    NoMemory,
    /// The driver was unloaded before it could be delivered.
    Shutdown,
    /// It was the oldest in its shard of a ring that overwrites, and a newer one needed the place.
    Overwritten,
}

impl LossReason {
    /// Every reason, in the order of [`Ledger::lost_by_reason`].
    pub const ALL: [Self; 4] = [Self::RingFull, Self::NoMemory, Self::Shutdown, Self::Overwritten];
}

/// Counts of event records since the driver started, all cumulative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Records made: pushed into the ring, or lost before they got there.
    pub produced: u64,
    /// Records lost, in the order of [`LossReason::ALL`].
    pub lost_by_reason: [u64; LossReason::ALL.len()],
}

impl Ledger {
    /// Records lost for `reason`.
    #[must_use]
    pub const fn lost(&self, reason: LossReason) -> u64 {
        let [ring_full, no_memory, shutdown, overwritten] = self.lost_by_reason;
        match reason {
            LossReason::RingFull => ring_full,
            LossReason::NoMemory => no_memory,
            LossReason::Shutdown => shutdown,
            LossReason::Overwritten => overwritten,
        }
    }

    /// Records lost for whatever reason.
    #[must_use]
    pub fn lost_total(&self) -> u64 {
        self.lost_by_reason.iter().fold(0, |sum, lost| sum.wrapping_add(*lost))
    }
}

/// Remembers which losses a loss record has been written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LossReporter {
    reported: [u64; LossReason::ALL.len()],
}

impl LossReporter {
    /// Nothing reported yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { reported: [0; LossReason::ALL.len()] }
    }

    /// The next loss record due, if any: losses of one reason that the ledger counts and no record has
    /// reported. It stays due until [`reported`](Self::reported) is told.
    #[must_use]
    pub fn due(&self, ledger: &Ledger, time: u64) -> Option<Loss> {
        LossReason::ALL.into_iter().find_map(|reason| self.due_of(reason, ledger, time))
    }

    /// The same for one reason alone. What was [overwritten](LossReason::Overwritten) is older than what is in the ring,
    /// and is told before it.
    #[must_use]
    pub fn due_of(&self, reason: LossReason, ledger: &Ledger, time: u64) -> Option<Loss> {
        let reported = Ledger { produced: 0, lost_by_reason: self.reported }.lost(reason);
        let total = ledger.lost(reason);
        let count = total.wrapping_sub(reported);
        (count != 0).then_some(Loss { time, reason: Code::Known(reason), count, total })
    }

    /// A loss record got into a batch.
    pub fn reported(&mut self, loss: &Loss) {
        for (reason, reported) in LossReason::ALL.iter().zip(&mut self.reported) {
            if loss.reason == Code::Known(*reason) {
                *reported = loss.total;
            }
        }
    }
}
