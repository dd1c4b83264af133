//! Reading a message.

use super::header::{HEADER_SIZE, Header};
use crate::record::{DecodeError, Defect, Lead, Record, SLOT_SIZE, SLOTS_AT, SlotBytes, words};

/// A message with a valid header.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    header: Header,
    header_size: u16,
    slots: &'a [SlotBytes],
}

impl<'a> Batch<'a> {
    /// Reads the header and makes sure that all slots are there. What follows them is not looked at.
    ///
    /// # Errors
    ///
    /// A [`DecodeError`]: too short, not a message, or of a newer major version.
    pub fn parse(message: &'a [u8]) -> Result<Self, DecodeError> {
        let present = message.len();
        let truncated = |needed| {
            let defect = Defect::Truncated { needed, present };
            DecodeError { offset: present, defect }
        };
        let header = message.first_chunk::<HEADER_SIZE>().ok_or_else(|| truncated(HEADER_SIZE))?;
        let (header, header_size, slot_count) = Header::decode(header)?;
        let count = usize::try_from(slot_count).unwrap_or(usize::MAX);
        let needed = count.saturating_mul(SLOT_SIZE).saturating_add(usize::from(header_size));
        let (slots, _) = message.get(usize::from(header_size)..).unwrap_or_default().as_chunks();
        let slots = slots.get(..count).ok_or_else(|| truncated(needed))?;
        Ok(Self { header, header_size, slots })
    }

    /// What the message says of itself.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Its records, in order.
    #[must_use]
    pub fn records(&self) -> Records<'a> {
        Records { slots: self.slots, offset: usize::from(self.header_size) }
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.slots.len().saturating_mul(SLOT_SIZE).saturating_add(usize::from(self.header_size))
    }
}

/// The records of a [`Batch`].
///
/// After a record that is invalid in itself the next one follows; where records no longer can be told
/// apart, the error is the last item. Errors have the byte offset in the message.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    slots: &'a [SlotBytes],
    /// Offset of `slots` in the message.
    offset: usize,
}

impl Records<'_> {
    /// Byte offset, in the message, of the record that comes next.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let offset = self.offset;
        let count = Lead::of(&words(self.slots.first()?)).slots;
        let split = self.slots.split_at_checked(usize::from(count));
        let Some((record, rest)) = split.filter(|_| count != 0) else {
            let present = self.slots.len();
            self.slots = &[];
            let defect =
                if count == 0 { Defect::NoSlots } else { Defect::SlotCount { stated: count, present } };
            return Some(Err(DecodeError { offset: SLOTS_AT, defect }.within(offset)));
        };
        self.slots = rest;
        self.offset = offset.wrapping_add(record.as_flattened().len());
        Some(Record::decode(record).map_err(|error| error.within(offset)))
    }
}

impl core::iter::FusedIterator for Records<'_> {}
