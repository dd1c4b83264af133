//! A shard's head: up to where slots are free, and who may move it, in one word.

/// A position, and whether producers may move the head past the oldest records.
///
/// | bits | what |
/// |---|---|
/// | 0 to 62 | slots before this position are free |
/// | 63 | producers may give records up; the consumer has to ask before it takes one |
///
/// Both being one word, a producer that gives up records by exchanging it does so only while it may: the exchange fails if
/// the consumer has taken the bit away meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head(pub(super) u64);

impl Head {
    /// The bit that lets producers give up records.
    pub(super) const YIELDING: u64 = 1 << 63;

    /// A position that producers may move.
    pub(super) const fn yielding(position: u64) -> Self {
        Self(position | Self::YIELDING)
    }

    /// Slots before this position are free.
    pub(super) const fn position(self) -> u64 {
        self.0 & !Self::YIELDING
    }

    /// Whether producers may give records up.
    pub(super) const fn is_yielding(self) -> bool {
        self.0 & Self::YIELDING != 0
    }

    /// So many slots further.
    pub(super) const fn after(self, slots: u64) -> Self {
        Self(self.0.wrapping_add(slots))
    }
}

/// For debuggers: how wide a position is.
pub(crate) const POSITION_WIDTH: u32 = Head::YIELDING.trailing_zeros();
