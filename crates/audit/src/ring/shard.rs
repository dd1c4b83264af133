//! A shard: what its producers and the consumer know of its slots.

use super::WhenFull;
use super::head::Head;
use super::tail::{Tail, low};
use crate::fault::{Fault, seeded};
use crate::sync::{AtomicU64, Ordering};

/// The state of one shard. All-zero memory is that of an empty one.
///
/// Producers and consumer write to cache lines of their own, a pair of lines apart because processors
/// fetch pairs; and what the consumer alone reads is not where producers look.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Shard {
    producers: Producers,
    pub(super) consumed: Consumed,
    pub(super) cursor: Cursor,
}

/// Written by producers.
#[derive(Debug, Default)]
#[repr(C, align(128))]
struct Producers {
    /// A [`Tail`].
    tail: AtomicU64,
    /// The position of the consumer's head, as last looked at; so that a producer need not look at every push.
    head_seen: AtomicU64,
    /// Records for which there was no room.
    refused: AtomicU64,
    /// Records that were given up for newer ones.
    overwritten: AtomicU64,
}

/// Written by the consumer for producers to see; where they overwrite, the head is theirs to move, too.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub(super) struct Consumed {
    /// A [`Head`].
    pub(super) head: AtomicU64,
    /// Records taken.
    pub(super) records: AtomicU64,
}

/// The consumer's own.
#[derive(Debug, Default)]
#[repr(C, align(128))]
pub(super) struct Cursor {
    /// The position of the next record to take; where producers do not overwrite. [`Shard::advance`] lets the head
    /// follow it.
    pub(super) position: AtomicU64,
    /// Records taken.
    pub(super) records: AtomicU64,
    /// Where the snapshot ends.
    limit: AtomicU64,
    /// The element of the merge heap that happens to be kept here (`merge`).
    pub(super) merge_time: AtomicU64,
    pub(super) merge_shard: AtomicU64,
}

/// There is no room behind this head.
#[derive(Debug)]
pub(super) struct NoRoom {
    pub(super) head: Head,
}

/// Positions that are a producer's to publish.
pub(super) struct Reserved {
    /// The first of them.
    pub(super) position: u64,
    /// The consumer went to sleep before this reservation, and no other came between.
    pub(super) sleeper: bool,
}

impl Shard {
    /// For debuggers: where tail, records refused and overwritten, head, records freed, and cursor are.
    pub(crate) const OFFSETS: [usize; 6] = [
        core::mem::offset_of!(Self, producers.tail),
        core::mem::offset_of!(Self, producers.refused),
        core::mem::offset_of!(Self, producers.overwritten),
        core::mem::offset_of!(Self, consumed.head),
        core::mem::offset_of!(Self, consumed.records),
        core::mem::offset_of!(Self, cursor.position),
    ];

    /// An empty shard through which `records` records have gone, up to `position`.
    #[cfg(all(test, not(loom)))]
    pub(super) fn at(position: u64, records: u64) -> Self {
        let shard = Self::default();
        let tail = u64::from(low(position)) | (records & 0x7FFF_FFFF) << 32;
        shard.producers.tail.store(tail, Ordering::Relaxed);
        shard.producers.head_seen.store(position, Ordering::Relaxed);
        for (at, value) in [
            (&shard.consumed.head, position),
            (&shard.consumed.records, records),
            (&shard.cursor.position, position),
            (&shard.cursor.records, records),
        ] {
            at.store(value, Ordering::Relaxed);
        }
        shard
    }

    /// Reserves as [`reserve`](Self::reserve) does, if the head that was last looked at leaves room and no other producer
    /// is at it: so it is nearly always, and it takes no call.
    #[expect(clippy::inline_always, reason = "as for `Ring::push`")]
    #[inline(always)]
    pub(super) fn reserve_at_once(&self, count: u32, capacity: u32) -> Option<Reserved> {
        let room = capacity.wrapping_sub(count);
        let Producers { tail: shared_tail, head_seen, .. } = &self.producers;
        // The orderings are those of `reserve`.
        let unordered = seeded(Fault::SleeperRelaxed);
        let acquire = if unordered { Ordering::Relaxed } else { Ordering::Acquire };
        let exchange = if unordered { Ordering::Relaxed } else { Ordering::AcqRel };
        let tail = Tail(shared_tail.load(acquire));
        let head = head_seen.load(Ordering::Acquire);
        if tail.slots().wrapping_sub(low(head)) > room && !seeded(Fault::RoomUnchecked) {
            return None;
        }
        let after = tail.after(count).0;
        shared_tail.compare_exchange_weak(tail.0, after, exchange, Ordering::Relaxed).ok()?;
        Some(Reserved { position: tail.position_since(head), sleeper: tail.has_sleeper() })
    }

