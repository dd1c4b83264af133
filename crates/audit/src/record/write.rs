//! The write record: one slot, or two when there is more to tell of, such as an executor or a copy source.

use super::SlotBytes;
use super::candidates::Candidates;
use super::code::{Code, wire_codes};
use super::error::{DecodeError, Defect};
use super::event::Event;
use super::layout::{Kind, Lead, Words, high, low, pair, words};
use super::operation::Operation;
use super::sequence::Sequence;
use crate::attribution::{Attribution, Basis, Confidence, Originator};
use crate::key::{ClientKey, FileKey, ProcessKey};

wire_codes!(Basis {
    Unknown = 0 "unknown",
    Thread = 1 "thread",
    RequestorProcess = 2 "requestor-process",
    Transaction = 3 "transaction",
    Section = 4 "section",
    RemoteClient = 5 "remote-client",
});
wire_codes!(Confidence { None = 0 "none", Likely = 1 "likely", Certain = 2 "certain" });

bitflags::bitflags! {
    /// Circumstances of a write. Bits of newer versions are kept.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct WriteFlags: u32 {
        /// The requestor mode was `UserMode`.
        const USER_MODE = 1 << 0;
        /// `IRP_PAGING_IO`.
        const PAGING = 1 << 1;
        /// `IRP_SYNCHRONOUS_PAGING_IO`.
        const SYNCHRONOUS_PAGING = 1 << 2;
        /// `IRP_NOCACHE`.
        const NON_CACHED = 1 << 3;
        /// `FLTFL_CALLBACK_DATA_FAST_IO_OPERATION`.
        const FAST_IO = 1 << 4;
        /// `FLTFL_CALLBACK_DATA_GENERATED_IO`: another minifilter issued it.
        const GENERATED = 1 << 5;
        /// `FLTFL_CALLBACK_DATA_REISSUED_IO`.
        const REISSUED = 1 << 6;
        /// `SL_WRITE_THROUGH`, or a file opened for write-through.
        const WRITE_THROUGH = 1 << 7;
        /// The driver was detached from the volume while the write was under way: what became of it is not known.
        const OUTCOME_UNKNOWN = 1 << 10;
        /// Of a mapped write: the bytes may be those that a write through a handle told of before, on their way to the disk.
        const MAY_BE_CACHED = 1 << 22;
        const _ = !NOT_CIRCUMSTANCES;
    }
}

/// Bits of the flags field that other fields of [`Write`] stand for.
const NOT_CIRCUMSTANCES: u32 = AT_END_OF_FILE | AT_FILE_POINTER | SECOND | OTHERS | CONFIDENCE_MASK;
const AT_END_OF_FILE: u32 = 1 << 8;
const AT_FILE_POINTER: u32 = 1 << 9;
pub(super) const EXECUTOR: u32 = 1 << 16;
pub(super) const COPY: u32 = 1 << 17;
const CLIENT: u32 = 1 << 19;
const CANDIDATES: u32 = 1 << 20;
const OTHERS: u32 = 1 << 21;
/// What is in the second slot.
const SECOND: u32 = EXECUTOR | COPY | CLIENT | CANDIDATES;
pub(super) const CONFIDENCE_SHIFT: u32 = 24;
pub(super) const CONFIDENCE_MASK: u32 = 0b11 << CONFIDENCE_SHIFT;

/// Byte offset of the flags in the record.
pub(super) const FLAGS: usize = 20;

/// `FILE_WRITE_TO_END_OF_FILE` and `FILE_USE_FILE_POINTER_POSITION` as 64-bit offsets.
const END_OF_FILE_OFFSET: i64 = -1;
const FILE_POINTER_OFFSET: i64 = -2;

/// Where in the file a write begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteOffset {
    /// At this byte.
    At(i64),
    /// At the end of the file, wherever that is by then.
    EndOfFile,
    /// At the file object's current position.
    FilePointer,
}

