//! A driver's threads: the baton, events, timeouts in virtual time.

use std::sync::Mutex;
use std::time::Duration;

use super::Machine;
use super::driver::{self, Filter, NON_PAGED, TAG, allocate, free, nt, status};
use crate::abi::{ObjectAttributes, Ptr, Shared, SharedText};
use crate::sim::PortReply;
use crate::status::NtStatus;
use crate::verifier::Rule;

const SYNCHRONIZATION: usize = 1;
/// The work of each test's thread happens on another OS thread, so that what they share is global; tests take turns.
static TURN: Mutex<()> = Mutex::new(());
static SHARED: Mutex<State> = Mutex::new(State::new());

struct State {
    event: usize,
    handle: usize,
    lock: usize,
    filter: usize,
    port: usize,
    log: Vec<NtStatus>,
}

impl State {
    const fn new() -> Self {
        Self { event: 0, handle: 0, lock: 0, filter: 0, port: 0, log: Vec::new() }
    }
}

fn shared() -> std::sync::MutexGuard<'static, State> {
    SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn start_thread(start: extern "win64" fn(usize)) {
    shared().handle = driver::start_thread(start, 0);
}

fn wait(event: usize, timeout: Option<i64>) -> NtStatus {
    let timeout = timeout.map(Shared::new);
    let timeout = timeout.as_ref().map_or(0, |timeout| timeout.ptr().address());
    status("KeWaitForSingleObject", &[event, 0, 0, 0, timeout])
}

fn set(event: usize) {
    nt("KeSetEvent", &[event, 0, 0]);
}

fn new_event() -> usize {
    let event = allocate(NON_PAGED, 24).address();
    nt("KeInitializeEvent", &[event, SYNCHRONIZATION, 0]);
    shared().event = event;
    event
}

/// Waits for the event up to a second, thrice, and ends.
extern "win64" fn wait_thrice(_: usize) {
    let event = shared().event;
    for _ in 0..3 {
        let result = wait(event, Some(-10_000_000));
        shared().log.push(result);
    }
    nt("PsTerminateSystemThread", &[0]);
    unreachable!("the thread has ended");
}

fn join() {
    let handle = shared().handle;
    assert_eq!(status("ZwWaitForSingleObject", &[handle, 0, 0]), NtStatus::SUCCESS);
    assert_eq!(status("ZwClose", &[handle]), NtStatus::SUCCESS);
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    *shared() = State::new();
    set(new_event());
    start_thread(wait_thrice);
    assert!(shared().log.is_empty(), "a thread does not run before the end of the operation");
    Filter::default().unload(unload).start(driver)
}

extern "win64" fn unload(_: u32) -> u32 {
    join();
    free(Ptr::at(shared().event), TAG);
    super::driver::unregister(0)
}

#[test]
fn a_thread_waits_in_virtual_time() {
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    assert_eq!(shared().log, [NtStatus::SUCCESS], "the event had been set, and was reset by the wait");
    machine.sim.advance(Duration::from_millis(999));
    assert_eq!(shared().log.len(), 1);
    machine.sim.advance(Duration::from_millis(1));
    assert_eq!(shared().log, [NtStatus::SUCCESS, NtStatus::TIMEOUT]);
    machine.sim.advance(Duration::from_secs(10));
    assert_eq!(shared().log, [NtStatus::SUCCESS, NtStatus::TIMEOUT, NtStatus::TIMEOUT]);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

/// For the test of what is counted: a thread begins while calls are metered, and ends itself.
pub(super) fn with_a_thread_that_ends_itself(metering: crate::Metering) {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        *shared() = State::new();
        set(new_event());
        Filter::default().unload(start_and_unload).start(driver)
    }
    extern "win64" fn start_and_unload(flags: u32) -> u32 {
        start_thread(wait_thrice);
        unload(flags)
    }
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    machine.sim.set_metering(metering);
    machine.unload_cleanly();
    machine.expect_no_violation();
    assert_eq!(shared().log.len(), 3);
}

#[test]
fn an_unload_that_waits_lets_time_pass() {
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    let before = machine.sim.time();
    machine.unload_cleanly();
    assert_eq!(machine.sim.time() - before, 20_000_000, "two timeouts of a second each");
    machine.expect_no_violation();
}

#[test]
fn a_thread_that_is_not_joined_is_a_leak() {
    extern "win64" fn unload(_: u32) -> u32 {
        assert_eq!(status("ZwClose", &[shared().handle]), NtStatus::SUCCESS);
        super::driver::unregister(0)
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        *shared() = State::new();
        new_event();
        start_thread(wait_thrice);
        Filter::default().unload(unload).start(driver)
    }
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    let report = machine.sim.unload(&machine.driver).expect("the driver unloads");
    let leaks: Vec<_> = report.leaks.iter().map(|leak| leak.what).collect();
    assert_eq!(leaks, ["pool block", "thread"]);
    assert_eq!(machine.broken(), [Rule::Leak, Rule::AfterUnload]);
}

