//! The ring, one step at a time.

use std::ops::ControlFlow;

use audit::attribution::Attribution;
use audit::ledger::{Ledger, LossReason};
use audit::record::{CopySource, Event, Sequence, Write, WriteOffset};
use audit::ring::{
    BadGeometry, Consumer, DrainEnd, Drained, Full, LossStage, Pushed, Ring, Shard, Slot, WhenFull,
};
use proptest::collection::vec;
use proptest::prelude::*;

struct Memory {
    shards: Vec<Shard>,
    slots: Vec<Slot>,
}

impl Memory {
    fn new(shards: usize, capacity: usize) -> Self {
        let shards: Vec<Shard> = (0..shards).map(|_| Shard::default()).collect();
        let slots = (0..shards.len() * capacity).map(|_| Slot::default()).collect();
        Self { shards, slots }
    }

    fn ring(&self) -> Ring<'_> {
        Ring::new(&self.shards, &self.slots, WhenFull::DropNewest).expect("a good geometry")
    }

    fn overwriting_ring(&self) -> Ring<'_> {
        Ring::new(&self.shards, &self.slots, WhenFull::OverwriteOldest).expect("a good geometry")
    }
}

/// A record of one slot.
fn single(time: u64) -> Event {
    Write::new(time, &Attribution::UNKNOWN, WriteOffset::At(0), 0).encode()
}

/// A record of two slots.
fn double(time: u64) -> Event {
    let copy = Some(CopySource { file: audit::key::FileKey(time), offset: 0 });
    Write { copy, ..Write::new(time, &Attribution::UNKNOWN, WriteOffset::At(0), 0) }.encode()
}

fn sequence(shard: u64, position: u64) -> Sequence {
    Sequence(shard << 56 | position)
}

/// What there is, as times; and why it ended.
fn drain(consumer: &mut Consumer<'_, '_>) -> (Vec<u64>, DrainEnd) {
    let mut times = Vec::new();
    let Drained { records, end } = consumer.snapshot().drain(|event| {
        times.push(event.time());
        ControlFlow::Continue(())
    });
    assert_eq!(records, times.len() as u64);
    (times, end)
}

#[test]
fn memory_is_counted_in_cache_lines() {
    assert_eq!((size_of::<Slot>(), align_of::<Slot>()), (64, 64));
    assert_eq!((size_of::<Shard>(), align_of::<Shard>()), (384, 128));
}

#[test]
fn a_ring_refuses_memory_that_it_cannot_divide() {
    let new = |shards, capacity: usize| {
        let memory = Memory::new(shards, 0);
        let slots: Vec<Slot> = (0..capacity).map(|_| Slot::default()).collect();
        Ring::new(&memory.shards, &slots, WhenFull::DropNewest)
            .map(|_| ())
            .map_err(|error| (error, error.to_string()))
    };
    let shards = Err((BadGeometry::Shards, "a ring has 1 to 256 shards".to_owned()));
    let slots = "a shard has a power of two of slots, 2 to 1073741824, all shards the same".to_owned();
    let slots = Err((BadGeometry::Slots, slots));
    assert_eq!(new(0, 4), shards);
    assert_eq!(new(257, 514), shards);
    for (shards, count) in [(1, 0), (1, 1), (1, 3), (2, 6), (2, 7), (3, 13)] {
        assert_eq!(new(shards, count), slots);
    }
    for (shards, count) in [(1, 2), (3, 12), (256, 512)] {
        assert_eq!(new(shards, count), Ok(()));
    }
}