/// A thread and the process it belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Actor {
    /// The process; [`ProcessKey::UNKNOWN`] if its key could not be had.
    pub process: ProcessKey,
    /// Its process id; 0 if not known.
    pub pid: u32,
    /// The thread id; 0 if not known.
    pub tid: u32,
}

impl Originator {
    /// The user process that wrote, if there is one and it is known.
    #[inline]
    #[must_use]
    pub const fn actor(&self) -> Option<Actor> {
        match *self {
            Self::User { process, tid } => Some(Actor { process: process.key, pid: process.pid, tid }),
            Self::Kernel | Self::Unknown => None,
        }
    }
}

/// Where copied data comes from (`COPY_INFORMATION`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CopySource {
    /// The source file; [`FileKey::UNKNOWN`] if the driver does not know it.
    pub file: FileKey,
    /// Where in the source this data begins, in bytes.
    pub offset: i64,
}

/// Somebody wrote to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write {
    /// Its place in the ring. Given by the ring: [`encode`](Self::encode) takes no notice of it.
    pub sequence: Sequence,
    /// When: 100 ns units since 1601 UTC.
    pub time: u64,
    /// What was done.
    pub operation: Code<Operation>,
    /// Who wrote; `None` if that is unknown.
    pub originator: Option<Actor>,
    /// What the originator was concluded from.
    pub basis: Code<Basis>,
    /// How far the originator may be relied on.
    pub confidence: Code<Confidence>,
    /// Circumstances.
    pub flags: WriteFlags,
    /// The file written to; [`FileKey::UNKNOWN`] if the driver does not know it.
    pub file: FileKey,
    /// Where in the file.
    pub offset: WriteOffset,
    /// How many bytes were written; if the outcome is not known, how many were to be.
    pub length: u32,
    /// How many more were to be written: almost always none.
    pub missing: u32,
    /// The thread that carried the write out, where that is not the originator.
    pub executor: Option<Actor>,
    /// Where the data comes from, if this is a chunk of a kernel-mode copy.
    pub copy: Option<CopySource>,
    /// On whose behalf the kernel's server wrote; [`ClientKey::UNKNOWN`] unless the basis is
    /// [`Basis::RemoteClient`].
    pub client: ClientKey,
    /// Those who may have written, where the originator is not known for that. A record with them has neither source nor
    /// client.
    pub candidates: Candidates,
}

impl Write {
    /// A write as attributed, with nothing special about it: no flags, file, executor or source.
    #[inline]
    #[must_use]
    pub fn new(time: u64, attribution: &Attribution, offset: WriteOffset, length: u32) -> Self {
        Self {
            sequence: Sequence::default(),
            time,
            operation: Code::Known(Operation::Write),
            originator: attribution.originator.actor(),
            basis: Code::Known(attribution.basis),
            confidence: Code::Known(attribution.confidence),
            flags: WriteFlags::empty(),
            file: FileKey::UNKNOWN,
            offset,
            length,
            missing: 0,
            executor: None,
            copy: None,
            client: ClientKey::UNKNOWN,
            candidates: Candidates::NONE,
        }
    }

    /// Whether there is something in it that takes a second slot.
    #[inline]
    #[must_use]
    pub fn has_second(&self) -> bool {
        self.executor.is_some()
            || self.copy.is_some()
            || self.client.is_known()
            || !self.candidates.is_empty()
    }

