//! The loss record.

use super::code::{Code, wire_codes};
use super::layout::{Kind, Lead, Words};
use crate::ledger::LossReason;

wire_codes!(LossReason {
    RingFull = 1 "ring-full",
    NoMemory = 2 "no-memory",
    Shutdown = 3 "shutdown",
    Overwritten = 4 "overwritten",
});

/// Event records that are missing from the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// When this was reported: 100 ns units since 1601 UTC.
    pub time: u64,
    /// Why they are missing.
    pub reason: Code<LossReason>,
    /// How many were lost since the previous loss record of this reason.
    pub count: u64,
    /// How many were lost for this reason since the driver started.
    pub total: u64,
}

impl Loss {
    pub(crate) fn encode(&self) -> Words {
        let lead =
            Lead { kind: Kind::LOSS, slots: 1, byte_18: self.reason.number(), byte_19: 0, dword_20: 0 };
        [0, self.time, lead.word(), self.count, self.total, 0, 0, 0]
    }

    pub(super) const fn decode(first: &Words) -> Self {
        let [_, time, _, count, total, ..] = *first;
        Self { time, reason: Code::<LossReason>::of_number(Lead::of(first).byte_18), count, total }
    }
}
