//! A shard's tail: how far producers have reserved, in one word.

/// Slots reserved (modulo 2³²), records reserved (modulo 2³¹), and whether the consumer sleeps.
///
/// | bits | what |
/// |---|---|
/// | 0 to 31 | slots reserved, modulo 2³² |
/// | 32 to 62 | records reserved, modulo 2³¹ |
/// | 63 | the consumer went to sleep since the last reservation |
///
/// The full counts are had from the consumer's, which are never further behind than the shard has slots.
/// The word must not come back to the same value while a producer is between reading and exchanging it,
/// which takes 2³² records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tail(pub(super) u64);

const RECORD_SHIFT: u32 = 32;
const RECORD_BITS: u32 = 31;
const RECORD_MASK: u64 = (1 << RECORD_BITS) - 1;
/// For debuggers: how wide the fields are.
pub(crate) const WIDTHS: [u32; 2] = [RECORD_SHIFT, RECORD_BITS];

impl Tail {
    /// The bit that says that the consumer sleeps.
    pub(super) const ASLEEP: u64 = 1 << 63;

    /// Slots reserved, modulo 2³².
    pub(super) const fn slots(self) -> u32 {
        low(self.0)
    }

    /// Whether the consumer went to sleep since the last reservation.
    pub(super) const fn has_sleeper(self) -> bool {
        self.0 & Self::ASLEEP != 0
    }

    /// The tail after the reservation of one record of `slots` slots, which takes the sleeper's bit.
    pub(super) fn after(self, slots: u32) -> Self {
        let records = (self.0 >> RECORD_SHIFT).wrapping_add(1) & RECORD_MASK;
        Self(u64::from(self.slots().wrapping_add(slots)) | records << RECORD_SHIFT)
    }

    /// The count of all records reserved, given a count `taken` that is less than 2³¹ behind.
    pub(super) const fn records_since(self, taken: u64) -> u64 {
        let pending = (self.0 >> RECORD_SHIFT).wrapping_sub(taken) & RECORD_MASK;
        taken.wrapping_add(pending)
    }

    /// The position of the tail, given a position `head` that is less than 2³² behind.
    pub(super) fn position_since(self, head: u64) -> u64 {
        head.wrapping_add(u64::from(self.slots().wrapping_sub(low(head))))
    }
}

/// The lower half of a position.
pub(super) const fn low(position: u64) -> u32 {
    (position & 0xFFFF_FFFF) as u32
}
