//! Models of the address index, and faults seeded into it, which the models must notice.
//!
//! `RUSTFLAGS="--cfg loom" cargo test --package audit --release --test loom_index`
#![cfg(loom)]

use std::num::NonZeroU64;

use audit::attribution::{Process, ProcessKind, Thread};
use audit::fault::{Fault, seed};
use audit::index::{AddressIndex, Bucket};
use audit::key::ProcessKey;
use audit::threads::{Known, ThreadBucket, ThreadIndex};
use loom::thread;

mod common;
use common::model;

const A: NonZeroU64 = NonZeroU64::new(0x1000).unwrap();
const B: NonZeroU64 = NonZeroU64::new(0x2000).unwrap();

/// A key tells which address it belongs to.
const fn key(address: NonZeroU64, generation: u64) -> u64 {
    address.get() | generation
}

/// An index of one bucket, so that all addresses compete for its ways.
fn index() -> AddressIndex<'static, 1> {
    AddressIndex::new(Vec::leak(vec![Bucket::default()])).expect("one bucket")
}

/// What a reader gets for an address is a key of that address, or nothing.
fn assert_own(address: NonZeroU64, found: Option<u64>) {
    assert!(found.is_none_or(|key| key & !0xFFF == address.get()), "{found:X?} is not a key of {address:X}");
}

/// A way goes from one address to the other and back under a reader.
fn reused_way() {
    let index = index();
    index.insert(A, key(A, 1)).expect("room");
    let writer = thread::spawn(move || {
        index.remove(A, key(A, 1));
        index.insert(B, key(B, 1)).expect("room");
        index.remove(B, key(B, 1));
        index.insert(A, key(A, 2)).expect("room");
    });
    assert_own(A, index.get(A.get()));
    writer.join().expect("the writer");
    assert_eq!((index.get(A.get()), index.get(B.get())), (Some(key(A, 2)), None));
}

/// An address that stays is found, whatever happens beside it.
fn neighbours() {
    let index = index();
    index.insert(A, key(A, 1)).expect("room");
    let writer = thread::spawn(move || {
        index.insert(B, key(B, 1)).expect("room");
        index.remove(B, key(B, 1));
    });
    assert_eq!(index.get(A.get()), Some(key(A, 1)));
    assert_own(B, index.get(B.get()));
    writer.join().expect("the writer");
    assert_eq!((index.get(A.get()), index.get(B.get())), (Some(key(A, 1)), None));
}

/// Whatever order two threads come in with an address that had two keys in turn, nothing is left of it.
fn rivals() {
    let index = index();
    let rival = thread::spawn(move || {
        index.insert(A, key(A, 1)).expect("room");
        index.remove(A, key(A, 1));
    });
    index.insert(A, key(A, 2)).expect("room");
    index.remove(A, key(A, 2));
    rival.join().expect("the rival");
    assert_eq!(index.get(A.get()), None);
}

/// A late removal does not take away the key that has come in its place.
fn late_removal() {
    let index = index();
    index.insert(A, key(A, 1)).expect("room");
    let remover = thread::spawn(move || index.remove(A, key(A, 1)));
    index.insert(A, key(A, 2)).expect("room");
    assert_own(A, index.get(A.get()));
    remover.join().expect("the remover");
    assert_eq!(index.get(A.get()), Some(key(A, 2)));
}

/// An address whose key is replaced is found throughout: a file that is opened under its new name while somebody writes
/// to it.
fn replacement() {
    let index = index();
    index.insert(A, key(A, 1)).expect("room");
    let writer = thread::spawn(move || {
        index.insert(A, key(A, 2)).expect("it has a way");
        index.insert(A, key(A, 3)).expect("it has a way");
    });
    let found = index.get(A.get());
    assert!(
        found.is_some_and(|found| (key(A, 1)..=key(A, 3)).contains(&found)),
        "{found:X?} is no key it had"
    );
    writer.join().expect("the writer");
    assert_eq!(index.get(A.get()), Some(key(A, 3)));
}

/// Two addresses inserted at once get a way each.
fn insertions() {
    let index = index();
    let other = thread::spawn(move || index.insert(B, key(B, 1)).expect("room"));
    index.insert(A, key(A, 1)).expect("room");
    assert_eq!(index.get(A.get()), Some(key(A, 1)));
    other.join().expect("the other");
    assert_eq!((index.get(A.get()), index.get(B.get())), (Some(key(A, 1)), Some(key(B, 1))));
}

/// A thread of the process that a number stands for.
fn thread_of(number: u32) -> Known {
    let kind = if number == 2 { ProcessKind::Kernel } else { ProcessKind::User };
    let id = 4 * number;
    let process = Process { key: ProcessKey(u64::from(number)), pid: id, kind };
    Known::new(&Thread { tid: id, process }, false).expect("ids are multiples of four")
}

/// The object of a thread that is gone is another's by now, who is learnt, in the place of a third, while a worker looks
/// for him.
fn reused_thread() {
    let threads = ThreadIndex::<1>::new(Vec::leak(vec![ThreadBucket::default()])).expect("one bucket");
    threads.learn(A, thread_of(1)).expect("room");
    threads.forget(A);
    threads.learn(B, thread_of(3)).expect("room");
    let second = thread::spawn(move || {
        threads.forget(B);
        threads.learn(A, thread_of(2)).expect("room");
    });
    let found = threads.find(A);
    assert!(found.is_none_or(|found| found == thread_of(2)), "{found:?} is not who has the address");
    second.join().expect("the second");
    assert_eq!((threads.find(A), threads.find(B)), (Some(thread_of(2)), None));
}

/// Its address is forgotten for a thread's creation no matter when: the thread may be unknown then, not another.
fn late_creation() {
    let threads = ThreadIndex::<1>::new(Vec::leak(vec![ThreadBucket::default()])).expect("one bucket");
    let creator = thread::spawn(move || threads.forget(A));
    threads.learn(A, thread_of(2)).expect("room");
    let found = threads.find(A);
    assert!(found.is_none_or(|found| found == thread_of(2)), "{found:?} is not who has the address");
    threads.forget(A);
    creator.join().expect("the creator");
    assert_eq!(threads.find(A), None);
}

#[test]
fn a_threads_address_is_never_anothers() {
    model(reused_thread);
    model(late_creation);
}

#[test]
fn a_reused_way_never_yields_another_addresses_key() {
    model(reused_way);
}

#[test]
fn neighbours_do_not_disturb() {
    model(neighbours);
}

#[test]
fn rivals_leave_nothing() {
    model(rivals);
}

#[test]
fn a_late_removal_spares_the_new_key() {
    model(late_removal);
}

#[test]
fn an_address_is_found_while_its_key_is_replaced() {
    model(replacement);
}

#[test]
fn simultaneous_insertions_do_not_collide() {
    model(insertions);
}

/// Each fault, the model that must notice it, and what that says.
const FAULTS: [(Fault, fn(), &str); 3] = [
    (Fault::VersionUnchecked, reused_way, "is not a key of"),
    (Fault::ChangeRelaxed, reused_way, "is not a key of"),
    (Fault::ReplacedLikeChanged, replacement, "is no key it had"),
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
