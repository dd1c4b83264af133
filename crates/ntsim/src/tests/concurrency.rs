//! Schedules: the order that a seed draws, and threads that run at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::Machine;
use super::driver::{
    self, CONTEXT_BYTES, Filter, NON_PAGED, NON_PAGED_POOL_NX, Post, Pre, STREAM_CONTEXT, TAG, allocate,
    free, nt, status, target,
};
use crate::abi::{CallbackData, Ptr, RelatedObjects, Shared};
use crate::sim::{
    Config, CreateSpec, Handle, Major, ProcessSpec, Schedule, Setting, Sim, Thread, VolumeSpec, WriteSpec,
};
use crate::status::NtStatus;
use crate::windows::Windows;

/// Threads of the harness that act at once, and what each does.
const LANES: u32 = 4;
const ROUNDS: u32 = 300;
const KEEP: usize = 1;

/// What the drivers' callbacks share is global, since they run on many threads; tests take turns.
static TURN: Mutex<()> = Mutex::new(());
static CALLS: AtomicUsize = AtomicUsize::new(0);
static GONE: AtomicBool = AtomicBool::new(false);

extern "win64" fn pass(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    driver::SUCCESS_WITH_CALLBACK
}

extern "win64" fn count(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    assert!(!GONE.load(Ordering::Acquire), "a callback after the unload");
    CALLS.fetch_add(1, Ordering::Relaxed);
    driver::SUCCESS_NO_CALLBACK
}

/// Several create the same stream's context at once: one is kept, and all find it.
extern "win64" fn attach(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
    let filter = objects.read().filter.address();
    let (instance, file) = target(objects);
    let new = Shared::new(0usize);
    let arguments = [filter, STREAM_CONTEXT.into(), CONTEXT_BYTES, NON_PAGED_POOL_NX, new.ptr().address()];
    if status("FltAllocateContext", &arguments) == NtStatus::SUCCESS {
        let set = status("FltSetStreamContext", &[instance, file.address(), KEEP, new.get(), 0]);
        let expected =
            [NtStatus::SUCCESS, NtStatus::FLT_CONTEXT_ALREADY_DEFINED, NtStatus::FLT_DELETING_OBJECT];
        assert!(expected.contains(&set), "{set}");
        nt("FltReleaseContext", &[new.get()]);
    }
    let found = Shared::new(0usize);
    if status("FltGetStreamContext", &[instance, file.address(), found.ptr().address()]) == NtStatus::SUCCESS
    {
        nt("FltReleaseContext", &[found.get()]);
    }
    0
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    CALLS.store(0, Ordering::Relaxed);
    GONE.store(false, Ordering::Release);
    Filter::default()
        .on(Major::Create, pass as Pre, Some(attach as Post))
        .on(Major::Write, count as Pre, None)
        .start(driver)
}

fn threads() -> Config {
    Config::new(Windows::Win11_24H2).schedule(Schedule::Threads)
}

/// What one thread of the harness does: opens, writes and closes, files that all share.
fn work(sim: &Sim, lane: u32) {
    let process =
        sim.add_process(ProcessSpec::new(r"C:\lane.exe").pid(5000 + 8 * lane)).expect("its own PID");
    let thread = sim.add_thread(process, None).expect("a TID is free");
    for round in 0..ROUNDS {
        let path = format!(r"C:\shared{}", round % 3);
        let handle = sim.create(thread, &CreateSpec::new(&path)).expect("it can be opened");
        sim.write(thread, handle, &WriteSpec::at(i64::from(round), 8)).expect("it can be written");
        sim.close(thread, handle).expect("it is open");
    }
    sim.exit_process(process).expect("it lives");
}

