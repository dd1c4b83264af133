//! What can be wrong with bytes that claim to be records.

use core::fmt;

/// Bytes that are no valid message or record: where, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Byte offset of the offending field, from the beginning of what was decoded.
    pub offset: usize,
    /// What is wrong with it.
    pub defect: Defect,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// It ends too early.
    Truncated {
        /// Bytes needed from the beginning.
        needed: usize,
        /// Bytes there are.
        present: usize,
    },
    /// It does not begin with the magic number of a message.
    Magic,
    /// It is of another major version of the format.
    MajorVersion {
        /// Major version of the message.
        major: u16,
        /// Minor version of the message.
        minor: u16,
    },
    /// Its header is shorter than the first version's, or not a multiple of 8.
    HeaderSize(u16),
    /// Its slots are not of 64 bytes.
    SlotSize(u16),
    /// A record says that it takes no slots.
    NoSlots,
    /// A record takes more slots than are left, or not those that were handed over.
    SlotCount {
        /// Slots that the record takes.
        stated: u8,
        /// Slots there are.
        present: usize,
    },
    /// A write states what the second slot has, such as an executor, but lacks that slot.
    NoSecondSlot,
    /// A write is both at the end of the file and at the file pointer.
    TwoOffsets,
    /// A text has an odd number of bytes.
    OddText(u16),
    /// Texts and security identifier do not fit into the record's slots.
    PayloadSize {
        /// Bytes stated.
        stated: usize,
        /// Bytes there are.
        present: usize,
    },
    /// Not a security identifier.
    Sid,
    /// A client's address is neither of 4 nor of 16 bytes.
    AddressSize(u8),
}

impl DecodeError {
    /// The same error in something that contains what was decoded, `base` bytes from its beginning.
    pub(crate) const fn within(self, base: usize) -> Self {
        Self { offset: self.offset.wrapping_add(base), defect: self.defect }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.defect)
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Truncated { needed, present } => write!(f, "{needed} bytes needed, {present} present"),
            Self::Magic => f.write_str("not a whowrote message"),
            Self::MajorVersion { major, minor } => {
                write!(f, "format {major}.{minor}; this program reads {}.x", crate::batch::MAJOR)
            }
            Self::HeaderSize(size) => write!(f, "impossible header size {size}"),
            Self::SlotSize(size) => write!(f, "slots of {size} bytes instead of 64"),
            Self::NoSlots => f.write_str("a record of no slots"),
            Self::SlotCount { stated, present } => {
                write!(f, "a record of {stated} slots where there are {present}")
            }
            Self::NoSecondSlot => f.write_str("what the second slot has is stated, and the slot is missing"),
            Self::TwoOffsets => f.write_str("a write both at the end of the file and at the file pointer"),
            Self::OddText(size) => write!(f, "UTF-16 text of {size} bytes"),
            Self::PayloadSize { stated, present } => {
                write!(f, "{stated} bytes of text and security identifier in room for {present}")
            }
            Self::Sid => f.write_str("malformed security identifier"),
            Self::AddressSize(size) => write!(f, "a client's address of {size} bytes"),
        }
    }
}

impl core::error::Error for DecodeError {}
