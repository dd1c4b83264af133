//! Ours.

use std::hint::black_box;
use std::ops::ControlFlow;

use audit::record::Event;
use audit::ring::{Ring, Shard, Slot, WhenFull};

use super::{Contender, SLOTS};

/// The ring of crates/audit, with a shard for each producer.
pub struct AuditRing(Ring<'static>);

impl Contender for AuditRing {
    const NAME: &'static str = "ring";

    /// The memory of the ring stays: a benchmark makes few of them.
    fn new(producers: usize, when_full: WhenFull) -> Option<Self> {
        let shards = Vec::leak((0..producers).map(|_| Shard::default()).collect());
        let slots = Vec::leak((0..producers * SLOTS).map(|_| Slot::default()).collect());
        Ring::new(shards, slots, when_full).ok().map(Self)
    }

    #[inline]
    fn push(&self, producer: usize, event: &Event) -> bool {
        self.0.push(producer, event).is_ok()
    }

    fn drain(&self) -> u64 {
        let Some(mut consumer) = self.0.consumer() else { return 0 };
        let drained = consumer.snapshot().drain(|event| {
            black_box(event);
            ControlFlow::Continue(())
        });
        drained.records
    }
}
