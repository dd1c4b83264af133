//! The ring with real threads: every record arrives whole and once, or is counted as lost.
//!
//! `AUDIT_STRESS_RECORDS` is how many records each producer makes.
#![cfg(not(loom))]

use std::cell::UnsafeCell;
use std::env;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use audit::attribution::{Attribution, Basis, Confidence};
use audit::batch::{Batch, BatchWriter, Header};
use audit::key::{FileKey, ProcessKey};
use audit::ledger::{Ledger, LossReason};
use audit::record::{Actor, Code, CopySource, Record, Sequence, Write, WriteFlags, WriteOffset};
use audit::ring::{Full, Ring, Shard, Slot, WhenFull};

/// How many records each producer makes, unless the environment says otherwise.
const RECORDS: u32 = 50_000;

fn records() -> u32 {
    env::var("AUDIT_STRESS_RECORDS").map_or(RECORDS, |text| text.parse().expect("a number of records"))
}

/// What a producer does when there is no room.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Policy {
    Lose,
    Retry,
    /// The ring gives up what is oldest.
    Overwrite,
    /// The consumer changes, each time it has taken all there is, between that and losing the newest.
    Change,
}

#[derive(Clone, Copy, Debug)]
struct Setting {
    shards: usize,
    /// Slots of a shard.
    capacity: usize,
    producers: u32,
    policy: Policy,
}

/// Spreads a number over 64 bits, each time another way.
fn mix(number: u64, salt: u64) -> u64 {
    let mixed = (number ^ salt.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ mixed >> 31
}

/// The write number `number` of a producer: all its fields follow from these, a third has a second slot.
fn write(producer: u32, number: u32) -> Write {
    let id = u64::from(producer) << 32 | u64::from(number);
    let actor = |salt: u64| {
        let [pid, tid] = [mix(id, salt + 1), mix(id, salt + 2)].map(|bits| (bits >> 32) as u32);
        Actor { process: ProcessKey(mix(id, salt)), pid, tid }
    };
    let executor = (number.is_multiple_of(6)).then(|| actor(10));
    let copy = number
        .is_multiple_of(3)
        .then(|| CopySource { file: FileKey(mix(id, 20)), offset: mix(id, 21).cast_signed() });
    Write {
        originator: Some(actor(1)),
        basis: Code::Known(Basis::Thread),
        confidence: Code::Known(Confidence::Certain),
        flags: WriteFlags::from_bits_retain((mix(id, 30) & 0xFF) as u32),
        file: FileKey(id),
        executor,
        copy,
        ..Write::new(
            u64::from(number),
            &Attribution::UNKNOWN,
            WriteOffset::At(mix(id, 31).cast_signed()),
            number,
        )
    }
}

/// An event that remembers having been set, as the driver's. (Of atomics alone, because `ThreadSanitizer` does
/// not see into the locks of a library that was built without it.)
#[derive(Default)]
struct Event(AtomicBool);

impl Event {
    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn wait(&self) {
        while !self.0.swap(false, Ordering::Acquire) {
            thread::yield_now();
        }
    }
}

/// Memory that each producer writes before a push, and the consumer reads after it: without any order but the
/// ring's, so that `ThreadSanitizer` reports a race if the ring orders nothing.
struct Luggage(Vec<UnsafeCell<u64>>);

// SAFETY: each cell is written by one producer before it pushes the record that the cell belongs to, and read by the
// consumer after it got that record; the ring orders the two.
unsafe impl Sync for Luggage {}

impl Luggage {
    fn new(producers: u32) -> Self {
        Self((0..u64::from(producers) * u64::from(records())).map(|_| UnsafeCell::new(0)).collect())
    }

    fn cell(&self, producer: u32, number: u32) -> *mut u64 {
        let index = u64::from(producer) * u64::from(records()) + u64::from(number);
        self.0[usize::try_from(index).expect("as it was allocated")].get()
    }

    fn pack(&self, producer: u32, number: u32) {
        // SAFETY: the producer has not pushed this record yet, so the consumer does not look at its cell.
        unsafe { *self.cell(producer, number) = mix(u64::from(number), u64::from(producer)) };
    }

    fn assert_packed(&self, producer: u32, number: u32) {
        // SAFETY: the consumer has got this record, after whose push its cell is not written again.
        let packed = unsafe { *self.cell(producer, number) };
        assert_eq!(packed, mix(u64::from(number), u64::from(producer)), "the luggage of another record");
    }
}

/// Ends the producers, also when the consumer fails.
struct StopWhenDropped<'a>(&'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What arrived of one producer.
#[derive(Clone, Debug, Default)]
struct Arrived {
    count: u32,
    last: Option<u32>,
}

/// What producers and consumer share.
struct Shared<'r> {
    ring: &'r Ring<'r>,
    luggage: Luggage,
    event: Event,
    producing: AtomicUsize,
    stopped: AtomicBool,
}

fn produce(shared: &Shared<'_>, policy: Policy, producer: u32) {
    for number in 0..records() {
        let record = write(producer, number).encode();
        shared.luggage.pack(producer, number);
        loop {
            match shared.ring.push(producer as usize, &record) {
                Ok(pushed) if pushed.wake => shared.event.set(),
                Err(Full) if policy == Policy::Retry && !shared.stopped.load(Ordering::Relaxed) => {
                    thread::yield_now();
                    continue;
                }
                Ok(_) | Err(Full) => {}
            }
            break;
        }
    }
    if shared.producing.fetch_sub(1, Ordering::AcqRel) == 1 {
        shared.event.set();
    }
}

