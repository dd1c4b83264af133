//! Ours.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::sync::Mutex;

use audit::record::Event;
use audit::ring::{Consumer, Ring, Shard, Slot, WhenFull};

use super::{Contender, SLOTS};

/// The ring of crates/audit, with a shard for each producer.
pub struct AuditRing {
    ring: &'static Ring<'static>,
    consumer: Mutex<Consumer<'static, 'static>>,
}

impl Contender for AuditRing {
    const NAME: &'static str = "ring";

    /// The memory of the ring stays: a benchmark makes few of them.
    fn new(producers: usize, when_full: WhenFull) -> Option<Self> {
        let shards = Vec::leak((0..producers).map(|_| Shard::default()).collect());
        let slots = Vec::leak((0..producers * SLOTS).map(|_| Slot::default()).collect());
        let ring = Box::leak(Box::new(Ring::new(shards, slots, when_full).ok()?));
        Some(Self { consumer: Mutex::new(ring.consumer()?), ring })
    }

    #[inline]
    fn push(&self, producer: usize, event: &Event) -> bool {
        self.ring.push(producer, event).is_ok()
    }

    fn drain(&self) -> u64 {
        let Ok(mut consumer) = self.consumer.lock() else { return 0 };
        let drained = consumer.snapshot().drain(|event| {
            black_box(event);
            ControlFlow::Continue(())
        });
        drained.records
    }
}
