//! The ring that event records wait in, from every processor to the one thread that sends them.
//!
//! ```text
//!              shard 0                         shard 1                …
//! producers ─► tail ─┐                         tail ─┐
//!              ┌───┬─▼─┬───┬───┬───┬───┐       ┌───┬─▼─┬───┐
//!              │ 7 │   │ 2 │ 3 │ 4 ╪ 5 │       │ 3 │   │ 2 │      a number is a stamp: this slot holds
//!              └───┴───┴─▲─┴───┴───┴───┘       └───┴───┴─▲─┘      that position, published
//!              consumer ─┘ head                          └─ head
//! ```
//!
//! * **Sharded.** A producer pushes to the shard of its processor. Producers of one shard may be
//!   simultaneous; different shards share no cache line that is written per record.
//! * **One atomic read-modify-write per record.** It reserves the record's positions, counts the record
//!   and learns whether the consumer sleeps, all in one word (`tail`).
//! * **Stamped slots.** A slot is published by storing its sequence number, so producers of a shard
//!   finish in any order. The consumer takes a record when all its slots are published.
//! * **Two modes** ([`WhenFull`]), between which the consumer may change at any time
//!   ([`Consumer::set_when_full`]). Dropping: a push that finds no room fails at once and is counted as lost.
//!   Overwriting: it gives up the oldest records of its shard, published ones, and counts them; the
//!   consumer takes a record by moving the head over what it has read, which fails if that was given up.
//! * **Merged.** The consumer gets the records of all shards in the order of (time, shard, position).
//! * **No lost wake-up, and none per record.** To sleep, the consumer sets a bit in every shard's tail.
//!   A producer that reserves after that takes the bit with its reservation, and wakes the consumer once
//!   it has published; one that reserved before is seen by the consumer, which then does not sleep. The
//!   bit and the reservation being one word, their order is that word's own and needs no fence.
//!
//! # A producer that stalls
//!
//! Between reserving and publishing a producer holds back later records of its shard, not of others, and
//! nobody waits: producers go on until the shard is full (in either mode: what is not published cannot be
//! given up), the consumer goes on with other shards. It must therefore not be suspended there: the driver raises the IRQL to `DISPATCH_LEVEL` around `push`,
//! which bounds the delay by a few dozen instructions.
//!
//! # Memory
//!
//! The caller owns it: [`Shard`]s and [`Slot`]s that are all zero are an empty ring. Positions are 64
//! bits wide; a slot's stamp has the lower 56 (2⁵⁶ records at ten million a second are two centuries).
//!
//! # No `unsafe`
//!
//! Slots are arrays of atomic words, accessed relaxed between the acquire and release of their stamps:
//! on x86-64 and ARM64 these are plain loads and stores, and no access can be a data race.

mod consumer;
mod head;
mod kept;
mod losses;
mod merge;
mod overwrite;
mod shard;
mod slot;
mod switch;
mod tail;
#[cfg(all(test, not(loom)))]
mod tests;

pub use consumer::{Consumer, DrainEnd, Drained, Snapshot};
pub(crate) use head::POSITION_WIDTH as HEAD_POSITION_WIDTH;
pub use losses::LossStage;
pub use shard::Shard;
pub use slot::Slot;
pub(crate) use tail::WIDTHS as TAIL_WIDTHS;

use core::fmt;

use crate::debug::RingItems;
use crate::ledger::{Ledger, LossReason};
use crate::record::{Event, Sequence};
use crate::sync::{AtomicBool, Ordering};
use kept::Kept;
use losses::Losses;
use shard::Reserved;

/// A ring over memory that the caller owns.
#[derive(Debug)]
pub struct Ring<'m> {
    shards: &'m [Shard],
    slots: &'m [Slot],
    /// Slots of one shard: a power of two.
    capacity: u32,
    /// Whether records are given up for newer ones. The consumer's own; one hands it to the next. Producers go by their
    /// shard's head.
    overwrites: AtomicBool,
    /// The record that the consumer took and could not hand out.
    kept: Kept,
    /// The consumer sleeps, or is about to, and nobody has taken it upon himself to wake it.
    asleep: AtomicBool,
    /// There is a [`Consumer`].
    consumed: AtomicBool,
    losses: Losses,
}

/// What a push does that finds no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WhenFull {
    /// Its record is lost to [`LossReason::RingFull`]: what is in the ring stays.
    #[default]
    DropNewest,
    /// The oldest records of its shard are lost to [`LossReason::Overwritten`], a few at a time
    /// ([`Ring::OVERWRITTEN_AT_ONCE`]): the ring holds the newest, also without a consumer (a flight recorder).
    OverwriteOldest,
}

/// A record is in the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Pushed {
    /// The consumer sleeps and this producer is the one to wake it: the driver sets its event.
    pub wake: bool,
    /// The record's sequence number.
    pub sequence: Sequence,
}

