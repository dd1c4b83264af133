//! Models of the ring, in which loom tries every interleaving, and every value an atomic may have, up to
//! a bound on preemptions; and faults seeded into it, which the models must notice.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --package audit --release --test loom_ring`
#![cfg(loom)]

use std::ops::ControlFlow;

use audit::attribution::Attribution;
use audit::fault::{Fault, seed};
use audit::key::FileKey;
use audit::ledger::LossReason;
use audit::record::{CopySource, Event, Record, Write, WriteOffset};
use audit::ring::{Consumer, DrainEnd, LossStage, Ring, Shard, Slot, WhenFull};
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

mod common;
use common::model;

/// A ring that lives as long as its model's threads.
fn ring(shards: usize, capacity: usize) -> &'static Ring<'static> {
    ring_that(WhenFull::DropNewest, shards, capacity)
}

fn ring_that(when_full: WhenFull, shards: usize, capacity: usize) -> &'static Ring<'static> {
    let shards = Vec::leak((0..shards).map(|_| Shard::default()).collect());
    let slots = Vec::leak((0..shards.len() * capacity).map(|_| Slot::default()).collect());
    Box::leak(Box::new(Ring::new(shards, slots, when_full).expect("a ring")))
}

/// A write whose fields all follow from `id`; odd ones have a copy source, hence a second slot.
fn write(id: u32) -> Write {
    let copy =
        (id % 2 == 1).then_some(CopySource { file: FileKey(u64::from(id) << 32), offset: i64::from(id) });
    let file = FileKey(u64::from(id) << 16);
    let offset = WriteOffset::At(i64::from(id));
    Write { file, copy, ..Write::new(u64::from(id), &Attribution::UNKNOWN, offset, id) }
}

/// The id of an event, if all of it is as `write` made it.
fn id(event: &Event) -> u32 {
    let (first, second) = event.to_bytes();
    let slots: Vec<_> = [Some(first), second].into_iter().flatten().collect();
    let Ok(Record::Write(read)) = Record::decode(&slots) else { panic!("no write: {slots:?}") };
    assert_eq!(read, Write { sequence: event.sequence(), ..write(read.length) }, "a torn record");
    read.length
}

/// Takes all there is; returns whether a producer was in the way.
fn drain(consumer: &mut Consumer<'_, '_>, taken: &mut Vec<u32>) -> DrainEnd {
    let drained = consumer.snapshot().drain(|event| {
        taken.push(id(event));
        ControlFlow::Continue(())
    });
    drained.end
}

/// Takes what is there after everybody else has ended.
fn drain_rest(consumer: &mut Consumer<'_, '_>, taken: &mut Vec<u32>) {
    assert_eq!(drain(consumer, taken), DrainEnd::Complete, "unpublished slots though no producer is left");
}

/// Producers of one shard, records of one and two slots, and a consumer: every record arrives once and
/// whole, those of one producer in order.
fn two_producers() {
    let ring = ring(1, 4);
    let producers = [[1_u32].as_slice(), &[2, 4]].map(|ids| {
        thread::spawn(move || {
            for id in ids {
                let _ = ring.push(0, &write(*id).encode()).expect("room for all");
            }
        })
    });
    let mut consumer = ring.consumer().expect("the only consumer");
    let mut taken = Vec::new();
    drain(&mut consumer, &mut taken);
    for producer in producers {
        producer.join().expect("a producer");
    }
    drain_rest(&mut consumer, &mut taken);
    assert!(taken.iter().filter(|id| *id % 2 == 0).eq(&[2, 4]), "out of order: {taken:?}");
    taken.sort_unstable();
    assert_eq!(taken, [1, 2, 4]);
    assert_eq!((ring.ledger().produced, ring.ledger().lost_total()), (3, 0));
}

/// More records than slots: each is delivered or counted, and a slot is not filled before it was read.
fn full() {
    let ring = ring(1, 2);
    let attempts = |ids: &'static [u32]| {
        move || {
            ids.iter().copied().filter(|id| ring.push(0, &write(*id).encode()).is_ok()).collect::<Vec<_>>()
        }
    };
    let other = thread::spawn(attempts(&[1]));
    let one = thread::spawn(attempts(&[2, 4, 6]));
    let mut consumer = ring.consumer().expect("the only consumer");
    let mut taken = Vec::new();
    drain(&mut consumer, &mut taken);
    let mut pushed = one.join().expect("a producer");
    drain(&mut consumer, &mut taken);
    pushed.extend(other.join().expect("a producer"));
    drain_rest(&mut consumer, &mut taken);
    taken.sort_unstable();
    pushed.sort_unstable();
    assert_eq!(taken, pushed, "what was accepted is not what was delivered");
    let ledger = ring.ledger();
    assert_eq!(ledger.produced, 4);
    assert_eq!(ledger.lost(LossReason::RingFull), 4 - taken.len() as u64);
}

