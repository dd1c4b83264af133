//! Making room in a full shard, where the ring overwrites.

use super::shard::{NoRoom, Reserved};
use super::{Full, Ring};
use crate::record::Sequence;

impl Ring<'_> {
    /// How many slots are given up at once, unless the shard has less than sixteen times as many: then a sixteenth of
    /// it, or what the new record takes.
    ///
    /// One at a time would cost a second atomic operation per record, and on a line that the consumer reads.
    pub const OVERWRITTEN_AT_ONCE: u32 = 64;

    /// Reserves places in a shard that has no room, or counts the record as lost.
    #[cold]
    #[inline(never)]
    pub(super) fn reserve_in_full(
        &self,
        index: usize,
        slots: u32,
        mut no_room: NoRoom,
    ) -> Result<Reserved, Full> {
        let Some(shard) = self.shards.get(index) else { return Err(Full) };
        // Each turn somebody makes progress: a record is given up, by this producer or another, or taken.
        while no_room.head.is_yielding() && self.make_room(index, slots, &no_room) {
            match shard.reserve(slots, self.capacity) {
                Ok(reserved) => return Ok(reserved),
                Err(again) => no_room = again,
            }
        }
        shard.refuse();
        Err(Full)
    }

    /// Gives up the oldest records. Returns whether to try again: not if the oldest is still being written.
    fn make_room(&self, index: usize, slots: u32, no_room: &NoRoom) -> bool {
        let Some(shard) = self.shards.get(index) else { return false };
        let enough = u64::from((self.capacity / 16).min(Self::OVERWRITTEN_AT_ONCE).max(slots));
        let (mut freed, mut records) = (0_u64, 0_u64);
        // One slot after the other, second slots too, which have stamps of their own: were the next address to follow
        // from what the last slot holds, each of these loads would wait for the one before.
        let mut is_second = false;
        let slots_of_shard = self.slots_of(index);
        while freed < enough || is_second {
            let position = no_room.head.after(freed).position();
            let slot = slots_of_shard.at(position);
            let published = slot.and_then(|slot| slot.slots(Sequence::at(index, position)));
            let Some(slots) = published else { break };
            freed = freed.wrapping_add(1);
            records = records.wrapping_add(u64::from(!is_second));
            is_second = !is_second && slots > 1;
        }
        if records == 0 {
            // Not published, or given up and filled again.
            return !shard.is_head(no_room.head.position());
        }
        shard.give_up(no_room.head, freed, records);
        true
    }
}