#[test]
fn records_come_out_as_they_went_in_numbered() {
    let memory = Memory::new(2, 4);
    let ring = memory.ring();
    let mut consumer = ring.consumer().expect("the consumer");
    let pushed = |sequence| Ok(Pushed { wake: false, sequence });
    assert_eq!(ring.push(1, &single(10)), pushed(sequence(1, 1)));
    assert_eq!(ring.push(1, &double(11)), pushed(sequence(1, 2)));
    assert_eq!(ring.push(1, &single(12)), pushed(sequence(1, 4)));
    let mut sequences = Vec::new();
    consumer.snapshot().drain(|event| {
        assert_eq!(event.write().map(|write| write.sequence), Some(event.sequence()));
        sequences.push((event.sequence(), event.time(), event.slot_count()));
        ControlFlow::Continue(())
    });
    assert_eq!(sequences, [(sequence(1, 1), 10, 1), (sequence(1, 2), 11, 2), (sequence(1, 4), 12, 1)]);
    for (this, next) in sequences.iter().zip(&sequences[1..]) {
        assert_eq!(this.0.after(this.2), next.0);
    }
}

#[test]
fn a_shard_that_does_not_exist_stands_for_one_that_does() {
    let memory = Memory::new(3, 4);
    let ring = memory.ring();
    let shards =
        [0, 2, 3, 4, usize::MAX].map(|shard| ring.push(shard, &single(0)).expect("room").sequence.shard());
    let last = u8::try_from(usize::MAX % 3).expect("a shard");
    assert_eq!(shards, [0, 2, 0, 1, last]);
}

#[test]
fn a_two_slot_record_needs_both_and_may_lie_across_the_end() {
    let memory = Memory::new(1, 4);
    let ring = memory.ring();
    let mut consumer = ring.consumer().expect("the consumer");
    for time in 0..3 {
        let _ = ring.push(0, &single(time)).expect("room");
    }
    assert_eq!(ring.push(0, &double(3)), Err(Full));
    assert_eq!(drain(&mut consumer), (vec![0, 1, 2], DrainEnd::Complete));
    for time in 4..40 {
        // From position 3 on, every other one lies across the end of the array.
        assert_eq!(ring.push(0, &double(time)).expect("room").sequence.position(), 4 + 2 * (time - 4));
        assert_eq!(drain(&mut consumer), (vec![time], DrainEnd::Complete));
    }
    assert_eq!(ring.ledger(), Ledger { produced: 40, lost_by_reason: [1, 0, 0, 0] });
}

#[test]
fn the_newest_is_dropped_and_counted() {
    let memory = Memory::new(2, 2);
    let ring = memory.ring();
    let mut consumer = ring.consumer().expect("the consumer");
    for time in 0..5 {
        assert_eq!(ring.push(0, &single(time)).is_ok(), time < 2);
    }
    let _ = ring.push(1, &single(9)).expect("room in the other shard");
    assert_eq!(ring.ledger(), Ledger { produced: 6, lost_by_reason: [3, 0, 0, 0] });
    assert_eq!(drain(&mut consumer), (vec![0, 1, 9], DrainEnd::Complete));
    let _ = ring.push(0, &single(5)).expect("room again");
    assert_eq!(drain(&mut consumer), (vec![5], DrainEnd::Complete));
    assert_eq!(ring.ledger(), Ledger { produced: 7, lost_by_reason: [3, 0, 0, 0] });
}

#[test]
fn a_ring_that_overwrites_keeps_the_newest_and_counts_the_rest() {
    let memory = Memory::new(2, 4);
    let ring = memory.overwriting_ring();
    for time in 0..11 {
        assert_eq!(ring.push(0, &single(time)).expect("room is made").sequence.position(), time + 1);
    }
    let _ = ring.push(1, &single(1)).expect("room in the other shard");
    assert_eq!(ring.ledger(), Ledger { produced: 12, lost_by_reason: [0, 0, 0, 7] });
    let mut consumer = ring.consumer().expect("the consumer");
    assert_eq!(drain(&mut consumer), (vec![1, 7, 8, 9, 10], DrainEnd::Complete));
    // A record of two slots takes the place of two, or of one that has two.
    for time in 20..23 {
        let _ = ring.push(0, &double(time)).expect("room is made");
    }
    let _ = ring.push(0, &single(23)).expect("room is made");
    assert_eq!(ring.ledger(), Ledger { produced: 16, lost_by_reason: [0, 0, 0, 9] });
    assert_eq!(drain(&mut consumer), (vec![22, 23], DrainEnd::Complete));
}

