//! The consumer's side.

use core::ops::ControlFlow;

use super::merge::{Merge, Next};
use super::{Ring, Shard, WhenFull};
use crate::fault::{Fault, seeded};
use crate::record::{Event, Sequence};
use crate::sync::Ordering;

/// The only one who may take records out of a [`Ring`].
#[derive(Debug)]
pub struct Consumer<'r, 'm> {
    ring: &'r Ring<'m>,
}

/// What was in the ring at one moment.
///
/// It holds every record whose push had returned by then, and those whose push had reserved its place.
/// Later ones are left for the next snapshot.
#[derive(Debug)]
pub struct Snapshot<'c, 'm> {
    ring: &'c Ring<'m>,
}

/// What [`Snapshot::drain`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// How many records were taken.
    pub records: u64,
    /// Why it ended.
    pub end: DrainEnd,
}

/// Why [`Snapshot::drain`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DrainEnd {
    /// The snapshot is empty now.
    Complete,
    /// The visitor broke off. The record it broke off at is still in the ring.
    Stopped,
    /// A producer has reserved a place and not published it yet: that and what is behind it in the same
    /// shard is still in the ring. Draining again will get it.
    Waiting,
}

/// What came of the record at the head of a shard.
enum Taken {
    /// It was handed out and removed.
    Record,
    /// The visitor broke off at it.
    Stopped,
    /// It is not there any more.
    GivenUp,
    /// Not all of it is there yet.
    Unpublished,
}

/// What the consumer finds at the head of a shard.
enum Head {
    Record { time: u64 },
    Unpublished,
    End,
}

impl<'r, 'm> Consumer<'r, 'm> {
    pub(super) fn new(ring: &'r Ring<'m>) -> Option<Self> {
        // Acquire: pairs with the Release in `drop`: this consumer goes on where the last one ended.
        let taken = ring.consumed.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok().then_some(Self { ring })
    }

    /// What is in the ring now.
    pub fn snapshot(&mut self) -> Snapshot<'_, 'm> {
        for shard in self.ring.shards {
            shard.set_limit();
        }
        Snapshot { ring: self.ring }
    }

    /// Announces that the consumer will sleep until a push says [`wake`](super::Pushed::wake).
    ///
    /// Returns whether it may: if not, there are records, and it should drain again. Then it is as if it
    /// had not been called. Waking must be remembered if it comes before the consumer waits: the event is
    /// a synchronization event, or is cleared before this call and not after.
    #[must_use]
    pub fn prepare_sleep(&mut self) -> bool {
        if !self.ring.kept.is_empty() {
            return false;
        }
        // Relaxed: ordered before the bit by the Release in `announce_sleep`.
        self.ring.asleep.store(true, Ordering::Relaxed);
        let empty = self.ring.shards.iter().all(Shard::announce_sleep);
        if !empty && !seeded(Fault::SleepUnchecked) {
            self.wake_up();
            return false;
        }
        true
    }

    /// Takes the announcement back: the consumer is awake, be it by an event or a time-out.
    pub fn wake_up(&mut self) {
        // Relaxed: a producer that misses this sets the event once too often.
        self.ring.asleep.store(false, Ordering::Relaxed);
    }
}

impl Drop for Consumer<'_, '_> {
    fn drop(&mut self) {
        // Release: pairs with the Acquire in `new`.
        self.ring.consumed.store(false, Ordering::Release);
    }
}

impl Snapshot<'_, '_> {
    /// Hands out the snapshot's records in the order of (time, shard, position), removing each unless
    /// the visitor breaks off at it. May be called again for what is left.
    ///
    /// If the ring overwrites, records of the snapshot that were given up meanwhile are passed over; one that is
    /// handed out is not given up any more, also if the visitor breaks off at it.
    pub fn drain(&mut self, mut visit: impl FnMut(&Event) -> ControlFlow<()>) -> Drained {
        let mut records: u64 = 0;
        let mut end = DrainEnd::Complete;
        if let Some(event) = self.ring.kept.get() {
            if visit(&event).is_break() {
                return Drained { records, end: DrainEnd::Stopped };
            }
            self.ring.kept.clear();
            records = 1;
        }
        let mut merge = Merge::new(self.ring.shards);
        for shard in 0..self.ring.shards.len() {
            match self.head(shard) {
                Head::Record { time } => merge.push(Next { time, shard }),
                Head::Unpublished => end = DrainEnd::Waiting,
                Head::End => {}
            }
        }
        while let Some(next) = merge.first() {
            match self.take(next, &mut visit) {
                Taken::Record => records = records.wrapping_add(1),
                Taken::Stopped => return Drained { records, end: DrainEnd::Stopped },
                Taken::GivenUp => {}
                Taken::Unpublished => {
                    end = DrainEnd::Waiting;
                    merge.remove_first();
                    continue;
                }
            }
            let Next { shard, .. } = next;
            match self.head(shard) {
                Head::Record { time } => merge.replace_first(Next { time, shard }),
                Head::Unpublished => {
                    end = DrainEnd::Waiting;
                    merge.remove_first();
                }
                Head::End => merge.remove_first(),
            }
        }
        Drained { records, end }
    }

    /// Hands out and removes the record at the head of a shard, if it is the one with that time.
    fn take(&self, next: Next, visit: &mut impl FnMut(&Event) -> ControlFlow<()>) -> Taken {
        let Next { shard: index, time } = next;
        let Some(shard) = self.ring.shards.get(index) else { return Taken::Unpublished };
        let head = shard.head();
        let Some(event) = self.event(index, head) else {
            return if shard.is_head(head) { Taken::Unpublished } else { Taken::GivenUp };
        };
        match self.ring.when_full {
            WhenFull::DropNewest => {
                if visit(&event).is_break() {
                    return Taken::Stopped;
                }
                shard.advance(event.slot_count());
            }
            WhenFull::OverwriteOldest => {
                // Another time: the record of that time was given up, and this one may not be the next.
                if event.time() != time || !shard.claim(head, event.slot_count()) {
                    return Taken::GivenUp;
                }
                if visit(&event).is_break() {
                    self.ring.kept.keep(&event);
                    return Taken::Stopped;
                }
            }
        }
        Taken::Record
    }

    /// What is at the head of a shard.
    fn head(&self, index: usize) -> Head {
        let Some(shard) = self.ring.shards.get(index) else { return Head::End };
        loop {
            let position = shard.head();
            // Past the end, if records of the snapshot and later ones were given up.
            if position.wrapping_sub(shard.limit()).cast_signed() >= 0 {
                return Head::End;
            }
            let time =
                self.ring.slot(index, position).and_then(|slot| slot.time(Sequence::at(index, position)));
            match time {
                Some(time) => return Head::Record { time },
                None if shard.is_head(position) => return Head::Unpublished,
                // It was given up meanwhile.
                None => {}
            }
        }
    }

    /// The record at a position, if all of it is published.
    fn event(&self, index: usize, position: u64) -> Option<Event> {
        let read = |position| self.ring.slot(index, position)?.read(Sequence::at(index, position));
        let first = read(position)?;
        let second = if Event::has_second(&first) { Some(read(position.wrapping_add(1))?) } else { None };
        Some(Event::new(first, second))
    }
}
