//! minispy's scheme.

use std::collections::LinkedList;
use std::hint::black_box;

use audit::record::Event;
use audit::ring::WhenFull;
use spin::mutex::TicketMutex;

use super::patience::Patience;
use super::{Contender, Record, SLOTS};

/// A list under a spin lock, with an allocation for each record, made before the lock is taken; not more records than the
/// others have slots.
pub struct LockedList {
    #[expect(clippy::linkedlist, reason = "an allocation for each record is what is compared")]
    list: TicketMutex<LinkedList<Record>, Patience>,
    limit: usize,
}

impl Contender for LockedList {
    const NAME: &'static str = "list, spin lock, allocation (minispy)";

    fn new(producers: usize, when_full: WhenFull) -> Option<Self> {
        let list = Self { list: TicketMutex::new(LinkedList::new()), limit: producers * SLOTS };
        (when_full == WhenFull::DropNewest).then_some(list)
    }

    #[inline]
    fn push(&self, _producer: usize, event: &Event) -> bool {
        let mut record = LinkedList::from([event.to_bytes().0]);
        let mut list = self.list.lock();
        let has_room = list.len() < self.limit;
        if has_room {
            list.append(&mut record);
        }
        has_room
    }

    fn drain(&self) -> u64 {
        let mut taken = 0;
        // One trip through the lock for each record, as minispy's `SpyGetLog` makes.
        loop {
            let record = {
                let mut list = self.list.lock();
                let first = usize::from(!list.is_empty());
                let mut rest = list.split_off(first);
                std::mem::swap(&mut *list, &mut rest);
                rest
            };
            let Some(record) = record.front() else { return taken };
            black_box(record);
            taken += 1;
        }
    }
}