    /// Reserves `count` positions, of `capacity` that the shard has; `count` is not more.
    pub(super) fn reserve(&self, count: u32, capacity: u32) -> Result<Reserved, NoRoom> {
        let room = capacity.wrapping_sub(count);
        let Producers { tail: shared_tail, head_seen, .. } = &self.producers;
        let unordered = seeded(Fault::SleeperRelaxed);
        let acquire = if unordered { Ordering::Relaxed } else { Ordering::Acquire };
        let exchange = if unordered { Ordering::Relaxed } else { Ordering::AcqRel };
        loop {
            // Acquire: pairs with the Release of the exchange below. The heads looked at next are not behind those
            // that the producer who made this tail knew, so that nobody is refused while there is room.
            let tail = Tail(shared_tail.load(acquire));
            // Acquire: pairs with the Release in `look_at_head`, and thereby with those in `free`, `claim` and
            // `give_up`: the slots before this head have been read, and may be filled again.
            let mut head = head_seen.load(Ordering::Acquire);
            if tail.slots().wrapping_sub(low(head)) > room && !seeded(Fault::RoomUnchecked) {
                let looked = self.look_at_head();
                head = looked.position();
                let used = tail.slots().wrapping_sub(low(head));
                if used > capacity {
                    // The head has passed this tail, so the tail is out of date.
                    continue;
                }
                if used > room {
                    return Err(NoRoom { head: looked });
                }
            }
            // Acquire on success: pairs with the Release in `announce_sleep`, for `Ring::take_wake`; Release: with the
            // load above. Relaxed on failure: it is loaded again.
            let reserved =
                shared_tail.compare_exchange_weak(tail.0, tail.after(count).0, exchange, Ordering::Relaxed);
            if reserved.is_ok() {
                return Ok(Reserved { position: tail.position_since(head), sleeper: tail.has_sleeper() });
            }
        }
    }

    /// The consumer's head, for this producer and the ones after it.
    #[cold]
    #[inline(never)]
    fn look_at_head(&self) -> Head {
        // Acquire: pairs with the Release in `free`, `claim`, `give_up` and `begin_overwriting`.
        let head = Head(self.consumed.head.load(Ordering::Acquire));
        // Release: pairs with the Acquire in `reserve`. The greatest, because a producer may be late.
        self.producers.head_seen.fetch_max(head.position(), Ordering::Release);
        head
    }

