//! The event record of what changes a file without a write: the layout of the write's, where every field means what
//! [`Operation::TABLE`](super::Operation::TABLE) says.

use super::SlotBytes;
use super::code::Code;
use super::error::{DecodeError, Defect};
use super::event::Event;
use super::layout::{Kind, Lead, Words, pair, words};
use super::operation::Operation;
use super::sequence::Sequence;
use super::write::{
    Actor, CONFIDENCE_MASK, CONFIDENCE_SHIFT, COPY, CopySource, EXECUTOR, FLAGS, WriteFlags, actor,
};
use crate::attribution::{Attribution, Basis, Confidence};
use crate::key::FileKey;

/// Flag: the second slot has a detail.
const DETAIL: u32 = 1 << 18;
/// Bits of the flags field that other fields of [`Change`] stand for.
const NOT_CIRCUMSTANCES: u32 = EXECUTOR | COPY | DETAIL | CONFIDENCE_MASK;

/// Somebody changed a file, or whether there is one, without a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the ring. Given by the ring: [`encode`](Self::encode) takes no notice of it.
    pub sequence: Sequence,
    /// When: 100 ns units since 1601 UTC.
    pub time: u64,
    /// What was done: no write and no mapped write.
    pub operation: Operation,
    /// Who did it; `None` if that is unknown.
    pub originator: Option<Actor>,
    /// What the originator was concluded from.
    pub basis: Code<Basis>,
    /// How far the originator may be relied on.
    pub confidence: Code<Confidence>,
    /// Circumstances.
    pub flags: WriteFlags,
    /// The file; [`FileKey::UNKNOWN`] if the driver does not know it.
    pub file: FileKey,
    /// As the operation's row of the table says.
    pub offset: i64,
    /// Likewise.
    pub length: u64,
    /// Likewise.
    pub detail: Option<u64>,
    /// Where the data come from, of operations that take them from elsewhere.
    pub source: Option<CopySource>,
    /// The thread that carried it out, where that is not the originator.
    pub executor: Option<Actor>,
}

impl Change {
    /// A change as attributed, with nothing more to it than the file.
    #[must_use]
    pub fn new(operation: Operation, attribution: &Attribution, file: FileKey) -> Self {
        Self {
            sequence: Sequence::default(),
            time: 0,
            operation,
            originator: attribution.originator.actor(),
            basis: Code::Known(attribution.basis),
            confidence: Code::Known(attribution.confidence),
            flags: WriteFlags::empty(),
            file,
            offset: 0,
            length: 0,
            detail: None,
            source: None,
            executor: None,
        }
    }

    /// Where in the file it was, and how many bytes, of operations that are about a range.
    #[must_use]
    pub const fn range(&self) -> Option<(i64, u64)> {
        match self.operation {
            Operation::Clone | Operation::OffloadWrite | Operation::Zero => Some((self.offset, self.length)),
            _ => None,
        }
    }

    /// The size that was set, of operations that set one.
    #[must_use]
    pub const fn size(&self) -> Option<i64> {
        match self.operation {
            Operation::SetEndOfFile | Operation::SetAllocation | Operation::SetValidData => Some(self.offset),
            _ => None,
        }
    }

    /// The end of the file before, of operations that may move it; `None` if it is not known.
    #[must_use]
    pub const fn end_before(&self) -> Option<i64> {
        match (self.operation, self.detail) {
            (Operation::SetEndOfFile | Operation::SetAllocation, Some(end)) => Some(end.cast_signed()),
            _ => None,
        }
    }

    /// What the new name is filed under, of operations that give one; `None` if it is not known.
    #[must_use]
    pub const fn new_name(&self) -> Option<FileKey> {
        match (self.operation, self.detail) {
            (Operation::Rename | Operation::Link, Some(key)) if key != 0 => Some(FileKey(key)),
            _ => None,
        }
    }