/// The consumer frees slots a few at a time: none that it has not read, and all in the end.
fn freeing() {
    let ring = ring(1, 8);
    for id in 1..=8 {
        let _ = ring.push(0, &write(2 * id).encode()).expect("room");
    }
    let producer = thread::spawn(|| {
        for id in [18, 21] {
            let _ = ring.push(0, &write(id).encode());
        }
    });
    let mut consumer = ring.consumer().expect("the only consumer");
    let mut taken = Vec::new();
    drain(&mut consumer, &mut taken);
    producer.join().expect("the producer");
    drain_rest(&mut consumer, &mut taken);
    assert!(taken.is_sorted_by(|a, b| a < b), "twice, or out of order: {taken:?}");
    assert_eq!(10, taken.len() as u64 + ring.ledger().lost(LossReason::RingFull));
    for _ in 0..8 {
        let _ = ring.push(0, &write(2).encode()).expect("the room of what was taken");
    }
}

/// A producer that is overtaken between looking at the tail and at the head is not refused: there is room.
fn overtaken() {
    let ring = ring(1, 2);
    let other = thread::spawn(|| {
        let _ = ring.push(0, &write(2).encode()).expect("room: others take but one place at a time");
    });
    let mut consumer = ring.consumer().expect("the only consumer");
    let mut taken = Vec::new();
    let mut pushed = 1;
    // Enough that a producer looks at the consumer's head again and again.
    for id in [4, 6, 8, 10, 12] {
        // Refused only while the other producer's place holds up what is behind it.
        pushed += usize::from(ring.push(0, &write(id).encode()).is_ok());
        drain(&mut consumer, &mut taken);
    }
    other.join().expect("the producer");
    drain_rest(&mut consumer, &mut taken);
    assert_eq!(taken.len(), pushed);
}

/// A consumer that sleeps whenever it may: it is woken for everything.
fn sleep_and_wake() {
    let ring = ring(2, 2);
    let event = Arc::new((Mutex::new(false), Condvar::new()));
    let producers = [(0, 2_u32), (1, 4)].map(|(shard, id)| {
        let event = Arc::clone(&event);
        thread::spawn(move || {
            if ring.push(shard, &write(id).encode()).expect("room").wake {
                *event.0.lock().expect("the event") = true;
                event.1.notify_one();
            }
        })
    });
    let mut consumer = ring.consumer().expect("the only consumer");
    let mut taken = Vec::new();
    while taken.len() < 2 {
        if drain(&mut consumer, &mut taken) == DrainEnd::Waiting {
            thread::yield_now();
        } else if taken.len() < 2 && consumer.prepare_sleep() {
            // A synchronization event: waiting resets it.
            let mut signalled = event.0.lock().expect("the event");
            while !*signalled {
                signalled = event.1.wait(signalled).expect("the event");
            }
            *signalled = false;
            drop(signalled);
            consumer.wake_up();
        }
    }
    for producer in producers {
        producer.join().expect("a producer");
    }
}

/// What was pushed before a snapshot is in it, whatever other producers are doing in other shards.
fn snapshot() {
    let ring = ring(2, 2);
    let pushed = Arc::new(AtomicBool::new(false));
    let before = thread::spawn({
        let pushed = Arc::clone(&pushed);
        move || {
            let _ = ring.push(0, &write(1).encode()).expect("room");
            pushed.store(true, Ordering::Release);
        }
    });
    let meanwhile = thread::spawn(|| {
        let _ = ring.push(1, &write(2).encode()).expect("room");
    });
    let mut consumer = ring.consumer().expect("the only consumer");
    let was_pushed = pushed.load(Ordering::Acquire);
    let mut taken = Vec::new();
    drain(&mut consumer, &mut taken);
    assert!(!was_pushed || taken.contains(&1), "pushed before the snapshot, and not in it");
    // What has been taken is in the books.
    assert!(ring.ledger().produced >= taken.len() as u64);
    before.join().expect("a producer");
    meanwhile.join().expect("a producer");
    drain_rest(&mut consumer, &mut taken);
    taken.sort_unstable();
    assert_eq!(taken, [1, 2]);
}

