//! Losses outside the shards.

use crate::debug::RingItems;
use crate::fault::{Fault, seeded};
use crate::ledger::{Ledger, LossReason};
use crate::sync::{AtomicU64, Ordering};

/// How far a lost record had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LossStage {
    /// It was never pushed: it counts as produced, too.
    BeforePush,
    /// It had been pushed, and so been counted as produced.
    AfterPush,
}

/// Counts by reason, in the order of [`LossReason::ALL`]; on a cache line of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Losses {
    before_push: [AtomicU64; LossReason::ALL.len()],
    after_push: [AtomicU64; LossReason::ALL.len()],
}

impl Losses {
    /// For debuggers: where the counts are.
    pub(super) fn describe(&self, items: &RingItems) {
        items.losses_before_push.of(&self.before_push);
        items.losses_after_push.of(&self.after_push);
    }

    pub(super) fn add(&self, reason: LossReason, count: u64, stage: LossStage) {
        let counts = match stage {
            LossStage::BeforePush => &self.before_push,
            LossStage::AfterPush if seeded(Fault::ProducedTwice) => &self.before_push,
            LossStage::AfterPush => &self.after_push,
        };
        let [ring_full, no_memory, shutdown, overwritten] = counts;
        let total = match reason {
            LossReason::RingFull => ring_full,
            LossReason::NoMemory => no_memory,
            LossReason::Shutdown => shutdown,
            LossReason::Overwritten => overwritten,
        };
        // Relaxed: a count; nothing depends on it.
        total.fetch_add(count, Ordering::Relaxed);
    }

    pub(super) fn add_to(&self, ledger: &mut Ledger) {
        let Ledger { produced, lost_by_reason } = ledger;
        for ((lost, before), after) in lost_by_reason.iter_mut().zip(&self.before_push).zip(&self.after_push)
        {
            // Relaxed: counts; nothing depends on them.
            let before = before.load(Ordering::Relaxed);
            *lost = lost.wrapping_add(before).wrapping_add(after.load(Ordering::Relaxed));
            *produced = produced.wrapping_add(before);
        }
    }
}
