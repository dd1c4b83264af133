//! A bounded queue for several producers and consumers.

use std::hint::black_box;

use audit::record::Event;
use audit::ring::WhenFull;

use super::{Contender, Record, SLOTS};

/// `crossbeam_queue::ArrayQueue`: `push`, or `force_push`, which overwrites.
pub struct ArrayQueue {
    queue: crossbeam_queue::ArrayQueue<Record>,
    when_full: WhenFull,
}

impl Contender for ArrayQueue {
    const NAME: &'static str = "crossbeam ArrayQueue";

    fn new(producers: usize, when_full: WhenFull) -> Option<Self> {
        Some(Self { queue: crossbeam_queue::ArrayQueue::new(producers * SLOTS), when_full })
    }

    #[inline]
    fn push(&self, _producer: usize, event: &Event) -> bool {
        let (record, _) = event.to_bytes();
        match self.when_full {
            WhenFull::DropNewest => self.queue.push(record).is_ok(),
            WhenFull::OverwriteOldest => {
                self.queue.force_push(record);
                true
            }
        }
    }

    fn drain(&self) -> u64 {
        let mut taken = 0;
        while let Some(record) = self.queue.pop() {
            black_box(record);
            taken += 1;
        }
        taken
    }
}