/// Places that are reserved for one record, which must be published at once: until then they hold back all later ones of
/// their shard.
#[must_use]
pub struct Places<'r, 'm> {
    ring: &'r Ring<'m>,
    index: usize,
    reserved: Reserved,
}

/// The slots of one shard, known once for several positions.
#[derive(Clone, Copy)]
struct ShardSlots<'m> {
    slots: &'m [Slot],
    first: usize,
    mask: u32,
}

impl<'m> ShardSlots<'m> {
    /// The slot of a position. There always is one: `Ring::new` saw to it.
    #[inline]
    fn at(self, position: u64) -> Option<&'m Slot> {
        let within = tail::low(position) & self.mask;
        self.slots.get(self.first.wrapping_add(within as usize))
    }
}

impl Places<'_, '_> {
    /// Fills the places with their record, which takes as many slots as were reserved.
    #[expect(clippy::inline_always, reason = "as for `Ring::push`")]
    #[inline(always)]
    pub fn publish(self, event: &Event) -> Pushed {
        let Self { ring, index, reserved: Reserved { position, sleeper } } = self;
        let slots = ring.slots_of(index);
        // The last slot is published first: the consumer looks at the first, and then finds all.
        if let Some(words) = event.second() {
            let position = position.wrapping_add(1);
            if let Some(slot) = slots.at(position) {
                slot.publish(words, Sequence::at(index, position));
            }
        }
        let sequence = Sequence::at(index, position);
        if let Some(slot) = slots.at(position) {
            slot.publish(event.first(), sequence);
        }
        Pushed { wake: sleeper && ring.take_wake(), sequence }
    }
}

/// The shard has no room. The record is counted as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The memory cannot be made a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadGeometry {
    /// There must be 1 to [`Ring::MAX_SHARDS`] shards.
    Shards,
    /// Each shard must have the same number of slots: a power of two from [`Ring::MIN_CAPACITY`] to
    /// [`Ring::MAX_CAPACITY`].
    Slots,
}

impl<'m> Ring<'m> {
    /// A sequence number has eight bits for the shard.
    pub const MAX_SHARDS: usize = 256;
    /// The longest record must fit.
    pub const MIN_CAPACITY: u32 = 2;
    /// The tail counts modulo 2³¹ records and 2³² slots.
    pub const MAX_CAPACITY: u32 = 1 << 30;

    /// How many slots the consumer frees at once while it drains, unless that is more than a quarter of the shard.
    ///
    /// One at a time would have every producer of a full shard wait for the consumer's cache line at every record.
    pub const FREED_AT_ONCE: u32 = 64;

    /// An empty ring, if the memory is all-zero (or [`Default`]); `slots` are divided evenly among `shards`. What pushes
    /// do that find no room, the consumer can change later ([`Consumer::set_when_full`]).
    ///
    /// # Errors
    ///
    /// [`BadGeometry`].
    pub fn new(shards: &'m [Shard], slots: &'m [Slot], when_full: WhenFull) -> Result<Self, BadGeometry> {
        if shards.len() > Self::MAX_SHARDS {
            return Err(BadGeometry::Shards);
        }
        let per_shard = slots.len().checked_div(shards.len()).ok_or(BadGeometry::Shards)?;
        let capacity = u32::try_from(per_shard).map_err(|_| BadGeometry::Slots)?;
        let even = per_shard.wrapping_mul(shards.len()) == slots.len();
        if !even
            || !capacity.is_power_of_two()
            || !(Self::MIN_CAPACITY..=Self::MAX_CAPACITY).contains(&capacity)
        {
            return Err(BadGeometry::Slots);
        }
        let ring = Self {
            shards,
            slots,
            capacity,
            overwrites: AtomicBool::default(),
            kept: Kept::default(),
            asleep: AtomicBool::default(),
            consumed: AtomicBool::default(),
            losses: Losses::default(),
        };
        if when_full == WhenFull::OverwriteOldest {
            shards.iter().for_each(Shard::begin_overwriting);
        }
        ring.keep_mode(when_full);
        Ok(ring)
    }

