//! Timers, deferred procedure calls, mutexes, semaphores, and waiting for several objects at once.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::driver::{Filter, NON_PAGED, TAG, allocate, free, nt, pointer, status};
use super::{Machine, configured};
use crate::abi::{Ptr, Shared};
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::{Config, Schedule, Windows};

/// A driver that does this in `DriverEntry`.
macro_rules! entry {
    ($body:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            $body;
            Filter::default().start(driver)
        }
        entry
    }};
}

/// Runs a driver in all three schedules: it breaks no rule and leaves nothing behind.
macro_rules! in_all_schedules {
    ($body:expr) => {
        for schedule in [Schedule::Fixed, Schedule::Seeded(3), Schedule::Threads] {
            let (sim, ..) = configured(Config::new(Windows::Win11_24H2).schedule(schedule));
            let driver = sim.load_native(pointer(entry!($body)), "test").expect("it loads");
            assert_eq!(sim.violations(), [], "{schedule:?}");
            assert!(sim.unload(&driver).expect("it unloads").is_clean(), "{schedule:?}");
        }
    };
}

/// Milliseconds from now, as a timeout.
fn milliseconds(count: i64) -> Shared<i64> {
    Shared::new(-count * 10_000)
}

/// The same as an argument.
fn due_in(count: i64) -> usize {
    usize::from_ne_bytes(milliseconds(count).get().to_ne_bytes())
}

fn wait(object: Ptr, timeout: &Shared<i64>) -> NtStatus {
    status("KeWaitForSingleObject", &[object.address(), 0, 0, 0, timeout.ptr().address()])
}

extern "win64" fn count_call(_dpc: usize, counter: usize, _first: usize, _second: usize) {
    assert_eq!(nt("KeGetCurrentIrql", &[]) & 0xFF, 2);
    counter_at(counter).fetch_add(1, Ordering::Relaxed);
}

fn counter_at(address: usize) -> &'static AtomicUsize {
    Ptr::<usize>::at(address).atomic_word()
}

fn routine(function: extern "win64" fn(usize, usize, usize, usize)) -> usize {
    (function as *const ()).expose_provenance()
}

#[test]
fn a_timer_expires_at_its_time_and_calls_its_procedure() {
    in_all_schedules!({
        let memory = allocate(NON_PAGED, 256);
        let (timer, dpc, counter) =
            (memory.byte_offset(0), memory.byte_offset::<u8>(64), memory.byte_offset::<u8>(128));
        let timer: Ptr = timer;
        nt("KeInitializeTimer", &[timer.address()]);
        nt("KeInitializeDpc", &[dpc.address(), routine(count_call), counter.address()]);
        let before = nt("KeQueryInterruptTime", &[]);
        let due = due_in(30);
        assert_eq!(nt("KeSetTimer", &[timer.address(), due, dpc.address()]) & 0xFF, 0);
        assert_eq!(nt("KeSetTimer", &[timer.address(), due, dpc.address()]) & 0xFF, 1);
        assert_eq!(nt("KeReadStateTimer", &[timer.address()]) & 0xFF, 0);
        assert_eq!(wait(timer, &milliseconds(10)), NtStatus::TIMEOUT);
        assert_eq!(wait(timer, &milliseconds(100)), NtStatus::SUCCESS);
        assert_eq!(nt("KeQueryInterruptTime", &[]) - before, 300_000);
        nt("KeFlushQueuedDpcs", &[]);
        assert_eq!(counter_at(counter.address()).load(Ordering::Relaxed), 1);
        assert_eq!(nt("KeReadStateTimer", &[timer.address()]) & 0xFF, 1);
        assert_eq!(nt("KeCancelTimer", &[timer.address()]) & 0xFF, 0);
        free(memory, TAG);
    });
}