#[test]
fn several_threads_act_on_the_machine_at_once() {
    let _turn = TURN.lock();
    let machine = Machine::with(threads(), entry);
    thread::scope(|scope| {
        for lane in 0..LANES {
            let sim = machine.sim.clone();
            scope.spawn(move || work(&sim, lane));
        }
    });
    assert!(CALLS.load(Ordering::Relaxed) >= (LANES * ROUNDS) as usize, "each write was seen");
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_driver_is_unloaded_while_others_write_and_no_callback_comes_afterwards() {
    let _turn = TURN.lock();
    let machine = Machine::with(threads(), entry);
    thread::scope(|scope| {
        for lane in 0..LANES {
            let sim = machine.sim.clone();
            scope.spawn(move || work(&sim, lane));
        }
        while CALLS.load(Ordering::Relaxed) < 10 {
            thread::yield_now();
        }
        machine.unload_cleanly();
        GONE.store(true, Ordering::Release);
    });
    machine.expect_no_violation();
}

extern "win64" fn pass_a_critical_region(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    nt("KeEnterCriticalRegion", &[]);
    thread::yield_now();
    nt("KeLeaveCriticalRegion", &[]);
    driver::SUCCESS_NO_CALLBACK
}

extern "win64" fn entry_with_critical_region(driver: usize, _: usize) -> u32 {
    Filter::default().on(Major::Write, pass_a_critical_region as Pre, None).start(driver)
}

/// Writes of System were once made as one thread by all who named it, and broke rule 11 in the driver's name.
#[test]
fn several_write_as_system_and_each_in_a_worker_of_its_own() {
    let _turn = TURN.lock();
    let machine = Machine::with(threads(), entry_with_critical_region);
    thread::scope(|scope| {
        for lane in 0..LANES {
            let sim = machine.sim.clone();
            scope.spawn(move || {
                let system = sim.system_thread();
                let handle =
                    sim.create(system, &CreateSpec::new(&format!(r"C:\log{lane}"))).expect("it opens");
                for round in 0..ROUNDS {
                    let spec = WriteSpec::at(i64::from(round), 8);
                    sim.write(system, handle, &spec).expect("it can be written");
                }
            });
        }
    });
    machine.unload_cleanly();
    machine.expect_no_violation();
}

/// A context's cleanup has begun, and has ended.
static CLEANING: AtomicBool = AtomicBool::new(false);
static CLEANED: AtomicBool = AtomicBool::new(false);

extern "win64" fn clean_up_slowly(_: Ptr, _: u16) {
    /// Long enough for an unload that does not wait.
    const WHILE_OTHERS_UNLOAD: Duration = Duration::from_millis(50);
    CLEANING.store(true, Ordering::Release);
    thread::sleep(WHILE_OTHERS_UNLOAD);
    CLEANED.store(true, Ordering::Release);
}

extern "win64" fn entry_with_slow_cleanup(driver: usize, _: usize) -> u32 {
    CLEANING.store(false, Ordering::Release);
    CLEANED.store(false, Ordering::Release);
    Filter::default()
        .on(Major::Create, pass as Pre, Some(attach as Post))
        .cleaning_up(clean_up_slowly)
        .start(driver)
}

/// Once in millions of operations a driver's context was cleaned up after the driver had gone.
#[test]
fn an_unload_waits_for_a_context_that_a_closing_file_has_let_go_of() {
    let _turn = TURN.lock();
    let machine = Machine::with(threads(), entry_with_slow_cleanup);
    let handle = machine.open(r"C:\a");
    thread::scope(|scope| {
        let (sim, thread) = (machine.sim.clone(), machine.thread);
        scope.spawn(move || sim.close(thread, handle).expect("it is open"));
        while !CLEANING.load(Ordering::Acquire) {
            thread::yield_now();
        }
        machine.unload_cleanly();
        assert!(CLEANED.load(Ordering::Acquire), "the driver was gone before its cleanup callback returned");
    });
    machine.expect_no_violation();
}

#[test]
fn volumes_arrive_while_a_driver_starts_and_each_is_attached_to_once() {
    let _turn = TURN.lock();
    let sim = Sim::new(threads());
    let driver = thread::scope(|scope| {
        let other = sim.clone();
        scope.spawn(move || {
            for number in 0..20 {
                let spec = VolumeSpec::new(&format!(r"\Device\HarddiskVolume{number}"));
                other.add_volume(spec).expect("the name is free");
            }
        });
        sim.load_native(driver::pointer(entry), "test").expect("it loads")
    });
    for volume in sim.volumes() {
        assert!(sim.is_attached(&driver, volume.volume), "{:?}", volume.spec);
    }
    assert!(sim.unload(&driver).expect("it unloads").is_clean());
    assert_eq!(sim.violations(), []);
}

/// The event that a driver's thread waits for, and what came of it.
static EVENT: AtomicUsize = AtomicUsize::new(0);
static TIMEOUTS: AtomicUsize = AtomicUsize::new(0);
static STOP: AtomicBool = AtomicBool::new(false);
static HANDLE: AtomicUsize = AtomicUsize::new(0);

/// Waits a second at a time until it is told to stop.
extern "win64" fn wait_each_second(_: usize) {
    while !STOP.load(Ordering::Acquire) {
        let timeout = Shared::new(-10_000_000i64);
        let event = EVENT.load(Ordering::Acquire);
        if status("KeWaitForSingleObject", &[event, 0, 0, 0, timeout.ptr().address()]) == NtStatus::TIMEOUT {
            TIMEOUTS.fetch_add(1, Ordering::AcqRel);
        }
    }
    nt("PsTerminateSystemThread", &[0]);
}

extern "win64" fn entry_with_thread(driver: usize, _: usize) -> u32 {
    let event = allocate(NON_PAGED, 24).address();
    nt("KeInitializeEvent", &[event, 1, 0]);
    EVENT.store(event, Ordering::Release);
    STOP.store(false, Ordering::Release);
    TIMEOUTS.store(0, Ordering::Release);
    HANDLE.store(driver::start_thread(wait_each_second, 0), Ordering::Release);
    Filter::default().unload(stop_thread).start(driver)
}

extern "win64" fn stop_thread(_: u32) -> u32 {
    STOP.store(true, Ordering::Release);
    nt("KeSetEvent", &[EVENT.load(Ordering::Acquire), 0, 0]);
    let handle = HANDLE.load(Ordering::Acquire);
    assert_eq!(status("ZwWaitForSingleObject", &[handle, 0, 0]), NtStatus::SUCCESS);
    assert_eq!(status("ZwClose", &[handle]), NtStatus::SUCCESS);
    free(Ptr::at(EVENT.load(Ordering::Acquire)), TAG);
    driver::unregister(0)
}

#[test]
fn an_idle_machine_keeps_its_time_and_a_timeout_comes_when_time_is_let_pass() {
    let _turn = TURN.lock();
    let machine = Machine::with(threads(), entry_with_thread);
    machine.sim.settle();
    assert_eq!(TIMEOUTS.load(Ordering::Acquire), 0, "nobody let time pass");
    machine.sim.advance(Duration::from_millis(2500));
    assert_eq!(TIMEOUTS.load(Ordering::Acquire), 2);
    let before = machine.sim.time();
    machine.unload_cleanly();
    assert_eq!(machine.sim.time(), before, "the thread was woken, and nothing had to time out");
    machine.expect_no_violation();
}

extern "win64" fn entry_that_waits_for_ever(_: usize, _: usize) -> u32 {
    let event = allocate(NON_PAGED, 24).address();
    nt("KeInitializeEvent", &[event, 1, 0]);
    nt("KeWaitForSingleObject", &[event, 0, 0, 0, 0]);
    0
}

#[test]
#[should_panic(expected = "every thread waits for ever")]
fn a_deadlock_is_told_and_not_waited_out() {
    let sim = Sim::new(threads());
    let _ = sim.load_native(driver::pointer(entry_that_waits_for_ever), "test");
}

/// The order in which two threads of a driver ran.
static LOG: Mutex<Vec<usize>> = Mutex::new(Vec::new());

extern "win64" fn log_and_end(number: usize) {
    for _ in 0..8 {
        LOG.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(number);
        nt("KeGetCurrentIrql", &[]);
    }
    nt("PsTerminateSystemThread", &[0]);
}

extern "win64" fn entry_with_loggers(driver: usize, _: usize) -> u32 {
    for number in 0..3 {
        let handle = driver::start_thread(log_and_end, number);
        assert_eq!(status("ZwClose", &[handle]), NtStatus::SUCCESS);
    }
    Filter::default().start(driver)
}

fn order(schedule: Schedule) -> Vec<usize> {
    LOG.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
    let config = Config::new(Windows::Win11_24H2).schedule(schedule);
    let machine = Machine::with(config, entry_with_loggers);
    machine.sim.settle();
    machine.unload_cleanly();
    machine.expect_no_violation();
    LOG.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
}

#[test]
fn a_seed_determines_the_order() {
    let _turn = TURN.lock();
    let fixed = order(Schedule::Fixed);
    assert!(fixed.is_sorted(), "one after the other: {fixed:?}");
    let orders: Vec<_> = (0..6).map(|seed| order(Schedule::Seeded(seed))).collect();
    for (seed, first) in orders.iter().enumerate() {
        assert_eq!(order(Schedule::Seeded(seed as u64)), *first, "seed {seed} again");
    }
    assert!(orders.iter().any(|order| !order.is_sorted()), "a thread loses its turn in a routine");
    assert!(orders.iter().any(|order| *order != orders[0]), "another seed, another order");
}

/// Seen once in some million operations: a write of part of a page failed with `STATUS_END_OF_FILE`, for another thread had
/// truncated the file while the rest of the page was read.
#[test]
fn a_file_may_be_truncated_while_a_page_of_it_is_read() {
    const BYTES: u32 = 1 << 16;
    let _turn = TURN.lock();
    let machine = Machine::with(threads(), entry);
    let lane = |number: u32, act: &dyn Fn(Thread, Handle)| {
        let spec = ProcessSpec::new(r"C:\lane.exe").pid(5000 + 8 * number);
        let process = machine.sim.add_process(spec).expect("its own PID");
        let thread = machine.sim.add_thread(process, None).expect("a TID is free");
        let handle = machine.sim.create(thread, &CreateSpec::new(r"C:\shared")).expect("it can be opened");
        (0..10 * ROUNDS).for_each(|_| act(thread, handle));
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            lane(0, &|thread, handle| {
                let whole = WriteSpec { non_cached: true, ..WriteSpec::at(0, BYTES) };
                machine.sim.write(thread, handle, &whole).expect("it can be written");
                machine
                    .sim
                    .set_information(thread, handle, Setting::EndOfFile(0))
                    .expect("it can be truncated");
            });
        });
        lane(1, &|thread, handle| {
            machine.sim.write(thread, handle, &WriteSpec::at(30_001, 8)).expect("it can be written");
        });
    });
    machine.expect_no_violation();
}
