//! Fault injection, and drivers that fail to load.

use super::driver::{Filter, NON_PAGED, TAG, allocate, free, nt, pointer};
use crate::sim::{LoadError, UnloadError};
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::{Sim, VolumeSpec, Windows};

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    let first = allocate(NON_PAGED, 10);
    let second = allocate(NON_PAGED, 10);
    for block in [first, second] {
        if !block.is_null() {
            free(block, TAG);
        }
    }
    if first.is_null() || second.is_null() {
        return NtStatus::INSUFFICIENT_RESOURCES.0;
    }
    Filter::default().start(driver)
}

fn sim() -> Sim {
    super::machine_without_driver(Windows::Win11_24H2).0
}

#[test]
fn the_nth_call_fails_and_the_driver_with_it() {
    for n in 1..=2 {
        let sim = sim();
        sim.fail_nth("ExAllocatePool2", n, NtStatus::INSUFFICIENT_RESOURCES);
        let error = sim.load_native(pointer(entry), "test").expect_err("the driver cannot load");
        assert!(matches!(error, LoadError::DriverEntry(NtStatus::INSUFFICIENT_RESOURCES)), "{error}");
        assert!(sim.violations().is_empty(), "{:?}", sim.violations());
        assert!(sim.calls().contains(&("ExAllocatePool2", 2)));
        sim.load_native(pointer(entry), "test").expect("the next attempt succeeds");
    }
}

#[test]
fn a_failed_status_is_the_one_asked_for() {
    let sim = sim();
    sim.fail_nth("FltRegisterFilter", 1, NtStatus::FLT_NOT_INITIALIZED);
    let error = sim.load_native(pointer(entry), "test").expect_err("the driver cannot load");
    assert!(matches!(error, LoadError::DriverEntry(NtStatus::FLT_NOT_INITIALIZED)), "{error}");
}

#[test]
#[should_panic(expected = "KeSetEvent cannot be made to fail")]
fn what_cannot_fail_cannot_be_made_to() {
    assert!(!sim().can_fail("KeSetEvent"));
    sim().fail_nth("KeSetEvent", 1, NtStatus::UNSUCCESSFUL);
}

#[test]
fn a_driver_entry_that_fails_must_undo_everything() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().start(driver);
        allocate(NON_PAGED, 10);
        NtStatus::UNSUCCESSFUL.0
    }
    let sim = sim();
    assert!(sim.load_native(pointer(entry), "test").is_err());
    let violations = sim.violations();
    assert_eq!(violations.len(), 2, "{violations:?}");
    assert!(violations.iter().all(|violation| violation.rule == Rule::Unwind));
    sim.add_volume(VolumeSpec::new(r"\Device\HarddiskVolume9")).expect("a driver that is gone is not called");
}

#[test]
fn a_service_is_loaded_once_and_unloaded_once() {
    let sim = sim();
    let driver = sim.load_native(pointer(entry), "test").expect("it loads");
    let error = sim.load_native(pointer(entry), "TEST").expect_err("it is loaded");
    assert!(matches!(error, LoadError::AlreadyLoaded(_)), "{error}");
    sim.unload(&driver).expect("it unloads");
    assert_eq!(sim.unload(&driver), Err(UnloadError::NotLoaded));
}

#[test]
fn a_driver_may_refuse_to_unload() {
    extern "win64" fn refuse(_: u32) -> u32 {
        NtStatus::FLT_DO_NOT_DETACH.0
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().unload(refuse).start(driver)
    }
    let sim = sim();
    let driver = sim.load_native(pointer(entry), "test").expect("it loads");
    assert_eq!(sim.unload(&driver), Err(UnloadError::Refused(NtStatus::FLT_DO_NOT_DETACH)));
}

#[test]
fn registration_is_checked() {
    extern "win64" fn twice(driver: usize, _: usize) -> u32 {
        Filter::default().start(driver);
        assert_eq!(
            nt("FltStartFiltering", &[super::driver::FILTER.get().address()]) & 0xFFFF_FFFF,
            0xC000_000D
        );
        0
    }
    let sim = sim();
    sim.load_native(pointer(twice), "test").expect("it loads");
    assert_eq!(sim.violations()[0].rule, Rule::Registration);
}