#[test]
fn a_large_shard_gives_up_a_few_records_at_once() {
    let memory = Memory::new(1, 2048);
    let ring = memory.overwriting_ring();
    for time in 0..2049 {
        let _ = ring.push(0, &single(time)).expect("room is made");
    }
    let given_up = u64::from(Ring::OVERWRITTEN_AT_ONCE);
    assert_eq!(ring.ledger(), Ledger { produced: 2049, lost_by_reason: [0, 0, 0, given_up] });
    let mut consumer = ring.consumer().expect("the consumer");
    assert_eq!(drain(&mut consumer), ((given_up..2049).collect(), DrainEnd::Complete));
}

#[test]
fn a_record_once_shown_is_not_overwritten() {
    let memory = Memory::new(1, 2);
    let ring = memory.overwriting_ring();
    for event in [single(1), double(2)] {
        let _ = ring.push(0, &event).expect("room is made");
    }
    let mut consumer = ring.consumer().expect("the consumer");
    let stopped = consumer.snapshot().drain(|_| ControlFlow::Break(()));
    assert_eq!(stopped, Drained { records: 0, end: DrainEnd::Stopped });
    let _ = ring.push(0, &single(3)).expect("room");
    assert!(!consumer.prepare_sleep(), "there is a record");
    drop(consumer);
    let mut consumer = ring.consumer().expect("the next consumer");
    let mut seen = Vec::new();
    consumer.snapshot().drain(|event| {
        seen.push((event.time(), event.slot_count(), event.write().map(|write| write.copy.is_some())));
        ControlFlow::Continue(())
    });
    assert_eq!(seen, [(2, 2, Some(true)), (3, 1, Some(false))]);
    assert_eq!(ring.ledger(), Ledger { produced: 3, lost_by_reason: [0, 0, 0, 1] });
    assert!(consumer.prepare_sleep(), "all is taken");
}

#[test]
fn losses_elsewhere_are_counted_by_reason_and_stage() {
    let memory = Memory::new(1, 2);
    let ring = memory.ring();
    let _ = ring.push(0, &single(0)).expect("room");
    ring.record_loss(LossReason::NoMemory, 5, LossStage::BeforePush);
    ring.record_loss(LossReason::Shutdown, 1, LossStage::AfterPush);
    ring.record_loss(LossReason::RingFull, 2, LossStage::BeforePush);
    let ledger = ring.ledger();
    assert_eq!(ledger, Ledger { produced: 8, lost_by_reason: [2, 5, 1, 0] });
    let by_reason = LossReason::ALL.map(|reason| ledger.lost(reason));
    assert_eq!((by_reason, ledger.lost_total()), ([2, 5, 1, 0], 8));
}

#[test]
fn a_snapshot_ends_where_it_was_taken() {
    let memory = Memory::new(2, 4);
    let ring = memory.ring();
    let mut consumer = ring.consumer().expect("the consumer");
    let _ = ring.push(0, &single(5)).expect("room");
    let mut snapshot = consumer.snapshot();
    let _ = ring.push(0, &single(6)).expect("room");
    let _ = ring.push(1, &single(1)).expect("room");
    let mut times = Vec::new();
    let mut visit = |event: &Event| {
        times.push(event.time());
        ControlFlow::Continue(())
    };
    assert_eq!(snapshot.drain(&mut visit), Drained { records: 1, end: DrainEnd::Complete });
    assert_eq!(snapshot.drain(&mut visit), Drained { records: 0, end: DrainEnd::Complete });
    assert_eq!(times, [5]);
    assert_eq!(drain(&mut consumer), (vec![1, 6], DrainEnd::Complete));
}

