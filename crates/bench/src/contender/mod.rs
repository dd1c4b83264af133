//! What is compared: one way to get records from several threads to one.

mod array_queue;
mod audit_ring;
mod channel;
mod floor;
mod list;
mod locked_ring;
mod patience;
mod thing_buf;

pub use array_queue::ArrayQueue;
pub use audit_ring::AuditRing;
pub use channel::Channel;
pub use floor::Floor;
pub use list::LockedList;
pub use locked_ring::LockedRing;
pub use thing_buf::ThingBuf;

use audit::attribution::Attribution;
use audit::record::{Event, Write, WriteOffset};
use audit::ring::WhenFull;

/// Slots for each producer: as many as a shard of the driver's ring has.
pub const SLOTS: usize = 1 << 14;

/// A record as the others carry it.
pub type Record = [u8; 64];

/// A way to get records from several threads to one.
pub trait Contender: Sync {
    /// Its name in the report.
    const NAME: &'static str;

    /// An empty one, for so many producers; `None` if it cannot do what is asked for when it is full.
    fn new(producers: usize, when_full: WhenFull) -> Option<Self>
    where
        Self: Sized;

    /// Appends a record. Returns whether there was room.
    fn push(&self, producer: usize, event: &Event) -> bool;

    /// Takes all there is and returns how many records that was.
    fn drain(&self) -> u64;
}

/// The record number `number` of a producer.
#[inline]
#[must_use]
pub fn record(time: u64, number: u64) -> Event {
    Write::new(time, &Attribution::UNKNOWN, WriteOffset::At((number << 12).cast_signed()), 4096).encode()
}
