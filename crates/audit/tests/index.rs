//! The address index, one step at a time and with real threads.
#![cfg(not(loom))]

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use audit::executor::Executor;
use audit::index::{AddressIndex, Bucket, Full, WrongSize};
use proptest::collection::vec;
use proptest::prelude::*;

fn buckets(count: usize) -> Vec<Bucket> {
    (0..count).map(|_| Bucket::default()).collect()
}

/// Addresses as pool gives them: 16 bytes apart, high up.
fn address(number: u64) -> NonZeroU64 {
    NonZeroU64::new(0xFFFF_8000_0000_0000 + 16 * number).expect("not zero")
}

#[test]
fn a_bucket_is_three_cache_lines() {
    assert_eq!((size_of::<Bucket>(), align_of::<Bucket>()), (192, 64));
}

#[test]
fn an_index_has_the_buckets_that_it_was_compiled_for() {
    for count in [0, 3, 63, 65, 128] {
        assert!(matches!(AddressIndex::<64>::new(&buckets(count)), Err(WrongSize)));
    }
    assert!(AddressIndex::<64>::new(&buckets(64)).is_ok());
    assert!(AddressIndex::<1>::new(&buckets(1)).is_ok());
}

#[test]
fn all_zero_memory_is_an_empty_index() {
    // SAFETY: integers only; that zero is their initial state is what is tested.
    let buckets = [const { unsafe { std::mem::zeroed::<Bucket>() } }; 2];
    let index = AddressIndex::<2>::new(&buckets).expect("its size");
    assert_eq!(index.get(address(1).get()), None);
    assert_eq!(index.insert(address(1), 7), Ok(()));
    assert_eq!(index.get(address(1).get()), Some(7));
}

#[test]
fn a_full_bucket_refuses_and_changes_nothing() {
    let buckets = buckets(1);
    let index = AddressIndex::<1>::new(&buckets).expect("its size");
    for number in 0..8 {
        assert_eq!(index.insert(address(number), number), Ok(()));
    }
    assert_eq!(index.insert(address(8), 8), Err(Full));
    assert_eq!(index.insert(address(3), 33), Ok(()), "it has its place");
    let found: Vec<_> = (0..9).map(|number| index.get(address(number).get())).collect();
    assert_eq!(found, [Some(0), Some(1), Some(2), Some(33), Some(4), Some(5), Some(6), Some(7), None]);
    index.remove(address(0), 0);
    assert_eq!(index.insert(address(8), 8), Ok(()));
}

#[test]
fn no_address_is_not_found() {
    let buckets = buckets(1);
    assert_eq!(AddressIndex::<1>::new(&buckets).expect("its size").get(0), None);
}