#[test]
fn a_record_at_which_the_visitor_breaks_off_stays() {
    let memory = Memory::new(1, 4);
    let ring = memory.ring();
    for time in 0..3 {
        let _ = ring.push(0, &single(time)).expect("room");
    }
    let mut consumer = ring.consumer().expect("the consumer");
    let mut snapshot = consumer.snapshot();
    let stopped = snapshot.drain(|event| match event.time() {
        1 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert_eq!(stopped, Drained { records: 1, end: DrainEnd::Stopped });
    drop(consumer);
    // And for the next consumer, too.
    let mut consumer = ring.consumer().expect("the next consumer");
    assert!(ring.consumer().is_none(), "only one at a time");
    assert_eq!(drain(&mut consumer), (vec![1, 2], DrainEnd::Complete));
}

#[test]
fn the_consumer_is_woken_once_by_the_first_push_after_it_slept() {
    let memory = Memory::new(2, 8);
    let ring = memory.ring();
    let mut consumer = ring.consumer().expect("the consumer");
    let wakes = |shard| ring.push(shard, &single(0)).expect("room").wake;

    assert!(!wakes(0), "nobody sleeps");
    assert!(!consumer.prepare_sleep(), "there is a record");
    assert!(!wakes(0), "nobody sleeps");
    drain(&mut consumer);

    assert!(consumer.prepare_sleep());
    assert!(wakes(1));
    assert!(!wakes(0) && !wakes(1), "somebody has done it");
    consumer.wake_up();
    assert!(!consumer.prepare_sleep(), "there are records");
    drain(&mut consumer);

    assert!(consumer.prepare_sleep());
    // It wakes by itself, as after a time-out.
    consumer.wake_up();
    assert!(!wakes(0) && !wakes(1));
    drain(&mut consumer);
    assert!(consumer.prepare_sleep());
    assert!(wakes(0));
}

#[test]
fn all_zero_memory_is_an_empty_ring() {
    // SAFETY: both are integers only; that zero is their initial state is what is tested.
    let shards = [unsafe { std::mem::zeroed::<Shard>() }];
    // SAFETY: as above.
    let slots = [const { unsafe { std::mem::zeroed::<Slot>() } }; 4];
    let ring = Ring::new(&shards, &slots, WhenFull::DropNewest).expect("a ring");
    let mut consumer = ring.consumer().expect("the consumer");
    assert_eq!(drain(&mut consumer), (vec![], DrainEnd::Complete));
    assert_eq!(ring.push(0, &single(1)).expect("room").sequence, sequence(0, 1));
    assert_eq!(drain(&mut consumer), (vec![1], DrainEnd::Complete));
}

/// What one does with a ring.
#[derive(Clone, Debug)]
enum Step {
    Push {
        shard: usize,
        time: u64,
        double: bool,
    },
    /// Takes at most so many.
    Drain(usize),
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Against a model of plain queues: merged by (time, shard), each shard in its own order, and full
    /// exactly when there is no room.
    #[test]
    fn a_ring_is_queues_merged_by_time(steps in vec(
        prop_oneof![
            4 => (0_usize..5, 0_u64..20, any::<bool>())
                .prop_map(|(shard, time, double)| Step::Push { shard, time, double }),
            1 => (0_usize..20).prop_map(Step::Drain),
        ],
        0..200,
    )) {
        let memory = Memory::new(5, 8);
        let ring = memory.ring();
        let mut consumer = ring.consumer().expect("the consumer");
        let mut queues: [std::collections::VecDeque<(u64, Sequence, usize)>; 5] = Default::default();
        let mut expected = Ledger::default();
        for step in steps {
            match step {
                Step::Push { shard, time, double: is_double } => {
                    let event = if is_double { double(time) } else { single(time) };
                    let slots = usize::from(event.slot_count());
                    let has_room = queues[shard].iter().map(|(.., slots)| slots).sum::<usize>() + slots <= 8;
                    let pushed = ring.push(shard, &event);
                    prop_assert_eq!(pushed.is_ok(), has_room);
                    expected.produced += 1;
                    match pushed {
                        Ok(pushed) => queues[shard].push_back((time, pushed.sequence, slots)),
                        Err(Full) => expected.lost_by_reason[0] += 1,
                    }
                }
                Step::Drain(most) => {
                    let mut taken = Vec::new();
                    consumer.snapshot().drain(|event| {
                        if taken.len() == most {
                            return ControlFlow::Break(());
                        }
                        taken.push((event.time(), event.sequence(), usize::from(event.slot_count())));
                        ControlFlow::Continue(())
                    });
                    for taken in &taken {
                        let first = queues.iter_mut().filter(|queue| !queue.is_empty()).min_by_key(|queue| queue[0].0);
                        prop_assert_eq!(first.and_then(std::collections::VecDeque::pop_front), Some(*taken));
                    }
                    prop_assert!(taken.len() == most || queues.iter().all(std::collections::VecDeque::is_empty));
                }
            }
            prop_assert_eq!(ring.ledger(), expected);
        }
    }

    /// Against a model of plain queues of which a push that finds no room drops from the front.
    #[test]
    fn a_ring_that_overwrites_is_queues_that_drop_the_oldest(steps in vec(
        prop_oneof![
            4 => (0_usize..3, 0_u64..20, any::<bool>())
                .prop_map(|(shard, time, double)| Step::Push { shard, time, double }),
            1 => (0_usize..12).prop_map(Step::Drain),
        ],
        0..200,
    )) {
        let memory = Memory::new(3, 8);
        let ring = memory.overwriting_ring();
        let mut consumer = ring.consumer().expect("the consumer");
        let mut queues: [std::collections::VecDeque<(u64, Sequence, usize)>; 3] = Default::default();
        let (mut pushed, mut given_up, mut kept) = (0, 0, None);
        for step in steps {
            match step {
                Step::Push { shard, time, double: is_double } => {
                    let event = if is_double { double(time) } else { single(time) };
                    let slots = usize::from(event.slot_count());
                    let queue = &mut queues[shard];
                    let used = |queue: &std::collections::VecDeque<(_, _, usize)>| -> usize {
                        queue.iter().map(|(.., slots)| slots).sum()
                    };
                    if used(queue) + slots > 8 {
                        let mut freed = 0;
                        while freed < slots {
                            freed += queue.pop_front().expect("what takes the room").2;
                            given_up += 1;
                        }
                    }
                    let sequence = ring.push(shard, &event).expect("room is made").sequence;
                    queue.push_back((time, sequence, slots));
                    pushed += 1;
                }
                Step::Drain(most) => {
                    let mut taken = Vec::new();
                    let mut stopped_at = None;
                    consumer.snapshot().drain(|event| {
                        let seen = (event.time(), event.sequence(), usize::from(event.slot_count()));
                        if taken.len() == most {
                            stopped_at = Some(seen);
                            return ControlFlow::Break(());
                        }
                        taken.push(seen);
                        ControlFlow::Continue(())
                    });
                    for taken in taken.into_iter().chain(stopped_at) {
                        let expected = kept.take().or_else(|| {
                            let first = queues.iter_mut().filter(|queue| !queue.is_empty()).min_by_key(|queue| queue[0].0);
                            first.and_then(std::collections::VecDeque::pop_front)
                        });
                        prop_assert_eq!(expected, Some(taken));
                    }
                    kept = stopped_at;
                    prop_assert!(kept.is_some() || queues.iter().all(std::collections::VecDeque::is_empty));
                }
            }
            prop_assert_eq!(ring.ledger(), Ledger { produced: pushed, lost_by_reason: [0, 0, 0, given_up] });
        }
    }
}

#[test]
fn room_of_what_was_taken_is_there_when_a_drain_ends_whyever_it_does() {
    let memory = Memory::new(1, 8);
    let ring = memory.ring();
    for time in 0..8 {
        let _ = ring.push(0, &single(time)).expect("room");
    }
    let mut consumer = ring.consumer().expect("no other");
    let mut taken = 0;
    // Two are freed at once, and the third one at the end.
    let drained = consumer.snapshot().drain(|_| {
        let refused = ring.push(0, &single(8)).is_err();
        assert_eq!(refused, taken < 2, "after {taken} records");
        taken += 1;
        if taken > 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(drained, Drained { records: 3, end: DrainEnd::Stopped });
    assert!(ring.push(0, &single(8)).is_ok(), "the room of the third");
    assert_eq!(ring.push(0, &single(8)), Err(Full));
}