/// Books kept while records are pushed and taken never show more, or less, than there can be.
fn ledger() {
    let ring = ring(1, 2);
    let producer = thread::spawn(|| {
        for id in [2, 4, 6] {
            let _ = ring.push(0, &write(id).encode());
        }
    });
    let auditor = thread::spawn(|| {
        let earlier = ring.ledger();
        let later = ring.ledger();
        assert!(earlier.produced <= later.produced && later.produced <= 3, "{earlier:?}, then {later:?}");
    });
    let mut consumer = ring.consumer().expect("the only consumer");
    drain(&mut consumer, &mut Vec::new());
    producer.join().expect("the producer");
    auditor.join().expect("the auditor");
    assert_eq!(ring.ledger().produced, 3);
}

/// One consumer after another goes on where the former ended.
fn consumers() {
    let ring = ring(1, 2);
    let _ = ring.push(0, &write(2).encode()).expect("room");
    let consume = move || {
        let mut taken = Vec::new();
        if let Some(mut consumer) = ring.consumer() {
            drain(&mut consumer, &mut taken);
        }
        taken
    };
    let other = thread::spawn(consume);
    let mut taken = consume();
    taken.extend(other.join().expect("a consumer"));
    assert_eq!(taken, [2], "one of them gets it, once");
}

/// More records than slots, in a ring that overwrites, while the consumer drains: each is delivered, whole, or
/// counted, and those of one producer stay in order.
fn overwriting() {
    let ring = ring_that(WhenFull::OverwriteOldest, 1, 2);
    let producer = thread::spawn(|| {
        for id in [2, 4, 6] {
            let _ = ring.push(0, &write(id).encode()).expect("nothing older is being written");
        }
    });
    let mut consumer = ring.consumer().expect("the only consumer");
    let mut taken = Vec::new();
    drain(&mut consumer, &mut taken);
    producer.join().expect("the producer");
    drain_rest(&mut consumer, &mut taken);
    assert!(taken.is_sorted_by(|a, b| a < b), "twice, or out of order: {taken:?}");
    assert_eq!(taken.last(), Some(&6), "the newest is kept");
    let ledger = ring.ledger();
    assert_eq!(ledger.lost_total(), ledger.lost(LossReason::Overwritten), "the books do not balance");
    assert_eq!(ledger.produced, 3, "the books do not balance");
    assert_eq!(ledger.produced, taken.len() as u64 + ledger.lost_total(), "the books do not balance");
}

/// Producers that overwrite each other's records: one that is in the middle of its own is left alone.
fn overwriting_each_other() {
    let ring = ring_that(WhenFull::OverwriteOldest, 1, 2);
    let producers = [[1_u32, 2], [4, 6]]
        .map(|ids| thread::spawn(move || ids.map(|id| ring.push(0, &write(id).encode()).is_ok())));
    let results = producers.map(|producer| producer.join().expect("a producer"));
    let pushed = results.as_flattened().iter().filter(|pushed| **pushed).count() as u64;
    let mut consumer = ring.consumer().expect("the only consumer");
    let mut taken = Vec::new();
    drain_rest(&mut consumer, &mut taken);
    let ledger = ring.ledger();
    assert_eq!(ledger.produced, 4);
    assert_eq!(ledger.lost(LossReason::RingFull), 4 - pushed);
    assert_eq!(ledger.produced, taken.len() as u64 + ledger.lost_total(), "the books do not balance");
}

/// The end: the consumer leaves while a producer is at work; what is in the ring after that is written off.
fn shutdown(when_full: WhenFull) {
    let ring = ring_that(when_full, 1, 2);
    let producer = thread::spawn(move || {
        for id in [2, 4, 6] {
            let _ = ring.push(0, &write(id).encode());
        }
    });
    let mut taken = Vec::new();
    drain(&mut ring.consumer().expect("the only consumer"), &mut taken);
    producer.join().expect("the producer");
    // As the driver does when its last callback has returned.
    let mut rest = Vec::new();
    drain_rest(&mut ring.consumer().expect("the only consumer"), &mut rest);
    ring.record_loss(LossReason::Shutdown, rest.len() as u64, LossStage::AfterPush);
    let ledger = ring.ledger();
    assert_eq!(ledger.lost(LossReason::Shutdown), rest.len() as u64);
    assert_eq!(ledger.produced, taken.len() as u64 + ledger.lost_total(), "the books do not balance");
}

