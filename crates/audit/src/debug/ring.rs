//! What the header tells of the ring.

use super::{Item, Items};
use crate::record::Sequence;
use crate::ring::{HEAD_POSITION_WIDTH, Shard, Slot, TAIL_WIDTHS};

/// The ring, its shards and its slots. Filled by [`Ring::describe`](crate::ring::Ring::describe).
#[derive(Debug)]
#[repr(C)]
pub struct RingItems {
    pub(crate) shards: Item,
    pub(crate) slots: Item,
    pub(crate) capacity: Item,
    pub(crate) overwrites: Item,
    pub(crate) losses_before_push: Item,
    pub(crate) losses_after_push: Item,
    pub(crate) asleep: Item,
    position_bits: Item,
    tail_slot_bits: Item,
    tail_record_bits: Item,
    head_position_bits: Item,
    shard_tail: Item,
    shard_refused: Item,
    shard_overwritten: Item,
    shard_head: Item,
    shard_freed_records: Item,
    shard_cursor: Item,
    slot_stamp: Item,
    slot_payload: Item,
}

impl RingItems {
    /// The items of a ring that is not known yet.
    #[must_use]
    pub const fn new() -> Self {
        const RING: &str = "ring";
        const SHARD: &str = "shard";
        const SLOT: &str = "slot";
        let word = size_of::<u64>();
        let [tail, refused, overwritten, head, freed_records, cursor] = Shard::OFFSETS;
        let [slot_bits, record_bits] = TAIL_WIDTHS;
        let [stamp, payload] = Slot::OFFSETS;
        Self {
            shards: Item::array::<Shard>(RING, "shards"),
            slots: Item::array::<Slot>(RING, "slots"),
            capacity: Item::constant(RING, "capacity", 0),
            overwrites: Item::counter::<bool>(RING, "overwrites"),
            losses_before_push: Item::array::<u64>(RING, "losses-before-push"),
            losses_after_push: Item::array::<u64>(RING, "losses-after-push"),
            asleep: Item::counter::<bool>(RING, "consumer-asleep"),
            position_bits: Item::constant(RING, "position-bits", Sequence::POSITION_BITS as u64),
            tail_slot_bits: Item::constant(SHARD, "tail-slot-bits", slot_bits as u64),
            tail_record_bits: Item::constant(SHARD, "tail-record-bits", record_bits as u64),
            head_position_bits: Item::constant(SHARD, "head-position-bits", HEAD_POSITION_WIDTH as u64),
            shard_tail: Item::field(SHARD, "tail", tail, word),
            shard_refused: Item::field(SHARD, "refused", refused, word),
            shard_overwritten: Item::field(SHARD, "overwritten", overwritten, word),
            shard_head: Item::field(SHARD, "head", head, word),
            shard_freed_records: Item::field(SHARD, "freed-records", freed_records, word),
            shard_cursor: Item::field(SHARD, "cursor", cursor, word),
            slot_stamp: Item::field(SLOT, "stamp", stamp, word),
            slot_payload: Item::field(SLOT, "payload", payload, size_of::<Slot>() - payload),
        }
    }
}

impl Default for RingItems {
    fn default() -> Self {
        Self::new()
    }
}

impl Items for RingItems {
    fn clear(&self) {
        let Self { shards, slots, overwrites, losses_before_push, losses_after_push, asleep, .. } = self;
        for item in [shards, slots, overwrites, losses_before_push, losses_after_push, asleep] {
            item.clear();
        }
    }
}
