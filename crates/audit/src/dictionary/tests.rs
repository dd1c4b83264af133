//! What a dictionary promises, tried against a model that keeps everything in one vector.

use core::cell::Cell;
use core::num::NonZeroU64;

use proptest::prelude::*;

use super::{Dictionary, Limits, Memory, Needed, NoRoom};

thread_local! {
    /// How many arrays may still be had.
    static ARRAYS_LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
}

enum Heap {}

impl Memory for Heap {
    type Array<T> = Vec<T>;

    fn array<T>(length: usize, element: impl FnMut(usize) -> T) -> Option<Vec<T>> {
        let left = ARRAYS_LEFT.get().checked_sub(1)?;
        ARRAYS_LEFT.set(left);
        Some((0..length).map(element).collect())
    }
}

const LIMITS: Limits = Limits { entries: 1 << 10, retired: 6, kept: 2, buckets: 4 };

fn key(number: u64) -> NonZeroU64 {
    NonZeroU64::new(number).expect("tests use no key 0")
}

fn dictionary(limits: Limits) -> Dictionary<u64, Heap> {
    ARRAYS_LEFT.set(usize::MAX);
    Dictionary::new(limits).expect("there is memory")
}

/// Takes what is unsent, as a cycle does.
fn send_all(dictionary: &mut Dictionary<u64, Heap>) -> Vec<u64> {
    let mut sent = Vec::new();
    while let Some(entry) = dictionary.next() {
        sent.push(*entry);
        dictionary.sent_next();
    }
    sent
}

fn add(dictionary: &mut Dictionary<u64, Heap>, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        dictionary.add(key(number), number).expect("there is room");
    }
}

#[test]
fn entries_are_sent_once_in_the_order_they_came_and_again_to_a_new_connection() {
    let mut dictionary = dictionary(LIMITS);
    add(&mut dictionary, [3, 1, 2]);
    assert_eq!(send_all(&mut dictionary), [3, 1, 2]);
    add(&mut dictionary, [4]);
    assert_eq!(send_all(&mut dictionary), [4]);
    dictionary.begin_connection();
    add(&mut dictionary, [5]);
    assert_eq!(send_all(&mut dictionary), [3, 1, 2, 4, 5]);
}

#[test]
fn a_known_key_keeps_its_entry() {
    let mut dictionary = dictionary(LIMITS);
    add(&mut dictionary, [1]);
    dictionary.add(key(1), 99).expect("there is room");
    assert_eq!(dictionary.get(key(1)), Some(&1));
    assert_eq!(send_all(&mut dictionary), [1]);
}

#[test]
fn what_is_retired_before_it_was_sent_is_sent_before_it_goes() {
    let mut dictionary = dictionary(Limits { kept: 0, ..LIMITS });
    add(&mut dictionary, [1]);
    dictionary.retire(key(1));
    dictionary.begin_cycle();
    assert_eq!(send_all(&mut dictionary), [1]);
    dictionary.complete_cycle();
    assert!(!dictionary.contains(key(1)));
}

#[test]
fn what_is_retired_during_a_cycle_outlives_it() {
    let mut dictionary = dictionary(Limits { kept: 0, ..LIMITS });
    add(&mut dictionary, [1]);
    dictionary.begin_cycle();
    send_all(&mut dictionary);
    // A record made now, after the snapshot, may refer to it.
    dictionary.retire(key(1));
    dictionary.complete_cycle();
    assert!(dictionary.contains(key(1)));
    dictionary.begin_cycle();
    dictionary.complete_cycle();
    assert!(!dictionary.contains(key(1)));
}

#[test]
fn a_cycle_that_is_not_acknowledged_lets_nothing_go() {
    let mut dictionary = dictionary(Limits { kept: 0, ..LIMITS });
    add(&mut dictionary, [1]);
    dictionary.retire(key(1));
    dictionary.begin_cycle();
    assert_eq!(send_all(&mut dictionary), [1]);
    // The connection breaks; the records with this key go to the next one.
    dictionary.begin_connection();
    dictionary.begin_cycle();
    assert_eq!(send_all(&mut dictionary), [1]);
    dictionary.complete_cycle();
    assert!(!dictionary.contains(key(1)));
}

#[test]
fn what_is_only_kept_is_sent_when_it_is_needed() {
    let mut dictionary = dictionary(LIMITS);
    add(&mut dictionary, [1]);
    assert_eq!(dictionary.needed(key(1)), Needed::Send(&1));
    dictionary.retire(key(1));
    dictionary.begin_cycle();
    send_all(&mut dictionary);
    dictionary.complete_cycle();
    assert_eq!(dictionary.needed(key(1)), Needed::Nothing);
    dictionary.begin_connection();
    assert_eq!(dictionary.next(), None);
    assert_eq!(dictionary.needed(key(1)), Needed::Send(&1));
    dictionary.sent(key(1));
    assert_eq!(dictionary.needed(key(1)), Needed::Nothing);
    assert_eq!(dictionary.needed(key(2)), Needed::Unknown);
}