    /// Appends a record to a shard and numbers it. Shards that do not exist stand for those that do, in
    /// turn, so that a processor number will do.
    ///
    /// Maximum IRQL: any. It should not be lower than `DISPATCH_LEVEL`; see the module's documentation.
    ///
    /// # Errors
    ///
    /// [`Full`].
    #[expect(
        clippy::inline_always,
        reason = "a record's words need not go through memory on their way to the slot"
    )]
    #[inline(always)]
    pub fn push(&self, shard: usize, event: &Event) -> Result<Pushed, Full> {
        match self.reserve_at_once(shard, event.slot_count()) {
            Some(places) => Ok(places.publish(event)),
            None => self.push_otherwise(shard, event),
        }
    }

    /// Reserves the places of a record, if that takes but a look and an exchange, as it nearly always does. The record can
    /// be made after that: what goes into it need not be kept in registers before. `None`: [`push`](Self::push) it.
    ///
    /// Maximum IRQL: as for [`push`](Self::push).
    #[expect(clippy::inline_always, reason = "as for `push`")]
    #[inline(always)]
    #[must_use]
    pub fn reserve_at_once(&self, shard: usize, slot_count: u8) -> Option<Places<'_, 'm>> {
        let found = self.shards.get(shard)?;
        let reserved = found.reserve_at_once(u32::from(slot_count), self.capacity)?;
        Some(Places { ring: self, index: shard, reserved })
    }

    /// Appends a record where that takes more than a look and an exchange.
    #[cold]
    #[inline(never)]
    fn push_otherwise(&self, shard: usize, event: &Event) -> Result<Pushed, Full> {
        let (index, shard) = match self.shards.get(shard) {
            Some(found) => (shard, found),
            None => self.shard_in_turn(shard)?,
        };
        let slots = u32::from(event.slot_count());
        let reserved = match shard.reserve(slots, self.capacity) {
            Ok(reserved) => reserved,
            Err(no_room) => self.reserve_in_full(index, slots, no_room)?,
        };
        Ok(Places { ring: self, index, reserved }.publish(event))
    }

    /// The shard that one stands for that does not exist.
    #[cold]
    fn shard_in_turn(&self, shard: usize) -> Result<(usize, &'m Shard), Full> {
        let index = shard.checked_rem(self.shards.len()).unwrap_or(0);
        self.shards.get(index).map(|shard| (index, shard)).ok_or(Full)
    }

    /// Counts event records that are lost for another reason than a full ring.
    pub fn record_loss(&self, reason: LossReason, count: u64, stage: LossStage) {
        self.losses.add(reason, count, stage);
    }

    /// What was produced and lost so far.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for shard in self.shards {
            let (full, given_up) = (shard.refused(), shard.overwritten());
            let [ring_full, _, _, overwritten] = &mut ledger.lost_by_reason;
            *ring_full = ring_full.wrapping_add(full);
            *overwritten = overwritten.wrapping_add(given_up);
            ledger.produced = ledger.produced.wrapping_add(shard.pushed()).wrapping_add(full);
        }
        self.losses.add_to(&mut ledger);
        ledger
    }

    /// Tells a debugger where everything is.
    pub fn describe(&self, items: &RingItems) {
        items.shards.of(self.shards);
        items.slots.of(self.slots);
        items.capacity.is(u64::from(self.capacity));
        items.overwrites.at(&self.overwrites);
        items.asleep.at(&self.asleep);
        self.losses.describe(items);
    }

    /// The consumer; `None` while there is one.
    #[must_use]
    pub fn consumer(&self) -> Option<Consumer<'_, 'm>> {
        Consumer::new(self)
    }

    /// What pushes do that find no room. For the consumer.
    fn mode(&self) -> WhenFull {
        // Relaxed: the consumer's own; `Consumer::new` has acquired what the last one left.
        if self.overwrites.load(Ordering::Relaxed) { WhenFull::OverwriteOldest } else { WhenFull::DropNewest }
    }

    /// Keeps that for the next consumer, and for debuggers. For the consumer.
    fn keep_mode(&self, when_full: WhenFull) {
        // Relaxed: as in `mode`.
        self.overwrites.store(when_full == WhenFull::OverwriteOldest, Ordering::Relaxed);
    }

    /// [`Ring::FREED_AT_ONCE`], or a quarter of a shard that is small.
    #[inline]
    fn freed_at_once(&self) -> u64 {
        u64::from((self.capacity / 4).clamp(1, Self::FREED_AT_ONCE))
    }

    /// The slot of a position. There always is one: `new` saw to it.
    #[inline]
    fn slot(&self, shard: usize, position: u64) -> Option<&'m Slot> {
        self.slots_of(shard).at(position)
    }

    /// The slots of a shard.
    #[inline]
    fn slots_of(&self, shard: usize) -> ShardSlots<'m> {
        let first = shard.wrapping_mul(self.capacity as usize);
        ShardSlots { slots: self.slots, first, mask: self.capacity.wrapping_sub(1) }
    }

    /// Whether the caller, who was told of a sleeper, is the one to wake it.
    #[cold]
    fn take_wake(&self) -> bool {
        // Relaxed: `reserve` has acquired the bit, hence this reads the `true` that the consumer stored before
        // it set the bit (`Consumer::prepare_sleep`), or a later value: the `false` of somebody who wakes
        // it, or of the consumer that is awake.
        self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::Relaxed)
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the shard is full")
    }
}

impl core::error::Error for Full {}

impl fmt::Display for BadGeometry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shards => write!(f, "a ring has 1 to {} shards", Ring::MAX_SHARDS),
            Self::Slots => write!(
                f,
                "a shard has a power of two of slots, {} to {}, all shards the same",
                Ring::MIN_CAPACITY,
                Ring::MAX_CAPACITY
            ),
        }
    }
}

impl core::error::Error for BadGeometry {}
