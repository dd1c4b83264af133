//! System Informer's scheme.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use audit::record::Event;
use audit::ring::WhenFull;
use spin::mutex::TicketMutex;

use super::patience::Patience;
use super::{Contender, Record, SLOTS};

/// A slot and its header, which says whose it is.
#[derive(Default)]
#[repr(align(64))]
struct Entry {
    /// The position, and above it whether that is being written.
    header: AtomicU64,
    words: [AtomicU64; 8],
}

/// The header of a position that is being written.
const BUSY: u64 = 1 << 63;

/// One ring for all: places are reserved under a fair spin lock, filled without it, and read in order up to the first one
/// that is busy.
pub struct LockedRing {
    entries: Vec<Entry>,
    /// Positions reserved.
    tail: TicketMutex<u64, Patience>,
    published_tail: AtomicU64,
    /// Positions read, or given up under the lock.
    head: AtomicU64,
    when_full: WhenFull,
}

impl LockedRing {
    fn entry(&self, position: u64) -> &Entry {
        &self.entries[usize::try_from(position).unwrap_or(0) & (self.entries.len() - 1)]
    }
}

impl Contender for LockedRing {
    const NAME: &'static str = "ring, spin lock (System Informer)";

    fn new(producers: usize, when_full: WhenFull) -> Option<Self> {
        let entries = (0..(producers * SLOTS).next_power_of_two()).map(|_| Entry::default()).collect();
        let (tail, published_tail, head) = Default::default();
        Some(Self { entries, tail, published_tail, head, when_full })
    }

    #[inline]
    fn push(&self, _producer: usize, event: &Event) -> bool {
        let position = {
            let mut tail = self.tail.lock();
            let head = self.head.load(Ordering::Acquire);
            if *tail - head >= self.entries.len() as u64 {
                if self.when_full == WhenFull::DropNewest
                    || self.entry(head).header.load(Ordering::Acquire) & BUSY != 0
                {
                    return false;
                }
                // The consumer may have taken it meanwhile: there is room either way.
                let _ = self.head.compare_exchange(head, head + 1, Ordering::AcqRel, Ordering::Relaxed);
            }
            self.entry(*tail).header.store(*tail | BUSY, Ordering::Relaxed);
            *tail += 1;
            self.published_tail.store(*tail, Ordering::Release);
            *tail - 1
        };
        let entry = self.entry(position);
        let (record, _) = event.to_bytes();
        for (word, bytes) in entry.words.iter().zip(record.as_chunks().0) {
            word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
        }
        entry.header.store(position, Ordering::Release);
        true
    }

    fn drain(&self) -> u64 {
        let mut taken = 0;
        loop {
            let head = self.head.load(Ordering::Relaxed);
            let entry = self.entry(head);
            if head == self.published_tail.load(Ordering::Acquire)
                || entry.header.load(Ordering::Acquire) != head
            {
                return taken;
            }
            let mut record: Record = [0; 64];
            for (bytes, word) in record.as_chunks_mut().0.iter_mut().zip(&entry.words) {
                *bytes = word.load(Ordering::Relaxed).to_le_bytes();
            }
            if self.head.compare_exchange(head, head + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                black_box(record);
                taken += 1;
            }
        }
    }
}