#[test]
fn a_wait_that_nothing_can_end_is_a_deadlock() {
    extern "win64" fn entry(_: usize, _: usize) -> u32 {
        wait(new_event(), None);
        0
    }
    let _turn = TURN.lock();
    let (sim, ..) = super::machine_without_driver(crate::Windows::Win10_2004);
    let load = std::panic::AssertUnwindSafe(|| sim.load_native(super::driver::pointer(entry), "test"));
    let panic = std::panic::catch_unwind(load).expect_err("the simulation ends");
    let message = panic.downcast_ref::<String>().expect("it ends with a message");
    assert!(message.contains("every thread waits for ever"), "{message}");
}

#[test]
fn waiting_at_dispatch_level_is_reported() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let event = new_event();
        set(event);
        nt("KeRaiseIrqlToDpcLevel", &[]);
        assert_eq!(wait(event, Some(0)), NtStatus::SUCCESS, "a look is allowed");
        wait(event, Some(-1));
        nt("KeLowerIrql", &[0]);
        free(Ptr::at(event), TAG);
        Filter::default().start(driver)
    }
    let _turn = TURN.lock();
    Machine::new(entry).expect_violation(Rule::Wait, "test DriverEntry");
}

#[test]
fn ending_a_thread_that_is_not_the_driver_s_is_reported() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        assert_eq!(status("PsTerminateSystemThread", &[0]), NtStatus::INVALID_PARAMETER);
        Filter::default().start(driver)
    }
    Machine::new(entry).expect_violation(Rule::InvalidParameter, "test DriverEntry");
}

#[test]
fn a_push_lock_held_by_another_thread_is_waited_for() {
    extern "win64" fn hold(_: usize) {
        let State { lock, event, .. } = *shared();
        nt("FltAcquirePushLockExclusive", &[lock]);
        wait(event, Some(-10_000_000));
        nt("FltReleasePushLock", &[lock]);
        nt("PsTerminateSystemThread", &[0]);
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        *shared() = State::new();
        new_event();
        let lock = allocate(NON_PAGED, 8).address();
        nt("FltInitializePushLock", &[lock]);
        shared().lock = lock;
        start_thread(hold);
        Filter::default().unload(unload).start(driver)
    }
    extern "win64" fn unload(_: u32) -> u32 {
        let lock = shared().lock;
        nt("FltAcquirePushLockShared", &[lock]);
        nt("FltReleasePushLock", &[lock]);
        nt("FltDeletePushLock", &[lock]);
        free(Ptr::at(lock), TAG);
        join();
        free(Ptr::at(shared().event), TAG);
        super::driver::unregister(0)
    }
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    let before = machine.sim.time();
    machine.unload_cleanly();
    assert_eq!(machine.sim.time() - before, 10_000_000, "the lock was free after a second");
    machine.expect_no_violation();
}

#[test]
fn a_message_that_waits_for_its_reply_ends_with_the_connection() {
    const NAME: &str = r"\ThreadPort";
    extern "win64" fn connect(port: usize, _: usize, _: usize, _: u32, _: usize) -> u32 {
        Ptr::at(shared().port).write(port);
        set(shared().event);
        0
    }
    extern "win64" fn disconnect(_: usize) {
        let State { filter, port, .. } = *shared();
        nt("FltCloseClientPort", &[filter, port]);
    }
    extern "win64" fn send(_: usize) {
        let State { filter, port, event, .. } = *shared();
        wait(event, None);
        let reply = Shared::new(0u64);
        let bytes = Shared::new(8u32);
        let arguments =
            [filter, port, reply.ptr().address(), 8, reply.ptr().address(), bytes.ptr().address(), 0];
        let result = status("FltSendMessage", &arguments);
        shared().log.push(result);
        nt("PsTerminateSystemThread", &[0]);
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        *shared() = State::new();
        Filter::default().start(driver);
        let filter = super::driver::FILTER.get().address();
        let name = SharedText::new(NAME);
        let descriptor = Shared::new(name.descriptor());
        let attributes = Shared::new(ObjectAttributes {
            length: 48,
            root_directory: Ptr::NULL,
            object_name: descriptor.ptr(),
            attributes: 0x200,
            security_descriptor: Ptr::NULL,
            security_quality_of_service: Ptr::NULL,
        });
        let server = Shared::new(0usize);
        let callbacks = (connect as *const () as usize, disconnect as *const () as usize);
        let arguments =
            [filter, server.ptr().address(), attributes.ptr().address(), 0, callbacks.0, callbacks.1, 0, 1];
        assert_eq!(status("FltCreateCommunicationPort", &arguments), NtStatus::SUCCESS);
        new_event();
        shared().filter = filter;
        shared().port = allocate(NON_PAGED, 8).address();
        start_thread(send);
        0
    }
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    let consumer = machine.sim.system();
    let connection = machine
        .sim
        .connect(NAME, consumer, b"", Box::new(|_| PortReply::Silent))
        .expect("nobody is connected");
    assert!(shared().log.is_empty(), "without a timeout the driver waits");
    machine.sim.advance(Duration::from_secs(1000));
    assert!(shared().log.is_empty());
    connection.disconnect();
    assert_eq!(shared().log, [NtStatus::PORT_DISCONNECTED]);
    machine.expect_no_violation();
}