    /// The record in one slot, or in two if there is more to tell than fits.
    #[expect(clippy::inline_always, reason = "as for `Ring::push`")]
    #[inline(always)]
    #[must_use]
    pub fn encode(&self) -> Event {
        let has_second = self.has_second();
        let (offset, offset_flag) = match self.offset {
            WriteOffset::At(offset) => (offset, 0),
            WriteOffset::EndOfFile => (END_OF_FILE_OFFSET, AT_END_OF_FILE),
            WriteOffset::FilePointer => (FILE_POINTER_OFFSET, AT_FILE_POINTER),
        };
        let flags = self.flags.bits() & !NOT_CIRCUMSTANCES
            | offset_flag
            | if self.executor.is_some() { EXECUTOR } else { 0 }
            | if self.copy.is_some() { COPY } else { 0 }
            | if self.client.is_known() { CLIENT } else { 0 }
            | if self.candidates.is_empty() { 0 } else { CANDIDATES }
            | if self.candidates.others { OTHERS } else { 0 }
            | u32::from(self.confidence.number()) << CONFIDENCE_SHIFT & CONFIDENCE_MASK;
        let lead = Lead {
            kind: Kind::WRITE,
            slots: if has_second { 2 } else { 1 },
            byte_18: self.operation.number(),
            byte_19: self.basis.number(),
            dword_20: flags,
        };
        let originator = self.originator.unwrap_or_default();
        let first = [
            0,
            self.time,
            lead.word(),
            originator.process.0,
            pair(originator.pid, originator.tid),
            self.file.0,
            offset.cast_unsigned(),
            pair(self.length, self.missing),
        ];
        let second = has_second.then(|| {
            let source = self.copy.unwrap_or(CopySource { file: FileKey::UNKNOWN, offset: 0 });
            let executor = self.executor.unwrap_or_default();
            let threads = pair(executor.pid, executor.tid);
            if self.candidates.is_empty() {
                let offset = source.offset.cast_unsigned();
                [0, source.file.0, offset, executor.process.0, threads, 0, self.client.0, 0]
            } else {
                let [a, b, c, d] = self.candidates.words();
                [0, a, b, executor.process.0, threads, c, d, 0]
            }
        });
        Event::new(first, second)
    }

    pub(super) fn decode(first: &Words, following: &[SlotBytes]) -> Result<Self, DecodeError> {
        Self::of_words(first, following.first().map(words).as_ref())
    }

    pub(super) fn of_words(first: &Words, second: Option<&Words>) -> Result<Self, DecodeError> {
        let [sequence, time, _, process, threads, file, offset, length] = *first;
        let Lead { byte_18: operation, byte_19: basis, dword_20: flags, .. } = Lead::of(first);
        let offset = match (flags & AT_END_OF_FILE != 0, flags & AT_FILE_POINTER != 0) {
            (false, false) => WriteOffset::At(offset.cast_signed()),
            (true, false) => WriteOffset::EndOfFile,
            (false, true) => WriteOffset::FilePointer,
            (true, true) => return Err(DecodeError { offset: FLAGS, defect: Defect::TwoOffsets }),
        };
        let [_, source, source_offset, executor, executor_threads, third, sixth, _] =
            match (flags & SECOND, second) {
                (0, _) => [0; 8],
                (_, None) => return Err(DecodeError { offset: FLAGS, defect: Defect::NoSecondSlot }),
                (_, Some(second)) => *second,
            };
        let has = |flag: u32| flags & flag != 0;
        let candidates = [source, source_offset, third, sixth].map(ProcessKey);
        Ok(Self {
            sequence: Sequence(sequence),
            time,
            operation: Code::<Operation>::of_number(operation),
            originator: Some(actor(process, threads)).filter(|actor| *actor != Actor::default()),
            basis: Code::<Basis>::of_number(basis),
            confidence: Code::<Confidence>::of_number(((flags & CONFIDENCE_MASK) >> CONFIDENCE_SHIFT) as u8),
            flags: WriteFlags::from_bits_retain(flags & !NOT_CIRCUMSTANCES),
            file: FileKey(file),
            offset,
            length: low(length),
            missing: high(length),
            executor: has(EXECUTOR).then(|| actor(executor, executor_threads)),
            copy: (has(COPY) && !has(CANDIDATES))
                .then_some(CopySource { file: FileKey(source), offset: source_offset.cast_signed() }),
            client: if has(CLIENT) && !has(CANDIDATES) { ClientKey(sixth) } else { ClientKey::UNKNOWN },
            candidates: if has(CANDIDATES) {
                Candidates::new(candidates, has(OTHERS))
            } else {
                Candidates::NONE
            },
        })
    }
}

pub(super) const fn actor(process: u64, threads: u64) -> Actor {
    Actor { process: ProcessKey(process), pid: low(threads), tid: high(threads) }
}
