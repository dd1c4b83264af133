//! The omission record: what was left out on purpose.

use super::code::{Code, wire_codes};
use super::layout::{Kind, Lead, Words};
use crate::omission::Because;

wire_codes!(Because {
    Image = 1 "image",
    Path = 2 "path",
});

/// Writes that came and were not recorded, as the parameters have it. They are no loss: they count as neither produced nor
/// lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Omission {
    /// When this was reported: 100 ns units since 1601 UTC.
    pub time: u64,
    /// What excluded them.
    pub because: Code<Because>,
    /// How many since the previous omission record of this kind.
    pub count: u64,
    /// How many since the driver started.
    pub total: u64,
}

impl Omission {
    pub(crate) fn encode(&self) -> Words {
        let lead =
            Lead { kind: Kind::OMISSION, slots: 1, byte_18: self.because.number(), byte_19: 0, dword_20: 0 };
        [0, self.time, lead.word(), self.count, self.total, 0, 0, 0]
    }

    pub(super) const fn decode(first: &Words) -> Self {
        let [_, time, _, count, total, ..] = *first;
        Self { time, because: Code::<Because>::of_number(Lead::of(first).byte_18), count, total }
    }
}
