//! Going over from dropping the newest to overwriting the oldest, and back, while producers push.
//!
//! The consumer alone does it, so that it always knows by which rule it takes records. Producers learn it from the word
//! that they would change ([`Head`]): nobody is told, and nobody can be late.

use super::head::Head;
use super::shard::Shard;
use super::{Consumer, WhenFull};
use crate::fault::{Fault, seeded};
use crate::sync::Ordering;

impl Consumer<'_, '_> {
    /// What pushes do from now on that find no room. A push that is under way may still go by the former rule; a record
    /// that is lost meanwhile is counted, like all, under the reason of its loss.
    ///
    /// For each shard it takes one atomic operation on its head. Returns whether it is a change.
    pub fn set_when_full(&mut self, when_full: WhenFull) -> bool {
        if self.when_full == when_full {
            return false;
        }
        for shard in self.ring.shards {
            match when_full {
                WhenFull::OverwriteOldest => shard.begin_overwriting(),
                WhenFull::DropNewest => shard.end_overwriting(),
            }
        }
        self.when_full = when_full;
        self.ring.keep_mode(when_full);
        true
    }
}

impl Shard {
    /// Lets producers give up the oldest records. For the consumer.
    pub(super) fn begin_overwriting(&self) {
        // From here on the head says what has been taken.
        self.free_read();
        // Release: pairs with the Acquire in `look_at_head`, as the store in `free` does.
        self.consumed.head.fetch_or(Head::YIELDING, Ordering::Release);
    }

    /// Keeps the records that there are: from here on the consumer alone moves the head. For the consumer.
    fn end_overwriting(&self) {
        let head = &self.consumed.head;
        // Acquire: pairs with the Release in `give_up`, so that a tail read next is not behind this head. Release: goes
        // on with that of `claim`.
        let last = if seeded(Fault::SwitchUntold) {
            head.load(Ordering::Acquire)
        } else if seeded(Fault::SwitchedInTwo) {
            let early = head.load(Ordering::Acquire);
            head.fetch_and(!Head::YIELDING, Ordering::AcqRel);
            early
        } else {
            head.fetch_and(!Head::YIELDING, Ordering::AcqRel)
        };
        // Relaxed: the consumer's own, all.
        self.cursor.position.store(Head(last).position(), Ordering::Relaxed);
        let records = self.consumed.records.load(Ordering::Relaxed);
        self.cursor.records.store(records, Ordering::Relaxed);
    }
}