#[test]
fn a_periodic_timer_expires_until_it_is_cancelled() {
    in_all_schedules!({
        let memory = allocate(NON_PAGED, 256);
        let (timer, dpc, counter) = (memory.address(), memory.address() + 64, memory.address() + 128);
        nt("KeInitializeTimerEx", &[timer, 1]);
        nt("KeInitializeDpc", &[dpc, routine(count_call), counter]);
        let due = due_in(5);
        nt("KeSetTimerEx", &[timer, due, 10, dpc]);
        let delay = milliseconds(38);
        nt("KeDelayExecutionThread", &[0, 0, delay.ptr().address()]);
        assert_eq!(nt("KeCancelTimer", &[timer]) & 0xFF, 1);
        nt("KeFlushQueuedDpcs", &[]);
        assert_eq!(counter_at(counter).load(Ordering::Relaxed), 4);
        free(memory, TAG);
    });
}

#[test]
fn a_timer_of_the_executive_calls_back() {
    extern "win64" fn callback(_timer: usize, counter: usize, _: usize, _: usize) {
        counter_at(counter).fetch_add(1, Ordering::Relaxed);
    }
    in_all_schedules!({
        let counter = allocate(NON_PAGED, 8);
        let timer = nt("ExAllocateTimer", &[routine(callback), counter.address(), 0]);
        let due = due_in(1);
        nt("ExSetTimer", &[timer, due, 0, 0]);
        assert_eq!(wait(Ptr::at(timer), &milliseconds(10)), NtStatus::SUCCESS);
        nt("ExSetTimer", &[timer, due, 0, 0]);
        assert_eq!(nt("ExDeleteTimer", &[timer, 1, 1, 0]) & 0xFF, 1);
        assert_eq!(counter_at(counter.address()).load(Ordering::Relaxed), 1);
        free(counter, TAG);
    });
}

#[test]
fn a_mutex_is_its_owner_s_alone() {
    in_all_schedules!({
        let mutex = allocate(NON_PAGED, 64);
        nt("KeInitializeMutex", &[mutex.address(), 0]);
        let none = Shared::new(0i64);
        for _ in 0..2 {
            assert_eq!(wait(mutex.cast(), &none), NtStatus::SUCCESS);
        }
        assert_eq!(status("KeReadStateMutex", &[mutex.address()]).0, u32::MAX);
        assert_eq!(nt("KeAreApcsDisabled", &[]) & 0xFF, 1);
        assert_eq!(status("KeReleaseMutex", &[mutex.address(), 0]).0, u32::MAX);
        assert_eq!(status("KeReleaseMutex", &[mutex.address(), 0]).0, 0);
        assert_eq!(status("KeReadStateMutex", &[mutex.address()]).0, 1);
        free(mutex, TAG);
    });
}

#[test]
fn a_semaphore_lets_in_as_many_as_it_counts() {
    in_all_schedules!({
        let semaphore = allocate(NON_PAGED, 32);
        nt("KeInitializeSemaphore", &[semaphore.address(), 1, 3]);
        let none = Shared::new(0i64);
        assert_eq!(wait(semaphore.cast(), &none), NtStatus::SUCCESS);
        assert_eq!(wait(semaphore.cast(), &none), NtStatus::TIMEOUT);
        assert_eq!(status("KeReleaseSemaphore", &[semaphore.address(), 0, 2, 0]).0, 0);
        assert_eq!(status("KeReadStateSemaphore", &[semaphore.address()]).0, 2);
        free(semaphore, TAG);
    });
}

#[test]
fn one_waits_for_any_or_all_of_several() {
    const WAIT_ALL: usize = 0;
    const WAIT_ANY: usize = 1;
    in_all_schedules!({
        let memory = allocate(NON_PAGED, 256);
        let (event, timer) = (memory.address(), memory.address() + 64);
        nt("KeInitializeEvent", &[event, 1, 0]);
        nt("KeInitializeTimer", &[timer]);
        let objects = Shared::new([event, timer]);
        let wait = |wait_type, timeout: &Shared<i64>| {
            let arguments = [2, objects.ptr().address(), wait_type, 0, 0, 0, timeout.ptr().address(), 0];
            status("KeWaitForMultipleObjects", &arguments)
        };
        assert_eq!(wait(WAIT_ANY, &milliseconds(1)), NtStatus::TIMEOUT);
        let due = due_in(5);
        nt("KeSetTimer", &[timer, due, 0]);
        assert_eq!(wait(WAIT_ALL, &milliseconds(10)), NtStatus::TIMEOUT);
        assert_eq!(wait(WAIT_ANY, &milliseconds(10)), NtStatus(1));
        nt("KeSetEvent", &[event, 0, 0]);
        assert_eq!(wait(WAIT_ALL, &milliseconds(10)), NtStatus(0));
        assert_eq!(status("KeReadStateEvent", &[event]).0, 0);
        free(memory, TAG);
    });
}