    /// Counts a record for which there was no room. For producers.
    pub(super) fn refuse(&self) {
        // Relaxed: a count; nothing depends on it.
        self.producers.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether the head is where it was: nobody took the record there or gave it up.
    pub(super) fn is_head(&self, head: u64) -> bool {
        // Relaxed: a head that moves after this is as good as one that moves after the caller's next step.
        Head(self.consumed.head.load(Ordering::Relaxed)).position() == head
    }

    /// Gives up the oldest records, `records` in `slots` slots from `head` on, which are published; unless the
    /// head has moved, or records are not to be given up any more: then nothing is changed. For producers of a ring that
    /// overwrites; `head` says that it does.
    pub(super) fn give_up(&self, head: Head, slots: u64, records: u64) {
        // Release: pairs with the Acquire in `look_at_head`: the caller has read what it gives up. The consumer's
        // own Release goes on through this exchange. Relaxed on failure: the head is loaded again.
        let given_up = self.consumed.head.compare_exchange(
            head.0,
            head.after(slots).0,
            Ordering::Release,
            Ordering::Relaxed,
        );
        if given_up.is_ok() || seeded(Fault::GivenUpTwice) {
            // Release: pairs with the Acquire in `pushed`: the reservations of these records were seen.
            self.producers.overwritten.fetch_add(records, Ordering::Release);
        }
    }

    /// Records pushed, or being pushed.
    pub(super) fn pushed(&self) -> u64 {
        // Acquire: pairs with the Release in `free` and `claim`, so that the tail read next is not behind.
        let taken = self.consumed.records.load(Ordering::Acquire);
        // Acquire: pairs with the Release in `give_up`, for the same reason.
        let gone = taken.wrapping_add(self.producers.overwritten.load(Ordering::Acquire));
        // Relaxed: a count; nothing depends on it.
        Tail(self.producers.tail.load(Ordering::Relaxed)).records_since(gone)
    }

    /// Records for which there was no room.
    pub(super) fn refused(&self) -> u64 {
        // Relaxed: a count; nothing depends on it.
        self.producers.refused.load(Ordering::Relaxed)
    }

    /// Records that were given up for newer ones.
    pub(super) fn overwritten(&self) -> u64 {
        // Relaxed: a count; nothing depends on it.
        self.producers.overwritten.load(Ordering::Relaxed)
    }

    /// The position of the next record to take. For the consumer.
    #[inline]
    pub(super) fn position(&self, when_full: WhenFull) -> u64 {
        match when_full {
            // Relaxed: the consumer's own.
            WhenFull::DropNewest => self.cursor.position.load(Ordering::Relaxed),
            // Acquire: pairs with the Release in `give_up`, so that a tail read next is not behind this head. Whether
            // it is still there, `claim` makes sure of.
            WhenFull::OverwriteOldest => Head(self.consumed.head.load(Ordering::Acquire)).position(),
        }
    }

    /// Where the snapshot ends. For the consumer.
    pub(super) fn limit(&self) -> u64 {
        // Relaxed: the consumer's own.
        self.cursor.limit.load(Ordering::Relaxed)
    }

    /// Lets the snapshot end here and now. For the consumer.
    pub(super) fn set_limit(&self, when_full: WhenFull) {
        let position = self.position(when_full);
        // Relaxed: positions are only counted here; what they hold is acquired by its stamp.
        let tail = Tail(self.producers.tail.load(Ordering::Relaxed));
        // Relaxed: the consumer's own.
        self.cursor.limit.store(tail.position_since(position), Ordering::Relaxed);
    }

    /// Takes the record at `head`, which has been read, if nobody gave it up meanwhile. For the consumer of a ring
    /// that overwrites.
    ///
    /// If it succeeds, what was read is whole: a slot is filled again by those only who know a head behind it, and
    /// such a head comes after this exchange.
    pub(super) fn claim(&self, head: u64, slots: u8) -> bool {
        let head = Head::yielding(head);
        let next = head.after(u64::from(slots)).0;
        if seeded(Fault::ClaimUnchecked) {
            self.consumed.head.store(next, Ordering::Release);
        } else {
            // Release: pairs with the Acquire in `look_at_head`: the slots have been read. Relaxed on failure: the
            // head is loaded again.
            let claimed =
                self.consumed.head.compare_exchange(head.0, next, Ordering::Release, Ordering::Relaxed);
            if claimed.is_err() {
                return false;
            }
        }
        // Relaxed load: the consumer's own.
        let records = self.consumed.records.load(Ordering::Relaxed).wrapping_add(1);
        // Release: pairs with the Acquire in `pushed`.
        self.consumed.records.store(records, Ordering::Release);
        true
    }

    /// Goes on to the next record: that at the position has been read, and takes so many slots. Producers get the slots
    /// each time that `step` of them, a power of two, have come together; the last ones by `free`. For the consumer of
    /// a ring that does not overwrite.
    #[inline]
    pub(super) fn advance(&self, slots: u8, step: u64) {
        let Cursor { position, records, .. } = &self.cursor;
        // Relaxed: the consumer's own.
        let from = position.load(Ordering::Relaxed);
        let to = from.wrapping_add(u64::from(slots));
        position.store(to, Ordering::Relaxed);
        records.store(records.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        if (from ^ to) >= step {
            self.free(if seeded(Fault::FreedUnread) { to.wrapping_add(1).min(self.limit()) } else { to });
        }
    }

    /// Frees the slots of all records before the position, which have been read. For the consumer of a ring that does
    /// not overwrite.
    pub(super) fn free_read(&self) {
        // Relaxed: the consumer's own, both.
        let position = self.cursor.position.load(Ordering::Relaxed);
        let head = Head(self.consumed.head.load(Ordering::Relaxed)).position();
        let behind = position.wrapping_sub(head).cast_signed();
        if behind > 0 && !seeded(Fault::RestNotFreed) {
            self.free(position);
        }
    }

    /// Moves the head.
    fn free(&self, position: u64) {
        let Consumed { head, records } = &self.consumed;
        // Relaxed load: the consumer's own. Release: pairs with the Acquire in `pushed`.
        records.store(self.cursor.records.load(Ordering::Relaxed), Ordering::Release);
        // Release: pairs with the Acquire in `look_at_head`: the slots have been read.
        head.store(position, Ordering::Release);
    }

    /// Tells producers that the consumer sleeps. Returns whether everything reserved has been taken;
    /// otherwise the consumer must not sleep. For the consumer.
    pub(super) fn announce_sleep(&self, when_full: WhenFull) -> bool {
        // Release: pairs with the Acquire in `reserve`. A read-modify-write, and so in one order with the
        // reservations: those before it are seen here, those after it see the bit.
        let tail = Tail(self.producers.tail.fetch_or(Tail::ASLEEP, Ordering::Release));
        tail.slots() == low(self.position(when_full))
    }
}
