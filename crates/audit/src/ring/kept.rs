//! A record that the consumer took and could not hand out.

use super::Slot;
use crate::record::{Event, Sequence};
use crate::sync::{AtomicBool, AtomicU64, Ordering};

/// Room for one record. The consumer's own; one hands it to the next.
#[derive(Debug, Default)]
pub(super) struct Kept {
    occupied: AtomicBool,
    sequence: AtomicU64,
    first: Slot,
    second: Slot,
}

impl Kept {
    /// Keeps a record.
    pub(super) fn keep(&self, event: &Event) {
        let sequence = event.sequence();
        self.first.publish(event.first(), sequence);
        if let Some(second) = event.second() {
            self.second.publish(second, sequence);
        }
        // Relaxed: the consumer's own.
        self.sequence.store(sequence.0, Ordering::Relaxed);
        self.occupied.store(true, Ordering::Relaxed);
    }

    /// The record, if there is one.
    pub(super) fn get(&self) -> Option<Event> {
        // Relaxed: the consumer's own.
        let sequence = Sequence(self.sequence.load(Ordering::Relaxed));
        let first = self.first.read(sequence).filter(|_| !self.is_empty())?;
        let second = if Event::has_second(&first) { self.second.read(sequence) } else { None };
        Some(Event::new(first, second))
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        // Relaxed: the consumer's own.
        !self.occupied.load(Ordering::Relaxed)
    }

    /// Lets go of it.
    pub(super) fn clear(&self) {
        // Relaxed: the consumer's own.
        self.occupied.store(false, Ordering::Relaxed);
    }
}