#[test]
fn run_down_protection_ends() {
    in_all_schedules!({
        let rundown = allocate(NON_PAGED, 8);
        nt("ExInitializeRundownProtection", &[rundown.address()]);
        assert_eq!(nt("ExAcquireRundownProtection", &[rundown.address()]) & 0xFF, 1);
        nt("ExReleaseRundownProtection", &[rundown.address()]);
        nt("ExWaitForRundownProtectionRelease", &[rundown.address()]);
        assert_eq!(nt("ExAcquireRundownProtection", &[rundown.address()]) & 0xFF, 0);
        free(rundown, TAG);
    });
}

/// A driver that breaks this rule in `DriverEntry`, once.
macro_rules! offender {
    ($name:ident, $rule:ident, $body:expr) => {
        #[test]
        fn $name() {
            Machine::new(entry!($body)).expect_violation(Rule::$rule, "test DriverEntry");
        }
    };
}

offender!(a_mutex_released_by_another_is_reported, PushLock, {
    let mutex = allocate(NON_PAGED, 64);
    nt("KeInitializeMutex", &[mutex.address(), 0]);
    nt("KeReleaseMutex", &[mutex.address(), 0]);
    free(mutex, TAG);
});
offender!(a_semaphore_beyond_its_limit_is_reported, InvalidParameter, {
    let semaphore = allocate(NON_PAGED, 32);
    nt("KeInitializeSemaphore", &[semaphore.address(), 1, 1]);
    nt("KeReleaseSemaphore", &[semaphore.address(), 0, 1, 0]);
    free(semaphore, TAG);
});
offender!(a_timer_never_initialized_is_reported, InvalidParameter, {
    let timer = allocate(NON_PAGED, 64);
    nt("KeCancelTimer", &[timer.address()]);
    free(timer, TAG);
});
offender!(four_objects_without_wait_blocks_are_reported, InvalidParameter, {
    nt("KeWaitForMultipleObjects", &[4, 0x1000, 1, 0, 0, 0, 0, 0]);
});
offender!(run_down_protection_released_too_often_is_reported, ObjectReference, {
    let rundown = allocate(NON_PAGED, 8);
    nt("ExInitializeRundownProtection", &[rundown.address()]);
    nt("ExReleaseRundownProtection", &[rundown.address()]);
    free(rundown, TAG);
});
offender!(a_work_item_freed_twice_is_reported, ObjectReference, {
    let item = nt("IoAllocateWorkItem", &[0x1000]);
    nt("IoFreeWorkItem", &[item]);
    nt("IoFreeWorkItem", &[item]);
});

#[test]
fn a_timer_freed_while_it_is_set_is_reported() {
    let machine = Machine::new(entry!({
        let timer = allocate(NON_PAGED, 64);
        nt("KeInitializeTimer", &[timer.address()]);
        nt("KeSetTimer", &[timer.address(), due_in(5), 0]);
        free(timer, TAG);
    }));
    machine.sim.advance(Duration::from_millis(10));
    machine.expect_violation(Rule::Pool, "test deferred procedure call");
}

#[test]
fn a_timer_left_set_is_reported() {
    thread_local! {
        static KEPT: Cell<usize> = const { Cell::new(0) };
    }
    let machine = Machine::new(entry!({
        KEPT.set(nt("ExAllocateTimer", &[0, 0, 0]));
        nt("ExSetTimer", &[KEPT.get(), due_in(50_000), 0, 0]);
    }));
    let report = machine.sim.unload(&machine.driver).expect("it unloads");
    let leaks: Vec<_> = report.leaks.iter().map(ToString::to_string).collect();
    assert_eq!(leaks, ["1 × timer still set", "1 × timer not deleted"]);
}
