//! The variable part of dictionary records: bytes that run through the slots after the first.

use super::error::{DecodeError, Defect};
use super::layout::{SLOT_SIZE, SlotBytes, Words, bytes};
use super::text::Text;

/// The most slots a record can take: the count is one byte.
pub const MAX_RECORD_SLOTS: usize = 255;

/// Every slot begins with the sequence number; the payload has the rest.
const STAMP_SIZE: usize = 8;
const PER_SLOT: usize = SLOT_SIZE - STAMP_SIZE;
const MAX_PAYLOAD: usize = (MAX_RECORD_SLOTS - 1) * PER_SLOT;

/// Bit of the flags byte: a text was too long and is cut off.
pub(super) const TRUNCATED: u8 = 1 << 7;

/// A stretch of payload being read.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a> {
    slots: &'a [SlotBytes],
    next: usize,
    end: usize,
}

impl<'a> Payload<'a> {
    /// The payload of the slots after a record's first: stretches of these sizes, one after another.
    ///
    /// `field` is the offset of the record's field that states the first size.
    pub(super) fn split(
        slots: &'a [SlotBytes],
        sizes: [u16; 2],
        field: usize,
    ) -> Result<[Self; 2], DecodeError> {
        let [middle, end] =
            [usize::from(sizes[0]), usize::from(sizes[0]).wrapping_add(usize::from(sizes[1]))];
        let present = slots.len().wrapping_mul(PER_SLOT);
        if end > present {
            return Err(DecodeError { offset: field, defect: Defect::PayloadSize { stated: end, present } });
        }
        Ok([Self { slots, next: 0, end: middle }, Self { slots, next: middle, end }])
    }

    /// This stretch as a text; `field` is the offset of the record's field that states its size.
    pub(super) fn text(self, field: usize) -> Result<Text<'a>, DecodeError> {
        if self.len().is_multiple_of(2) {
            return Ok(Text::in_payload(self));
        }
        // A stretch is stated by a u16.
        let size = u16::try_from(self.len()).unwrap_or(u16::MAX);
        Err(DecodeError { offset: field, defect: Defect::OddText(size) })
    }

    pub(super) const fn len(&self) -> usize {
        self.end.wrapping_sub(self.next)
    }

    pub(super) fn next_byte(&mut self) -> Option<u8> {
        if self.next >= self.end {
            return None;
        }
        let slot = self.slots.get(self.next / PER_SLOT)?;
        let byte = slot.get(STAMP_SIZE + self.next % PER_SLOT)?;
        self.next = self.next.wrapping_add(1);
        Some(*byte)
    }
}

/// A dictionary record that can be written.
pub(crate) trait DictionaryEntry {
    /// What goes into the payload, and how much of it.
    fn contents(&self) -> Contents<'_>;

    /// The first slot of the record with these contents.
    fn first(&self, contents: &Contents<'_>) -> Words;
}

/// The payload of a record to be written: raw bytes, then up to two texts.
pub(crate) struct Contents<'a> {
    head: &'a [u8],
    texts: [Text<'a>; 2],
    /// How many units of each text are kept.
    units: [usize; 2],
    truncated: bool,
}

impl<'a> Contents<'a> {
    /// All of `head` (a security identifier, so at most [`Sid::MAX_SIZE`](super::Sid::MAX_SIZE) bytes)
    /// and as much of the texts as a record can hold.
    pub(super) fn new(head: &'a [u8], texts: [Text<'a>; 2]) -> Self {
        let room = MAX_PAYLOAD.saturating_sub(head.len()) / 2;
        let first = kept_units(&texts[0], room);
        let second = kept_units(&texts[1], room.saturating_sub(first));
        let truncated = first < texts[0].len() || second < texts[1].len();
        Self { head, texts, units: [first, second], truncated }
    }

    /// How many slots the record takes.
    pub(crate) fn slots(&self) -> u8 {
        let [first, second] = self.units;
        let payload = first.wrapping_add(second).wrapping_mul(2).wrapping_add(self.head.len());
        // `new` kept the payload within MAX_PAYLOAD, hence the sum within a byte.
        u8::try_from(payload.div_ceil(PER_SLOT).wrapping_add(1)).unwrap_or(u8::MAX)
    }

    /// The sizes of the kept texts, in bytes.
    pub(super) fn text_sizes(&self) -> [u16; 2] {
        // Kept texts are at most MAX_PAYLOAD bytes.
        self.units.map(|units| u16::try_from(units.wrapping_mul(2)).unwrap_or(u16::MAX))
    }

    /// The size of the raw bytes.
    pub(super) fn head_size(&self) -> u16 {
        u16::try_from(self.head.len()).unwrap_or(u16::MAX)
    }

    /// The bits of the flags byte that the contents bring about.
    pub(super) const fn flags(&self) -> u8 {
        if self.truncated { TRUNCATED } else { 0 }
    }

    /// Writes the record, overwriting all of `slots`, of which there are [`slots`](Self::slots).
    pub(crate) fn write(&self, first: &Words, slots: &mut [SlotBytes]) {
        let Some((lead, following)) = slots.split_first_mut() else { return };
        *lead = bytes(first);
        let texts = self.texts.iter().zip(self.units).flat_map(|(text, units)| text.units().take(units));
        let mut payload = self.head.iter().copied().chain(texts.flat_map(u16::to_le_bytes));
        for slot in following {
            *slot = [0; SLOT_SIZE];
            for (to, from) in slot.iter_mut().skip(STAMP_SIZE).zip(&mut payload) {
                *to = from;
            }
        }
    }
}

/// How many units of `text` to keep in a room of `room` units, without splitting a surrogate pair.
fn kept_units(text: &Text<'_>, room: usize) -> usize {
    const HIGH_SURROGATES: core::ops::RangeInclusive<u16> = 0xD800..=0xDBFF;
    if text.len() <= room {
        return text.len();
    }
    let last = room.wrapping_sub(1);
    match text.units().nth(last) {
        Some(unit) if HIGH_SURROGATES.contains(&unit) => last,
        _ => room,
    }
}