/// Regression test: the newest used to fall out, whose records a ring that overwrites keeps.
#[test]
fn with_nobody_connected_the_oldest_retired_fall_out_and_are_counted() {
    let mut dictionary = dictionary(LIMITS);
    let ten_retired = |dictionary: &mut Dictionary<u64, Heap>, first: u64| {
        add(dictionary, first..first + 10);
        (first..first + 10).for_each(|number| dictionary.retire(key(number)));
    };
    ten_retired(&mut dictionary, 1);
    assert_eq!(dictionary.forgotten(), 4);
    dictionary.begin_connection();
    assert_eq!(send_all(&mut dictionary), [5, 6, 7, 8, 9, 10]);
    dictionary.end_connection();
    ten_retired(&mut dictionary, 11);
    assert_eq!(dictionary.forgotten(), 14);
    assert_eq!(send_all(&mut dictionary), [15, 16, 17, 18, 19, 20]);
}

#[test]
fn with_somebody_connected_the_newest_retired_fall_out_and_are_counted() {
    let mut dictionary = dictionary(LIMITS);
    dictionary.begin_connection();
    add(&mut dictionary, 1..=10);
    for number in 1..=10 {
        dictionary.retire(key(number));
    }
    assert_eq!(dictionary.forgotten(), 4);
    assert_eq!(send_all(&mut dictionary), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn what_is_only_kept_makes_way_for_what_is_still_needed() {
    let mut dictionary = dictionary(Limits { retired: 2, kept: 2, ..LIMITS });
    add(&mut dictionary, 1..=3);
    dictionary.retire(key(1));
    dictionary.retire(key(2));
    dictionary.begin_cycle();
    send_all(&mut dictionary);
    dictionary.complete_cycle();
    dictionary.retire(key(3));
    assert_eq!(dictionary.forgotten(), 0);
    assert_eq!([1, 2, 3].map(|number| dictionary.contains(key(number))), [false, true, true]);
}

#[test]
fn without_memory_nothing_changes() {
    let mut dictionary = dictionary(LIMITS);
    ARRAYS_LEFT.set(0);
    assert_eq!(dictionary.add(key(1), 1), Err(NoRoom));
    assert!(!dictionary.contains(key(1)));
    assert_eq!(dictionary.next(), None);
    ARRAYS_LEFT.set(1);
    add(&mut dictionary, 1..=256);
    assert_eq!(dictionary.add(key(257), 257), Err(NoRoom));
    assert_eq!(send_all(&mut dictionary), (1..=256).collect::<Vec<_>>());
    for left in 0..2 {
        ARRAYS_LEFT.set(left);
        assert!(Dictionary::<u64, Heap>::new(LIMITS).is_none());
    }
}

#[test]
fn full_is_full_and_room_comes_back() {
    let mut dictionary = dictionary(Limits { kept: 0, ..LIMITS });
    add(&mut dictionary, 1..=1024);
    assert_eq!(dictionary.add(key(2000), 2000), Err(NoRoom));
    dictionary.retire(key(700));
    dictionary.begin_cycle();
    send_all(&mut dictionary);
    dictionary.complete_cycle();
    add(&mut dictionary, [2000]);
    assert_eq!(dictionary.get(key(2000)), Some(&2000));
    assert_eq!(dictionary.get(key(700)), None);
}

#[test]
fn changes_are_counted_from_cycle_to_cycle() {
    let mut dictionary = dictionary(LIMITS);
    add(&mut dictionary, 1..=3);
    dictionary.retire(key(1));
    dictionary.retire(key(1));
    dictionary.retire(key(9));
    assert_eq!(dictionary.changes(), 4);
    dictionary.begin_cycle();
    assert_eq!(dictionary.changes(), 4);
    send_all(&mut dictionary);
    dictionary.complete_cycle();
    assert_eq!(dictionary.changes(), 0);
}

#[test]
fn buckets_are_a_power_of_two() {
    assert!(Dictionary::<u64, Heap>::new(Limits { buckets: 3, ..LIMITS }).is_none());
}

#[derive(Clone, Debug)]
enum Step {
    Add(u64),
    Retire(u64),
    BeginConnection,
    EndConnection,
    /// With so many entries sent; it is acknowledged if these were all.
    Cycle(usize),
    Need(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_u64..20).prop_map(Step::Add),
        4 => (1_u64..20).prop_map(Step::Retire),
        1 => Just(Step::BeginConnection),
        1 => Just(Step::EndConnection),
        3 => prop_oneof![0_usize..4, Just(usize::MAX)].prop_map(Step::Cycle),
        2 => (1_u64..20).prop_map(Step::Need),
    ]
}

#[derive(Clone, Debug)]
struct Modelled {
    key: u64,
    retired_in: Option<u64>,
    sent: bool,
}

#[derive(Default)]
struct Model {
    entries: Vec<Modelled>,
    cycle: u64,
    acknowledged: u64,
    connected: bool,
}

impl Model {
    fn position(&self, key: u64) -> Option<usize> {
        self.entries.iter().position(|entry| entry.key == key)
    }

    fn is_delivered(&self, entry: &Modelled) -> bool {
        entry.retired_in.is_some_and(|cycle| cycle < self.acknowledged)
    }

    fn is_unsent(&self, entry: &Modelled) -> bool {
        !entry.sent && !self.is_delivered(entry)
    }
}

proptest! {
    #[test]
    fn behaves_as_the_model(steps in prop::collection::vec(step(), 0..200)) {
        let mut dictionary = dictionary(LIMITS);
        let mut model = Model::default();
        let mut forgotten = 0;
        for step in steps {
            match step {
                Step::Add(number) => {
                    add(&mut dictionary, [number]);
                    if model.position(number).is_none() {
                        model.entries.push(Modelled { key: number, retired_in: None, sent: false });
                    }
                }
                Step::Retire(number) => {
                    dictionary.retire(key(number));
                    let Some(at) = model.position(number) else { continue };
                    let cycle = model.cycle;
                    let entry = &mut model.entries[at];
                    if entry.retired_in.is_some() {
                        continue;
                    }
                    entry.retired_in = Some(cycle);
                    if model.entries.iter().filter(|entry| entry.retired_in.is_some()).count() > LIMITS.retired {
                        // Either something that is only kept makes way, or the new one falls out, or an older one.
                        let waited = model.entries.iter().filter(|entry| {
                            entry.retired_in.is_some() && !model.is_delivered(entry) && entry.key != number
                        });
                        let keeps_new = !model.connected && waited.count() > 0;
                        let gone = model.entries.iter().position(|entry| !dictionary.contains(key(entry.key)));
                        let entry = model.entries.remove(gone.expect("one goes"));
                        if !model.is_delivered(&entry) {
                            prop_assert_eq!(entry.key == number, !keeps_new);
                            forgotten += 1;
                        }
                    }
                }
                Step::BeginConnection | Step::EndConnection => {
                    model.connected = matches!(step, Step::BeginConnection);
                    if model.connected {
                        dictionary.begin_connection();
                    } else {
                        dictionary.end_connection();
                    }
                    model.entries.iter_mut().for_each(|entry| entry.sent = false);
                }
                Step::Cycle(count) => {
                    dictionary.begin_cycle();
                    model.cycle += 1;
                    let mut left = count;
                    while let Some(number) = dictionary.next().copied().filter(|_| left > 0) {
                        left -= 1;
                        dictionary.sent_next();
                        let at = model.position(number).expect("only what is there is sent");
                        prop_assert!(model.is_unsent(&model.entries[at]), "{number} twice");
                        model.entries[at].sent = true;
                    }
                    if dictionary.next().is_none() {
                        dictionary.complete_cycle();
                        model.acknowledged = model.cycle;
                        let gone = |entry: &Modelled| !dictionary.contains(key(entry.key));
                        for entry in model.entries.iter().filter(|entry| gone(entry)) {
                            prop_assert!(model.is_delivered(entry), "{entry:?} went too early");
                        }
                        model.entries.retain(|entry| !gone(entry));
                        let kept = model.entries.iter().filter(|entry| model.is_delivered(entry)).count();
                        prop_assert!(kept <= LIMITS.kept, "{kept} kept");
                    }
                }
                Step::Need(number) => match model.position(number) {
                    None => prop_assert_eq!(dictionary.needed(key(number)), Needed::Unknown),
                    Some(at) if model.entries[at].sent => {
                        prop_assert_eq!(dictionary.needed(key(number)), Needed::Nothing);
                    }
                    Some(at) => {
                        prop_assert_eq!(dictionary.needed(key(number)), Needed::Send(&number));
                        dictionary.sent(key(number));
                        model.entries[at].sent = true;
                    }
                },
            }
            for number in 1..20 {
                prop_assert_eq!(dictionary.get(key(number)).copied(), model.position(number).map(|_| number));
            }
            prop_assert_eq!(dictionary.forgotten(), forgotten);
            let unsent = model.entries.iter().any(|entry| model.is_unsent(entry));
            prop_assert_eq!(dictionary.next().is_some(), unsent);
        }
    }
}
