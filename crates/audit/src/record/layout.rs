//! The slot: 64 bytes, read and written as eight little-endian words.

/// Bytes in a slot: one cache line.
pub const SLOT_SIZE: usize = 64;

/// A slot as it travels.
pub type SlotBytes = [u8; SLOT_SIZE];

/// A slot as eight words: word *n* is the little-endian integer at bytes 8 *n* to 8 *n* + 7.
///
/// Fields are put together and taken apart with shifts, so that no access can be out of bounds.
pub(crate) type Words = [u64; 8];

/// Byte offset of the slot count in a record.
pub(crate) const SLOTS_AT: usize = 17;

pub(crate) fn words(slot: &SlotBytes) -> Words {
    let mut words = [0; 8];
    let (fields, _) = slot.as_chunks();
    for (word, field) in words.iter_mut().zip(fields) {
        *word = u64::from_le_bytes(*field);
    }
    words
}

pub(crate) fn bytes(words: &Words) -> SlotBytes {
    let mut slot = [0; SLOT_SIZE];
    let (fields, _) = slot.as_chunks_mut();
    for (field, word) in fields.iter_mut().zip(words) {
        *field = word.to_le_bytes();
    }
    slot
}

/// The u32 in the lower half of a word.
#[inline]
pub(crate) const fn low(word: u64) -> u32 {
    (word & 0xFFFF_FFFF) as u32
}

/// The u32 in the upper half of a word.
#[inline]
pub(crate) const fn high(word: u64) -> u32 {
    (word >> 32) as u32
}

/// The word of two u32.
#[inline]
pub(crate) fn pair(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kind(pub u8);

impl Kind {
    /// [`Write`](super::Write).
    pub const WRITE: Self = Self(1);
    /// [`ProcessEntry`](super::ProcessEntry).
    pub const PROCESS: Self = Self(16);
    /// [`VolumeEntry`](super::VolumeEntry).
    pub const VOLUME: Self = Self(17);
    /// [`FileEntry`](super::FileEntry).
    pub const FILE: Self = Self(18);
    /// [`ClientEntry`](super::ClientEntry).
    pub const CLIENT: Self = Self(19);
    /// [`Loss`](super::Loss).
    pub const LOSS: Self = Self(32);
    /// [`Omission`](super::Omission).
    pub const OMISSION: Self = Self(33);
    /// [`ParameterEntry`](super::ParameterEntry).
    pub const PARAMETER: Self = Self(34);
}

/// Word 2 of every record's first slot: what follows, and how long it is.
#[derive(Clone, Copy)]
pub(crate) struct Lead {
    /// Byte 16.
    pub(crate) kind: Kind,
    /// Byte 17.
    pub(crate) slots: u8,
    /// Byte 18, its meaning depending on the kind.
    pub(crate) byte_18: u8,
    /// Byte 19, likewise.
    pub(crate) byte_19: u8,
    /// Bytes 20 to 23, likewise.
    pub(crate) dword_20: u32,
}

impl Lead {
    pub(crate) const fn of(first: &Words) -> Self {
        let [_, _, lead, ..] = *first;
        Self {
            kind: Kind((lead & 0xFF) as u8),
            slots: (lead >> 8 & 0xFF) as u8,
            byte_18: (lead >> 16 & 0xFF) as u8,
            byte_19: (lead >> 24 & 0xFF) as u8,
            dword_20: high(lead),
        }
    }

    pub(crate) fn word(self) -> u64 {
        let Self { kind: Kind(kind), slots, byte_18, byte_19, dword_20 } = self;
        pair(u32::from_le_bytes([kind, slots, byte_18, byte_19]), dword_20)
    }
}
