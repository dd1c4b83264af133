//! What cannot be reached from outside in reasonable time: counters that wrap, producers that stall.

use core::ops::ControlFlow;

use super::{DrainEnd, Full, Ring, Shard, Slot, WhenFull};
use crate::attribution::Attribution;
use crate::key::FileKey;
use crate::ledger::Ledger;
use crate::record::{CopySource, Event, Write, WriteOffset};

const CAPACITY: usize = 4;

/// An event that is told by its time, of one slot or two.
fn event(time: u64, slots: u64) -> Event {
    let copy = (slots == 2).then_some(CopySource { file: FileKey(time), offset: 0 });
    Write { copy, ..Write::new(time, &Attribution::UNKNOWN, WriteOffset::At(0), 0) }.encode()
}

fn slots() -> Vec<Slot> {
    (0..CAPACITY).map(|_| Slot::default()).collect()
}

fn drain(ring: &Ring<'_>) -> (Vec<u64>, DrainEnd) {
    let mut times = Vec::new();
    let drained = ring.consumer().expect("no other").snapshot().drain(|event| {
        times.push(event.time());
        ControlFlow::Continue(())
    });
    (times, drained.end)
}

/// From just before `position`, and `records` records, over it and on.
fn assert_passes(position: u64, records: u64) {
    let shards = [Shard::at(position - 5, records)];
    let slots = slots();
    let ring = Ring::new(&shards, &slots, WhenFull::DropNewest).expect("a ring");
    let mut next = position - 5;
    for turn in 0..20_u64 {
        let [first, second] = if turn % 2 == 0 { [1, 2] } else { [2, 1] };
        for (time, count) in [(2 * turn, first), (2 * turn + 1, second)] {
            let sequence = ring.push(0, &event(time, count)).expect("room").sequence;
            assert_eq!(sequence.position(), (next + 1) % (1 << 56));
            next += count;
        }
        assert_eq!(ring.push(0, &event(0, 2)), Err(Full));
        assert_eq!(drain(&ring), (vec![2 * turn, 2 * turn + 1], DrainEnd::Complete));
        let lost = turn + 1;
        assert_eq!(ring.ledger().produced, records + 2 * (turn + 1) + lost);
        assert!(ring.consumer().expect("no other").prepare_sleep(), "everything is taken");
    }
}

#[test]
fn positions_pass_the_end_of_the_tails_32_bits() {
    assert_passes(1 << 32, 1_000);
    assert_passes(7 << 32, 1_000);
}

#[test]
fn record_counts_pass_the_end_of_the_tails_31_bits() {
    assert_passes(3 << 31, (1 << 31) - 7);
    assert_passes(1 << 33, (1 << 32) - 7);
}

#[test]
fn positions_pass_the_end_of_the_stamps_56_bits() {
    assert_passes(1 << 56, 1 << 55);
}

#[test]
fn a_stalled_producer_holds_back_its_shard_alone() {
    let shards = [Shard::default(), Shard::default()];
    let slots: Vec<Slot> = (0..2 * CAPACITY).map(|_| Slot::default()).collect();
    let ring = Ring::new(&shards, &slots, WhenFull::DropNewest).expect("a ring");
    let _ = ring.push(0, &event(1, 1)).expect("room");
    let stalled = shards[0].reserve(1, 4).expect("room");
    let _ = ring.push(0, &event(3, 1)).expect("room");
    let _ = ring.push(1, &event(4, 1)).expect("room");
    assert_eq!(drain(&ring), (vec![1, 4], DrainEnd::Waiting));
    assert!(!ring.consumer().expect("no other").prepare_sleep(), "there is more to come");
    // The others go on until there is no room.
    let _ = ring.push(0, &event(5, 1)).expect("room");
    let _ = ring.push(0, &event(6, 1)).expect("room");
    assert_eq!(ring.push(0, &event(7, 1)), Err(Full));
    let slot = ring.slot(0, stalled.position).expect("its slot");
    slot.publish(event(2, 1).first(), crate::record::Sequence::at(0, stalled.position));
    assert_eq!(drain(&ring), (vec![2, 3, 5, 6], DrainEnd::Complete));
}

#[test]
fn what_a_stalled_producer_writes_is_not_given_up() {
    let shards = [Shard::default()];
    let slots = slots();
    let ring = Ring::new(&shards, &slots, WhenFull::OverwriteOldest).expect("a ring");
    let _ = ring.push(0, &event(1, 1)).expect("room");
    let stalled = shards[0].reserve(1, 4).expect("room");
    for time in 3..6 {
        let _ = ring.push(0, &event(time, 1)).expect("room, made of the first");
    }
    // The others go on until it is the oldest; then they are refused, and told so.
    assert_eq!(ring.push(0, &event(6, 1)), Err(Full));
    assert_eq!(ring.ledger(), Ledger { produced: 6, lost_by_reason: [1, 0, 0, 1] });
    assert_eq!(drain(&ring), (vec![], DrainEnd::Waiting));
    let slot = ring.slot(0, stalled.position).expect("its slot");
    slot.publish(event(2, 1).first(), crate::record::Sequence::at(0, stalled.position));
    let _ = ring.push(0, &event(7, 1)).expect("room, made of the stalled one");
    assert_eq!(drain(&ring), (vec![3, 4, 5, 7], DrainEnd::Complete));
    assert_eq!(ring.ledger(), Ledger { produced: 7, lost_by_reason: [1, 0, 0, 2] });
}

#[test]
fn positions_of_a_ring_that_overwrites_pass_the_end_of_every_counter() {
    for (position, records) in [(1 << 32, 1_000), (3 << 31, (1 << 31) - 7), (1 << 56, 1 << 55)] {
        let shards = [Shard::at(position - 5, records)];
        let slots = slots();
        let ring = Ring::new(&shards, &slots, WhenFull::OverwriteOldest).expect("a ring");
        for time in 0..20 {
            let _ = ring.push(0, &event(time, 1)).expect("room is made");
        }
        assert_eq!(ring.ledger(), Ledger { produced: records + 20, lost_by_reason: [0, 0, 0, 16] });
        assert_eq!(drain(&ring), (vec![16, 17, 18, 19], DrainEnd::Complete));
        assert!(ring.consumer().expect("no other").prepare_sleep(), "everything is taken");
    }
}

#[test]
fn a_record_of_which_the_second_slot_is_missing_waits() {
    let shards = [Shard::default()];
    let slots = slots();
    let ring = Ring::new(&shards, &slots, WhenFull::DropNewest).expect("a ring");
    let reserved = shards[0].reserve(2, 4).expect("room");
    let event = event(1, 2);
    let publish = |position: u64, words| {
        let slot = ring.slot(0, position).expect("its slot");
        slot.publish(words, crate::record::Sequence::at(0, position));
    };
    publish(reserved.position, event.first());
    assert_eq!(drain(&ring), (vec![], DrainEnd::Waiting));
    publish(reserved.position + 1, event.second().expect("a second slot"));
    assert_eq!(drain(&ring), (vec![1], DrainEnd::Complete));
}