/// The consumer changes what becomes of records without room, while they are pushed: each is delivered, whole, or
/// counted once, and what goes by the new rule does so for certain.
fn switching(from: WhenFull) {
    let ring = ring_that(from, 1, 2);
    let _ = ring.push(0, &write(2).encode()).expect("room");
    let producer = thread::spawn(|| {
        for id in [4, 6] {
            let _ = ring.push(0, &write(id).encode());
        }
    });
    let to = match from {
        WhenFull::DropNewest => WhenFull::OverwriteOldest,
        WhenFull::OverwriteOldest => WhenFull::DropNewest,
    };
    let mut consumer = ring.consumer().expect("the only consumer");
    let mut taken = Vec::new();
    if from == WhenFull::DropNewest {
        // So that the cursor may be ahead of the head.
        drain(&mut consumer, &mut taken);
    }
    assert!(consumer.set_when_full(to), "it is a change");
    producer.join().expect("the producer");
    drop(consumer);
    let mut consumer = ring.consumer().expect("the next consumer goes by the same rule");
    drain_rest(&mut consumer, &mut taken);
    assert!(taken.is_sorted_by(|a, b| a < b), "twice, or out of order: {taken:?}");
    let ledger = ring.ledger();
    assert_eq!(ledger.produced, 3, "the books do not balance");
    assert_eq!(ledger.produced, taken.len() as u64 + ledger.lost_total(), "the books do not balance");
    let more = [8, 10, 12].map(|id| ring.push(0, &write(id).encode()).is_ok());
    assert_eq!(more, [true, true, to == WhenFull::OverwriteOldest], "it goes by the former rule");
}

#[test]
fn a_change_of_what_is_lost_loses_nothing_else() {
    model(|| switching(WhenFull::OverwriteOldest));
    model(|| switching(WhenFull::DropNewest));
}

#[test]
fn a_ring_that_overwrites_delivers_or_counts() {
    model(overwriting);
}

#[test]
fn producers_that_overwrite_leave_unfinished_records_alone() {
    model(overwriting_each_other);
}

#[test]
fn what_is_left_at_the_end_is_counted() {
    model(|| shutdown(WhenFull::DropNewest));
    model(|| shutdown(WhenFull::OverwriteOldest));
}

#[test]
fn records_of_two_producers_arrive_once_and_whole() {
    model(two_producers);
}

#[test]
fn a_full_ring_counts_what_it_refuses() {
    model(full);
}

#[test]
fn slots_are_freed_when_they_have_been_read() {
    model(freeing);
}

#[test]
fn an_overtaken_producer_is_not_refused() {
    model(overtaken);
}

#[test]
fn no_wake_up_is_lost() {
    model(sleep_and_wake);
}

#[test]
fn a_snapshot_has_what_was_pushed_before() {
    model(snapshot);
}

#[test]
fn the_ledger_is_right_at_any_time() {
    model(ledger);
}

#[test]
fn there_is_one_consumer_at_a_time() {
    model(consumers);
}

/// Each fault, the model that must notice it, and what that says.
const FAULTS: [(Fault, fn(), &str); 12] = [
    (Fault::PublishRelaxed, two_producers, "no write"),
    (Fault::SleeperRelaxed, sleep_and_wake, "deadlock"),
    (Fault::SleepUnchecked, sleep_and_wake, "deadlock"),
    (Fault::RoomUnchecked, full, "unpublished slots though no producer is left"),
    (Fault::FreedUnread, freeing, "a torn record"),
    (Fault::RestNotFreed, freeing, "the room of what was taken"),
    (Fault::ClaimUnchecked, overwriting, "the books do not balance"),
    (Fault::GivenUpTwice, overwriting, "the books do not balance"),
    (Fault::GivenUpUnpublished, overwriting_each_other, "unpublished slots though no producer is left"),
    (
        Fault::SwitchUntold,
        || switching(WhenFull::OverwriteOldest),
        "unpublished slots though no producer is left",
    ),
    (
        Fault::SwitchedInTwo,
        || switching(WhenFull::OverwriteOldest),
        "unpublished slots though no producer is left",
    ),
    (Fault::ProducedTwice, || shutdown(WhenFull::DropNewest), "the books do not balance"),
];

#[test]
fn seeded_faults_are_noticed() {
    common::assert_noticed(&FAULTS.map(|(fault, _, complaint)| (fault, complaint)));
}

/// Run by `seeded_faults_are_noticed`, in a process of its own because a failing model may abort.
#[test]
#[ignore = "run by seeded_faults_are_noticed"]
fn model_with_fault() {
    let (fault, body, _) = FAULTS.into_iter().find(|(fault, ..)| common::is_chosen(*fault)).expect("a fault");
    seed(Some(fault));
    model(body);
}
