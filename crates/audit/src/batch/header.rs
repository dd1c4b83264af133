//! The header of a message.

use crate::record::{DecodeError, Defect, SLOT_SIZE};

/// Bytes of the header that this version writes.
pub const HEADER_SIZE: usize = 64;
/// Major version of the format: a reader of another major version must refuse it.
pub const MAJOR: u16 = 1;
/// Minor version: what it adds, an older reader passes over.
pub const MINOR: u16 = 1;

/// Bytes of the longest message that the driver sends: what a consumer's buffer holds, and the transport's header.
pub const MAX_MESSAGE_SIZE: usize = 64 * 1024;

const MAGIC: [u8; 8] = *b"WHOWROTE";

/// Byte offsets of the fields that can be wrong.
const MAGIC_AT: usize = 0;
const MAJOR_AT: usize = 8;
const HEADER_SIZE_AT: usize = 12;
const SLOT_SIZE_AT: usize = 14;
/// Word of the header that has the slot count (lower half) and the flags (upper half).
const FLAGS_WORD: usize = 4;

pub(super) type HeaderBytes = [u8; HEADER_SIZE];

bitflags::bitflags! {
    /// Circumstances of a message. Bits of newer versions are kept.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct BatchFlags: u32 {
        /// It was sent before and not acknowledged: the consumer may have it already.
        const REDELIVERED = 1 << 0;
        const _ = !0;
    }
}

/// What a message says of itself and of the driver's books.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// When the driver started: 100 ns units since 1601 UTC. Keys and sequence numbers are comparable
    /// within one session.
    pub session: u64,
    /// Number of the batch: 1, 2, … It keeps its number when it is sent again, which may be after later batches: before a
    /// new connection gets a batch that an earlier one did not acknowledge, it gets the dictionaries. A number whose
    /// batch nobody took may be missing.
    pub batch: u64,
    /// Circumstances.
    pub flags: BatchFlags,
    /// Event records made until the batch was closed.
    pub produced: u64,
    /// Event records acknowledged before the batch was closed.
    pub delivered: u64,
    /// Event records lost until the batch was closed.
    pub lost: u64,
}

impl Header {
    pub(super) fn encode(&self, slot_count: u32) -> HeaderBytes {
        let [major, minor] = [MAJOR, MINOR].map(u64::from);
        let sizes = const { (HEADER_SIZE as u64) | (SLOT_SIZE as u64) << 16 };
        crate::record::bytes(&[
            u64::from_le_bytes(MAGIC),
            major | minor << 16 | sizes << 32,
            self.session,
            self.batch,
            u64::from(slot_count) | u64::from(self.flags.bits()) << 32,
            self.produced,
            self.delivered,
            self.lost,
        ])
    }

    /// The header, its stated size and its slot count.
    pub(super) fn decode(bytes: &HeaderBytes) -> Result<(Self, u16, u32), DecodeError> {
        let error = |offset, defect| Err(DecodeError { offset, defect });
        let [magic, versions, session, batch, counts, produced, delivered, lost] =
            crate::record::words(bytes);
        if magic != u64::from_le_bytes(MAGIC) {
            return error(MAGIC_AT, Defect::Magic);
        }
        let [major, minor, header_size, slot_size] =
            [0, 16, 32, 48].map(|shift: u32| (versions >> shift & 0xFFFF) as u16);
        if major != MAJOR {
            return error(MAJOR_AT, Defect::MajorVersion { major, minor });
        }
        if usize::from(header_size) < HEADER_SIZE || !header_size.is_multiple_of(8) {
            return error(HEADER_SIZE_AT, Defect::HeaderSize(header_size));
        }
        if usize::from(slot_size) != SLOT_SIZE {
            return error(SLOT_SIZE_AT, Defect::SlotSize(slot_size));
        }
        let flags = BatchFlags::from_bits_retain((counts >> 32) as u32);
        let header = Self { session, batch, flags, produced, delivered, lost };
        Ok((header, header_size, (counts & 0xFFFF_FFFF) as u32))
    }
}

/// Marks a closed batch as [redelivered](BatchFlags::REDELIVERED). Does nothing to less than a header.
pub fn mark_redelivered(message: &mut [u8]) {
    if let Some(header) = message.first_chunk_mut::<HEADER_SIZE>() {
        let mut words = crate::record::words(header);
        if let Some(counts) = words.get_mut(FLAGS_WORD) {
            *counts |= u64::from(BatchFlags::REDELIVERED.bits()) << 32;
        }
        *header = crate::record::bytes(&words);
    }
}
