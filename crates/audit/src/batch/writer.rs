//! Filling a message.

use core::fmt;

use super::header::{HEADER_SIZE, Header, HeaderBytes};
use crate::record::{
    ClientEntry, DictionaryEntry, Event, FileEntry, Loss, MAX_RECORD_SLOTS, Omission, ParameterEntry,
    ProcessEntry, SLOT_SIZE, SlotBytes, VolumeEntry,
};

/// A message being filled, in a buffer of the caller's.
///
/// Whatever the buffer held before, no byte of it gets into the message.
#[derive(Debug)]
pub struct BatchWriter<'b> {
    header: &'b mut HeaderBytes,
    free: &'b mut [SlotBytes],
    slots: u32,
    events: u64,
}

/// The record does not fit into what is left of the batch; it will fit into the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

/// The buffer is smaller than [`BatchWriter::MIN_SIZE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferTooSmall;

impl<'b> BatchWriter<'b> {
    /// The least size of a buffer, in bytes: any record fits into an empty batch.
    pub const MIN_SIZE: usize = HEADER_SIZE + MAX_RECORD_SLOTS * SLOT_SIZE;

    /// An empty batch.
    ///
    /// # Errors
    ///
    /// [`BufferTooSmall`].
    pub fn new(buffer: &'b mut [u8]) -> Result<Self, BufferTooSmall> {
        let (header, rest) = buffer.split_first_chunk_mut::<HEADER_SIZE>().ok_or(BufferTooSmall)?;
        let (free, _) = rest.as_chunks_mut::<SLOT_SIZE>();
        if free.len() < MAX_RECORD_SLOTS {
            return Err(BufferTooSmall);
        }
        Ok(Self { header, free, slots: 0, events: 0 })
    }

    /// Whether it has no record yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.slots == 0
    }

    /// How many event records it has.
    #[must_use]
    pub const fn events(&self) -> u64 {
        self.events
    }

    /// Adds an event record, as the ring gave it out.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]; nothing was added.
    pub fn push_event(&mut self, event: &Event) -> Result<(), NoRoom> {
        let slots = self.take(event.slot_count())?;
        let (first, second) = event.to_bytes();
        for (to, from) in slots.iter_mut().zip([Some(first), second].into_iter().flatten()) {
            *to = from;
        }
        self.events = self.events.wrapping_add(1);
        Ok(())
    }

    /// Adds a process. A path that no record can hold is cut off, and marked so.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]; nothing was added.
    pub fn push_process(&mut self, process: &ProcessEntry<'_>) -> Result<(), NoRoom> {
        self.push_entry(process)
    }

    /// Adds a volume. Names that no record can hold are cut off, and marked so.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]; nothing was added.
    pub fn push_volume(&mut self, volume: &VolumeEntry<'_>) -> Result<(), NoRoom> {
        self.push_entry(volume)
    }

    /// Adds a file. A path that no record can hold is cut off, and marked so.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]; nothing was added.
    pub fn push_file(&mut self, file: &FileEntry<'_>) -> Result<(), NoRoom> {
        self.push_entry(file)
    }

    /// Adds a remote client. A share's name that no record can hold is cut off, and marked so.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]; nothing was added.
    pub fn push_client(&mut self, client: &ClientEntry<'_>) -> Result<(), NoRoom> {
        self.push_entry(client)
    }

    /// Adds a loss record.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]; nothing was added.
    pub fn push_loss(&mut self, loss: &Loss) -> Result<(), NoRoom> {
        for slot in self.take(1)? {
            *slot = crate::record::bytes(&loss.encode());
        }
        Ok(())
    }

    /// Adds an omission record.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]; nothing was added.
    pub fn push_omission(&mut self, omission: &Omission) -> Result<(), NoRoom> {
        for slot in self.take(1)? {
            *slot = crate::record::bytes(&omission.encode());
        }
        Ok(())
    }

    /// Adds a parameter. A text that no record can hold is cut off, and marked so.
    ///
    /// # Errors
    ///
    /// [`NoRoom`]; nothing was added.
    pub fn push_parameter(&mut self, parameter: &ParameterEntry<'_>) -> Result<(), NoRoom> {
        self.push_entry(parameter)
    }

    /// Closes the batch. Returns the size of the message, which is at the beginning of the buffer.
    #[must_use]
    pub fn finish(self, header: &Header) -> usize {
        *self.header = header.encode(self.slots);
        // At most the buffer's size.
        HEADER_SIZE.wrapping_add((self.slots as usize).wrapping_mul(SLOT_SIZE))
    }

    fn push_entry(&mut self, entry: &impl DictionaryEntry) -> Result<(), NoRoom> {
        let contents = entry.contents();
        let slots = self.take(contents.slots())?;
        contents.write(&entry.first(&contents), slots);
        Ok(())
    }

    /// Takes the next `count` free slots.
    fn take(&mut self, count: u8) -> Result<&'b mut [SlotBytes], NoRoom> {
        let slots = self.slots.checked_add(u32::from(count)).ok_or(NoRoom)?;
        let taken = self.free.split_off_mut(..usize::from(count)).ok_or(NoRoom)?;
        self.slots = slots;
        Ok(taken)
    }
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room left in the batch")
    }
}

impl core::error::Error for NoRoom {}

impl fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the buffer of a batch needs {} bytes", BatchWriter::MIN_SIZE)
    }
}

impl core::error::Error for BufferTooSmall {}
