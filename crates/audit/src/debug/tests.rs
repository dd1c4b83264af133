use super::*;
use crate::ring::{Ring, Shard, Slot, WhenFull};

#[derive(Debug)]
#[repr(C)]
struct All {
    ring: RingItems,
    counter: Item,
}

impl Items for All {
    fn clear(&self) {
        self.ring.clear();
        self.counter.clear();
    }
}

fn header() -> Header<All> {
    Header::new(All { ring: RingItems::new(), counter: Item::counter::<u64>("a", "b") })
}

#[test]
fn the_preamble_counts_its_items() {
    let header = header();
    assert_eq!(header.size as usize, size_of::<Header<All>>());
    assert_eq!(header.items_at as usize + 56 * header.item_count as usize, header.size as usize);
}

#[test]
fn names_are_joined_and_padded() {
    let header = header();
    let (name, kind, size, ..) = header.items.counter.parts();
    assert_eq!((name[..4].to_vec(), kind, size), (b"a.b\0".to_vec(), 2, 8));
}

/// No address is left behind, and what is no address stays.
#[test]
fn clearing_takes_every_address() {
    let header = header();
    let (shards, slots) = ([Shard::default()], [Slot::default(), Slot::default()]);
    let ring = Ring::new(&shards, &slots, WhenFull::OverwriteOldest).unwrap();
    ring.describe(&header.items.ring);
    header.publish(&ring);
    assert_eq!(header.items.ring.shards.parts().4, 1);
    assert_ne!(header.items.ring.shards.parts().3, 0);
    assert_ne!(header.state.load(Ordering::Relaxed), 0);
    header.clear();
    assert_eq!(header.state.load(Ordering::Relaxed), 0);
    assert_eq!(header.items.ring.shards.parts().3, 0);
    assert_eq!(header.items.ring.shards.parts().4, 0);
    assert_eq!(header.items.ring.capacity.parts().3, 2);
}