#[test]
fn most_of_the_ways_can_be_used() {
    let buckets = buckets(256);
    let index = AddressIndex::<256>::new(&buckets).expect("its size");
    // Objects of some size, one after another: three quarters of the ways fill without a refusal.
    for (spacing, start) in [(0x170 / 16, 0), (0x400 / 16, 1 << 24), (0x1000 / 16, 1 << 30)] {
        for number in 0..512 {
            assert_eq!(index.insert(address(start + spacing * number), number + 1), Ok(()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_index_is_a_map(steps in vec((0_u64..40, 0_u64..4, any::<bool>()), 0..300)) {
        let buckets = buckets(4);
        let index = AddressIndex::<4>::new(&buckets).expect("its size");
        let mut map = BTreeMap::new();
        for (number, key, insert) in steps {
            let address = address(number);
            if insert {
                if index.insert(address, key).is_ok() {
                    map.insert(address, key);
                } else {
                    prop_assert!(!map.contains_key(&address) && map.len() >= 8);
                }
            } else {
                index.remove(address, key);
                if map.get(&address) == Some(&key) {
                    map.remove(&address);
                }
            }
            prop_assert_eq!(index.get(address.get()), map.get(&address).copied());
        }
        for number in 0..40 {
            prop_assert_eq!(index.get(address(number).get()), map.get(&address(number)).copied());
        }
    }
}

/// Ends the others, also when this thread fails.
struct StopWhenDropped<'a>(&'a AtomicBool);

impl Drop for StopWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// Two threads come and go with addresses of their own, which compete for the same ways, until a third has
/// found them often enough.
#[test]
fn readers_never_get_a_key_that_is_not_the_addresss() {
    const FINDS: u64 = 10_000;
    const STAYS: u64 = 1_000;
    let buckets = buckets(1);
    let index = AddressIndex::<1>::new(&buckets).expect("its size");
    let key = |number: u64, generation: u64| number << 32 | generation;
    index.insert(address(STAYS), key(STAYS, 0)).expect("room");
    let reading = AtomicBool::new(true);
    thread::scope(|scope| {
        let writers = [0_u64, 100].map(|base| {
            let reading = &reading;
            scope.spawn(move || {
                for generation in (0..).take_while(|_| reading.load(Ordering::Relaxed)) {
                    let number = base + generation % 5;
                    index.insert(address(number), key(number, generation)).expect("room for all");
                    assert_eq!(index.get(address(number).get()), Some(key(number, generation)));
                    index.remove(address(number), key(number, generation));
                    assert_eq!(index.get(address(number).get()), None);
                }
            })
        });
        let stop = StopWhenDropped(&reading);
        let mut found = 0;
        while found < FINDS {
            for number in (0..5).chain(100..105) {
                if let Some(key) = index.get(address(number).get()) {
                    assert_eq!(key >> 32, number, "another's key");
                    found += 1;
                }
            }
            assert_eq!(index.get(address(STAYS).get()), Some(key(STAYS, 0)), "it never left");
        }
        drop(stop);
        for writer in writers {
            writer.join().expect("a writer");
        }
    });
}

#[test]
fn what_is_cleared_as_a_whole_is_gone_and_can_come_again() {
    let buckets: Vec<Bucket> = (0..4).map(|_| Bucket::default()).collect();
    let index = AddressIndex::<4>::new(&buckets).expect("its size");
    let addresses: Vec<NonZeroU64> = (1..=16).filter_map(|number| NonZeroU64::new(number << 12)).collect();
    for round in 1..=2 {
        for address in &addresses {
            assert_eq!(index.insert(*address, address.get() + round), Ok(()));
        }
        let mut entries: Vec<_> = (0..4).flat_map(|bucket| index.entries(bucket..bucket + 1)).collect();
        entries.sort_unstable();
        let expected: Vec<_> = addresses.iter().map(|address| (*address, [address.get() + round])).collect();
        assert_eq!(entries, expected);
        assert_eq!(index.entries(0..usize::MAX).count(), addresses.len());
        index.clear_all();
        assert_eq!(index.entries(0..index.bucket_count()).count(), 0);
        assert!(addresses.iter().all(|address| index.get(address.get()).is_none()));
    }
}

/// A thread that carries a write out may end before the write does, and another one get its object, and its place.
#[test]
fn a_place_is_its_addresss_until_that_is_removed() {
    let buckets = buckets(1);
    let index = AddressIndex::<1>::new(&buckets).expect("its size");
    for number in 0..8 {
        assert_eq!(index.insert(address(number), number), Ok(()));
    }
    let places: Vec<_> = (0..8).map(|number| index.place(address(number)).expect("it is there")).collect();
    assert_eq!(index.place(address(8)), None);
    let values = || places.iter().map(|place| index.at(*place)).collect::<Vec<_>>();
    assert_eq!(values(), (0..8).map(|number| Some([number])).collect::<Vec<_>>());
    index.remove(address(3), 3);
    assert_eq!((values()[2], values()[3]), (Some([2]), None));
    assert_eq!(index.insert(address(3), 3), Ok(()), "the same address, but another time");
    assert_eq!(values()[3], None);
    assert_eq!(index.at(index.place(address(3)).expect("it is there")), Some([3]));
}

#[test]
fn an_executor_is_one_word() {
    let buckets = buckets(2);
    let index = AddressIndex::<2>::new(&buckets).expect("its size");
    let mut executors = vec![
        Executor::Originator,
        Executor::Told { pid: 0, tid: 0 },
        Executor::Told { pid: 4, tid: 0xFFFF_FFFC },
        Executor::Told { pid: 0xFFFF_FFFC, tid: 8 },
    ];
    for number in 0..12 {
        index.insert(address(number), number).expect("there is room");
        executors.push(Executor::Kept(index.place(address(number)).expect("it is there")));
        index.remove(address(number / 2), number / 2);
    }
    for executor in executors {
        assert_eq!(Executor::of_word(executor.word()), executor);
        assert_eq!(executor.word() == 0, executor == Executor::Originator);
    }
}