/// Checks one message: whole records, in the order of their shard.
fn receive(
    message: &[u8],
    policy: Policy,
    luggage: &Luggage,
    arrived: &mut [Arrived],
    next: &mut [Option<Sequence>],
) {
    for record in Batch::parse(message).expect("a valid message").records() {
        let Ok(Record::Write(read)) = record else { panic!("{record:?}") };
        let [producer, number] = [(read.file.0 >> 32) as u32, read.length];
        assert_eq!(read, Write { sequence: read.sequence, ..write(producer, number) }, "a torn record");
        luggage.assert_packed(producer, number);
        let slots = read.encode().slot_count();
        let expected = next[usize::from(read.sequence.shard())].replace(read.sequence.after(slots));
        let follows = |expected: Sequence| match policy {
            Policy::Lose | Policy::Retry => expected == read.sequence,
            // What was overwritten had a position, too.
            Policy::Overwrite | Policy::Change => expected <= read.sequence,
        };
        assert!(expected.is_none_or(follows), "a gap, or a repetition: {read:?}");
        let arrived = &mut arrived[producer as usize];
        assert!(arrived.last.is_none_or(|last| last < number), "twice, or out of order: {read:?}");
        arrived.last = Some(number);
        arrived.count += 1;
    }
}

fn run(setting: Setting) {
    let shards: Vec<Shard> = (0..setting.shards).map(|_| Shard::default()).collect();
    let slots: Vec<Slot> = (0..setting.shards * setting.capacity).map(|_| Slot::default()).collect();
    let when_full = match setting.policy {
        Policy::Lose | Policy::Retry => WhenFull::DropNewest,
        Policy::Overwrite | Policy::Change => WhenFull::OverwriteOldest,
    };
    let ring = Ring::new(&shards, &slots, when_full).expect("a ring");
    let shared = Shared {
        ring: &ring,
        luggage: Luggage::new(setting.producers),
        event: Event::default(),
        producing: AtomicUsize::new(setting.producers as usize),
        stopped: AtomicBool::new(false),
    };
    let mut arrived = vec![Arrived::default(); setting.producers as usize];

    thread::scope(|scope| {
        for producer in 0..setting.producers {
            let shared = &shared;
            scope.spawn(move || produce(shared, setting.policy, producer));
        }
        let _stop = StopWhenDropped(&shared.stopped);
        let mut consumer = ring.consumer().expect("the consumer");
        let mut next = vec![None; setting.shards];
        let mut buffer = vec![0; BatchWriter::MIN_SIZE];
        let mut overwriting = true;
        loop {
            let ended = shared.producing.load(Ordering::Acquire) == 0;
            let mut snapshot = consumer.snapshot();
            loop {
                let mut batch = BatchWriter::new(&mut buffer).expect("a buffer");
                snapshot.drain(|event| match batch.push_event(event) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                });
                if batch.is_empty() {
                    break;
                }
                let size = batch.finish(&Header::default());
                receive(&buffer[..size], setting.policy, &shared.luggage, &mut arrived, &mut next);
            }
            if ended {
                break;
            }
            if setting.policy == Policy::Change {
                overwriting = !overwriting;
                let when_full = if overwriting { WhenFull::OverwriteOldest } else { WhenFull::DropNewest };
                assert!(consumer.set_when_full(when_full), "it is a change");
            }
            // No time-out: a lost wake-up would hang here.
            if consumer.prepare_sleep() {
                shared.event.wait();
                consumer.wake_up();
            }
        }
    });

    let delivered: u64 = arrived.iter().map(|arrived| u64::from(arrived.count)).sum();
    let Ledger { produced, .. } = ring.ledger();
    let lost = ring.ledger().lost_total();
    assert_eq!(produced, delivered + lost, "{setting:?}");
    let [full, overwritten] = [LossReason::RingFull, LossReason::Overwritten].map(|r| ring.ledger().lost(r));
    assert_eq!(full + overwritten, lost);
    let overwrites = matches!(setting.policy, Policy::Overwrite | Policy::Change);
    assert_eq!(overwritten > 0, overwrites, "records for more than the ring holds");
    let made = u64::from(setting.producers) * u64::from(records());
    match setting.policy {
        Policy::Lose | Policy::Overwrite | Policy::Change => assert_eq!(produced, made),
        // Each refusal is a record of its own to the ring.
        Policy::Retry => assert_eq!(delivered, made),
    }
    println!("{setting:?}: {produced} produced = {delivered} delivered + {lost} lost");
}

#[test]
fn producers_of_one_small_shard() {
    run(Setting { shards: 1, capacity: 4, producers: 3, policy: Policy::Lose });
}

#[test]
fn producers_that_insist_on_one_small_shard() {
    run(Setting { shards: 1, capacity: 2, producers: 2, policy: Policy::Retry });
}

#[test]
fn producers_that_share_shards() {
    run(Setting { shards: 2, capacity: 1024, producers: 4, policy: Policy::Lose });
}

#[test]
fn producers_with_a_shard_each() {
    run(Setting { shards: 3, capacity: 512, producers: 3, policy: Policy::Retry });
}

#[test]
fn producers_that_overwrite_in_one_small_shard() {
    run(Setting { shards: 1, capacity: 4, producers: 3, policy: Policy::Overwrite });
}

#[test]
fn producers_that_overwrite_now_and_then() {
    run(Setting { shards: 2, capacity: 16, producers: 3, policy: Policy::Change });
}

#[test]
fn producers_that_overwrite_in_shared_shards() {
    run(Setting { shards: 2, capacity: 256, producers: 4, policy: Policy::Overwrite });
}

#[test]
fn producers_that_overwrite_in_a_shard_each() {
    run(Setting { shards: 2, capacity: 64, producers: 2, policy: Policy::Overwrite });
}
