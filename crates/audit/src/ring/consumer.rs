//! The consumer's side.

use core::ops::ControlFlow;

use super::merge::{Merge, Next};
use super::{Ring, Shard};
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
    pub fn drain(&mut self, mut visit: impl FnMut(&Event) -> ControlFlow<()>) -> Drained {
        let mut records: u64 = 0;
        let mut end = DrainEnd::Complete;
        let mut merge = Merge::new(self.ring.shards);
        for shard in 0..self.ring.shards.len() {
            match self.head(shard) {
                Head::Record { time } => merge.push(Next { time, shard }),
                Head::Unpublished => end = DrainEnd::Waiting,
                Head::End => {}
            }
        }
        while let Some(Next { shard, .. }) = merge.first() {
            let Some((event, state)) = self.event(shard).zip(self.ring.shards.get(shard)) else {
                end = DrainEnd::Waiting;
                merge.remove_first();
                continue;
            };
            if visit(&event).is_break() {
                return Drained { records, end: DrainEnd::Stopped };
            }
            state.advance(event.slot_count());
            records = records.wrapping_add(1);
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

    /// What is at the head of a shard.
    fn head(&self, index: usize) -> Head {
        let Some(shard) = self.ring.shards.get(index) else { return Head::End };
        let position = shard.head();
        if position == shard.limit() {
            return Head::End;
        }
        let time = self.ring.slot(index, position).and_then(|slot| slot.time(Sequence::at(index, position)));
        time.map_or(Head::Unpublished, |time| Head::Record { time })
    }

    /// The record at the head of a shard, if all of it is published.
    fn event(&self, index: usize) -> Option<Event> {
        let position = self.ring.shards.get(index)?.head();
        let read = |position| self.ring.slot(index, position)?.read(Sequence::at(index, position));
        let first = read(position)?;
        let second = if Event::has_second(&first) { Some(read(position.wrapping_add(1))?) } else { None };
        Some(Event::new(first, second))
    }
}