    /// From when on a transaction's end concerns the file: 100 ns units since 1601 UTC.
    #[must_use]
    pub const fn since(&self) -> Option<u64> {
        match self.operation {
            Operation::Commit | Operation::RollBack => self.detail,
            _ => None,
        }
    }

    /// The record in one slot, or in two if there is a detail, a source or an executor.
    #[must_use]
    pub fn encode(&self) -> Event {
        let flag = |has: bool, flag: u32| if has { flag } else { 0 };
        let more = flag(self.executor.is_some(), EXECUTOR)
            | flag(self.source.is_some(), COPY)
            | flag(self.detail.is_some(), DETAIL);
        let lead = Lead {
            kind: Kind::WRITE,
            slots: if more == 0 { 1 } else { 2 },
            byte_18: Code::Known(self.operation).number(),
            byte_19: self.basis.number(),
            dword_20: self.flags.bits() & !NOT_CIRCUMSTANCES
                | more
                | u32::from(self.confidence.number()) << CONFIDENCE_SHIFT & CONFIDENCE_MASK,
        };
        let originator = self.originator.unwrap_or_default();
        let first = [
            0,
            self.time,
            lead.word(),
            originator.process.0,
            pair(originator.pid, originator.tid),
            self.file.0,
            self.offset.cast_unsigned(),
            self.length,
        ];
        let second = (more != 0).then(|| {
            let source = self.source.unwrap_or(CopySource { file: FileKey::UNKNOWN, offset: 0 });
            let executor = self.executor.unwrap_or_default();
            let threads = pair(executor.pid, executor.tid);
            let detail = self.detail.unwrap_or(0);
            [0, source.file.0, source.offset.cast_unsigned(), executor.process.0, threads, detail, 0, 0]
        });
        Event::new(first, second)
    }

    /// The operation of an event that is decoded as a change; `None` of a write, and of what this version does not know.
    pub(super) const fn operation_of(first: &Words) -> Option<Operation> {
        match Code::<Operation>::of_number(Lead::of(first).byte_18) {
            Code::Known(Operation::Write | Operation::MappedWrite) | Code::Newer(_) => None,
            Code::Known(operation) => Some(operation),
        }
    }

    pub(super) fn decode(
        operation: Operation,
        first: &Words,
        following: &[SlotBytes],
    ) -> Result<Self, DecodeError> {
        Self::of_words(operation, first, following.first().map(words).as_ref())
    }

    pub(super) fn of_words(
        operation: Operation,
        first: &Words,
        second: Option<&Words>,
    ) -> Result<Self, DecodeError> {
        let [sequence, time, _, process, threads, file, offset, length] = *first;
        let Lead { byte_19: basis, dword_20: flags, .. } = Lead::of(first);
        let (executor, source, detail) = match (flags & (EXECUTOR | COPY | DETAIL), second) {
            (0, _) => (None, None, None),
            (_, None) => return Err(DecodeError { offset: FLAGS, defect: Defect::NoSecondSlot }),
            (_, Some(second)) => {
                let [_, file, offset, process, threads, detail, ..] = *second;
                let source = CopySource { file: FileKey(file), offset: offset.cast_signed() };
                (
                    (flags & EXECUTOR != 0).then(|| actor(process, threads)),
                    (flags & COPY != 0).then_some(source),
                    (flags & DETAIL != 0).then_some(detail),
                )
            }
        };
        Ok(Self {
            sequence: Sequence(sequence),
            time,
            operation,
            originator: Some(actor(process, threads)).filter(|actor| *actor != Actor::default()),
            basis: Code::<Basis>::of_number(basis),
            confidence: Code::<Confidence>::of_number(((flags & CONFIDENCE_MASK) >> CONFIDENCE_SHIFT) as u8),
            flags: WriteFlags::from_bits_retain(flags & !NOT_CIRCUMSTANCES),
            file: FileKey(file),
            offset: offset.cast_signed(),
            length,
            detail,
            source,
            executor,
        })
    }
}
