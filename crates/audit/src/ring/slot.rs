//! A slot of the ring.

use crate::fault::{Fault, seeded};
use crate::record::{Event, Sequence, Words};
use crate::sync::{AtomicU64, Ordering};

/// A cache line that holds one slot of a record. All-zero memory is a free slot.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub struct Slot {
    /// The sequence number of what was last published here.
    stamp: AtomicU64,
    payload: [AtomicU64; 7],
}

impl Slot {
    /// For debuggers: where the stamp and the payload are.
    pub(crate) const OFFSETS: [usize; 2] =
        [core::mem::offset_of!(Self, stamp), core::mem::offset_of!(Self, payload)];

    /// Fills the slot and publishes it. The producer has reserved it.
    #[inline]
    pub(super) fn publish(&self, words: &Words, sequence: Sequence) {
        let [_, payload @ ..] = words;
        for (to, from) in self.payload.iter().zip(payload) {
            // Relaxed: ordered by the stamp's Release below, and after the consumer's last read of this slot by
            // the head's Acquire in `Shard::reserve`.
            to.store(*from, Ordering::Relaxed);
        }
        let release = if seeded(Fault::PublishRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        // Release: pairs with the Acquire in `time` and `read`.
        self.stamp.store(sequence.0, release);
    }

    /// The time of the record that begins here, if this sequence number is published.
    pub(super) fn time(&self, sequence: Sequence) -> Option<u64> {
        // Acquire: pairs with the Release in `publish`.
        if self.stamp.load(Ordering::Acquire) != sequence.0 {
            return None;
        }
        let [time, ..] = &self.payload;
        // Relaxed: ordered by the stamp's Acquire.
        Some(time.load(Ordering::Relaxed))
    }

    /// How many slots the record takes that begins here, if this sequence number is published.
    pub(super) fn slots(&self, sequence: Sequence) -> Option<u8> {
        // Acquire: pairs with the Release in `publish`.
        if self.stamp.load(Ordering::Acquire) != sequence.0 && !seeded(Fault::GivenUpUnpublished) {
            return None;
        }
        let [_, lead, ..] = &self.payload;
        // Relaxed: ordered by the stamp's Acquire.
        Some(Event::slots_of_lead(lead.load(Ordering::Relaxed)))
    }

    /// The slot with its stamp, if this sequence number is published.
    pub(super) fn read(&self, sequence: Sequence) -> Option<Words> {
        // Acquire: pairs with the Release in `publish`.
        if self.stamp.load(Ordering::Acquire) != sequence.0 {
            return None;
        }
        let mut words = [sequence.0, 0, 0, 0, 0, 0, 0, 0];
        let [_, payload @ ..] = &mut words;
        for (to, from) in payload.iter_mut().zip(&self.payload) {
            // Relaxed: ordered by the stamp's Acquire.
            *to = from.load(Ordering::Relaxed);
        }
        Some(words)
    }
}
