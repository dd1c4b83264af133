//! Sequence numbers of event records.

/// Where an event record stood in the ring: its shard, and its position in that shard.
///
/// Positions of one shard are dense within a driver session: the next record's is this one's plus the
/// slots this one takes. A gap therefore means that a batch is missing, and a repetition that one came
/// twice. (Lost records take no position; a loss record counts them.) The position has 56 bits and
/// starts again at 0 after 2⁵⁶ slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl Sequence {
    /// Bits of the position; the shard's index is above them.
    pub(crate) const POSITION_BITS: u32 = 56;
    const POSITION_MASK: u64 = (1 << Self::POSITION_BITS) - 1;

    /// The sequence number of a position (from 0) in a shard.
    #[must_use]
    pub(crate) const fn at(shard: usize, position: u64) -> Self {
        Self((shard as u64) << Self::POSITION_BITS | position.wrapping_add(1) & Self::POSITION_MASK)
    }

    /// The index of the shard.
    #[must_use]
    pub const fn shard(self) -> u8 {
        (self.0 >> Self::POSITION_BITS) as u8
    }

    /// The position in the shard, counted from 1 and modulo 2⁵⁶.
    #[must_use]
    pub const fn position(self) -> u64 {
        self.0 & Self::POSITION_MASK
    }

    /// The sequence number of the record after one of `slots` slots.
    #[must_use]
    pub fn after(self, slots: u8) -> Self {
        Self(self.0 & !Self::POSITION_MASK | self.0.wrapping_add(u64::from(slots)) & Self::POSITION_MASK)
    }
}
