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
    pub(super) ring: &'r Ring<'m>,
    /// What pushes do that find no room.
    pub(super) when_full: WhenFull,
    /// It has just taken all there was, and that was little.
    caught_up: bool,
}

/// What was in the ring at one moment.
///
/// It holds every record whose push had returned by then, and those whose push had reserved its place.
/// Later ones are left for the next snapshot.
#[derive(Debug)]
pub struct Snapshot<'c, 'm> {
    ring: &'c Ring<'m>,
    when_full: WhenFull,
    caught_up: &'c mut bool,
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

/// How often a consumer that has caught up with the producers gives the processor the hint that it waits, before it looks
/// at their tails again: for about three microseconds, where that hint takes longest (140 cycles).
///
/// A consumer that follows a producer record by record takes the tail's cache line away from it at each: the producer then
/// takes five times as long.
const REST: u32 = if cfg!(loom) { 0 } else { 64 };

impl<'r, 'm> Consumer<'r, 'm> {
    pub(super) fn new(ring: &'r Ring<'m>) -> Option<Self> {
        // Acquire: pairs with the Release in `drop`: this consumer goes on where the last one ended.
        let taken = ring.consumed.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok().then(|| Self { ring, when_full: ring.mode(), caught_up: false })
    }

    /// What is in the ring now.
    ///
    /// After a snapshot that held little, and unless it has slept since, the consumer rests a few microseconds first:
    /// producers are held up by one who looks all the time.
    pub fn snapshot(&mut self) -> Snapshot<'_, 'm> {
        if core::mem::take(&mut self.caught_up) {
            for _ in 0..REST {
                core::hint::spin_loop();
            }
        }
        for shard in self.ring.shards {
            shard.set_limit(self.when_full);
        }
        Snapshot { ring: self.ring, when_full: self.when_full, caught_up: &mut self.caught_up }
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
        let empty = self.ring.shards.iter().all(|shard| shard.announce_sleep(self.when_full));
        if !empty && !seeded(Fault::SleepUnchecked) {
            self.wake_up();
            return false;
        }
        true
    }

    /// Takes the announcement back: the consumer is awake, be it by an event or a time-out.
    pub fn wake_up(&mut self) {
        self.caught_up = false;
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
    ///
    /// If it does not, producers get the room of what was taken a few slots at a time ([`Ring::FREED_AT_ONCE`]), and all
    /// of it at the end.
    pub fn drain(&mut self, visit: impl FnMut(&Event) -> ControlFlow<()>) -> Drained {
        let drained = self.hand_out(visit);
        if self.when_full == WhenFull::DropNewest {
            self.ring.shards.iter().for_each(Shard::free_read);
        }
        *self.caught_up =
            drained.end != DrainEnd::Stopped && drained.records < u64::from(Ring::FREED_AT_ONCE);
        drained
    }

    fn hand_out(&mut self, mut visit: impl FnMut(&Event) -> ControlFlow<()>) -> Drained {
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
        let head = shard.position(self.when_full);
        let Some(event) = self.event(index, head) else {
            return if self.is_next(shard, head) { Taken::Unpublished } else { Taken::GivenUp };
        };
        match self.when_full {
            WhenFull::DropNewest => {
                if visit(&event).is_break() {
                    return Taken::Stopped;
                }
                shard.advance(event.slot_count(), self.ring.freed_at_once());
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
            let position = shard.position(self.when_full);
            // Past the end, if records of the snapshot and later ones were given up.
            if position.wrapping_sub(shard.limit()).cast_signed() >= 0 {
                return Head::End;
            }
            let time =
                self.ring.slot(index, position).and_then(|slot| slot.time(Sequence::at(index, position)));
            match time {
                Some(time) => return Head::Record { time },
                None if self.is_next(shard, position) => return Head::Unpublished,
                // It was given up meanwhile.
                None => {}
            }
        }
    }

    /// Whether the next record to take is still at that position: producers that overwrite may have given it up.
    fn is_next(&self, shard: &Shard, position: u64) -> bool {
        self.when_full == WhenFull::DropNewest || shard.is_head(position)
    }

    /// The record at a position, if all of it is published.
    fn event(&self, index: usize, position: u64) -> Option<Event> {
        let read = |position| self.ring.slot(index, position)?.read(Sequence::at(index, position));
        let first = read(position)?;
        let second = if Event::has_second(&first) { Some(read(position.wrapping_add(1))?) } else { None };
        Some(Event::new(first, second))
    }
}
