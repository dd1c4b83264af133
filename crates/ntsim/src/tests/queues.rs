//! Callback data queues.

use std::sync::Mutex;

use super::Machine;
use super::driver::{Filter, SUCCESS_NO_CALLBACK, nt, status};
use crate::abi::{CallbackData, Ptr, RelatedObjects};
use crate::sim::{CreateOptions, CreateSpec, Major, Notice, WriteSpec};
use crate::status::NtStatus;
use crate::verifier::Rule;

type Data = Ptr<CallbackData>;

const PENDING: u32 = 2;
const DELAYED_WORK_QUEUE: usize = 1;
/// Where the queue is, as a driver's own structure would be.
static QUEUE: u64 = 0;
static QUEUED: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static CALLS: Mutex<Vec<&str>> = Mutex::new(Vec::new());
/// Tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn queue() -> usize {
    (&raw const QUEUE).expose_provenance()
}

fn call(name: &'static str) {
    CALLS.lock().unwrap().push(name);
}

extern "win64" fn insert(_: usize, data: usize, _: usize) -> u32 {
    call("insert");
    QUEUED.lock().unwrap().push(data);
    0
}

extern "win64" fn remove(_: usize, data: usize) {
    call("remove");
    QUEUED.lock().unwrap().retain(|queued| *queued != data);
}

extern "win64" fn peek(_: usize, _: usize, _: usize) -> usize {
    call("peek");
    QUEUED.lock().unwrap().first().copied().unwrap_or(0)
}

extern "win64" fn acquire(_: usize, irql: Ptr<u8>) {
    call("acquire");
    irql.write(u8::try_from(nt("KeRaiseIrqlToDpcLevel", &[]) & 0xFF).unwrap());
}

extern "win64" fn release(_: usize, irql: usize) {
    call("release");
    nt("KeLowerIrql", &[irql & 0xFF]);
}

extern "win64" fn cancelled(_: usize, data: usize) {
    const COMPLETE: usize = 4;
    call("cancelled");
    let place = Data::at(data).byte_offset::<u32>(std::mem::offset_of!(CallbackData, io_status));
    place.write(NtStatus::CANCELLED.0);
    nt("FltCompletePendedPreOperation", &[data, COMPLETE, 0]);
}

extern "win64" fn setup(objects: usize, _: u32, _: u32, _: u32) -> u32 {
    let objects = Ptr::<RelatedObjects>::at(objects);
    let routines = [
        insert as *const () as usize,
        remove as *const () as usize,
        peek as *const () as usize,
        acquire as *const () as usize,
        release as *const () as usize,
        cancelled as *const () as usize,
    ];
    let mut arguments = vec![objects.read().instance.address(), queue()];
    arguments.extend(routines);
    status("FltCbdqInitialize", &arguments).0
}

extern "win64" fn work(item: usize, _: usize, _: usize) {
    nt("FltFreeGenericWorkItem", &[item]);
    let data = nt("FltCbdqRemoveNextIo", &[queue(), 0]);
    assert_ne!(data, 0);
    nt("FltCompletePendedPreOperation", &[data, SUCCESS_NO_CALLBACK as usize, 0]);
    assert_eq!(nt("FltCbdqRemoveNextIo", &[queue(), 0]), 0, "it is empty");
}

extern "win64" fn pre(data: Data, objects: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    match status("FltCbdqInsertIo", &[queue(), data.address(), 0, 0]) {
        NtStatus::SUCCESS => {}
        NtStatus::FLT_CBDQ_DISABLED => return SUCCESS_NO_CALLBACK,
        other => panic!("{other}"),
    }
    let item = nt("FltAllocateGenericWorkItem", &[]);
    let instance = objects.read().instance.address();
    let arguments = [item, instance, work as *const () as usize, DELAYED_WORK_QUEUE, 0];
    assert_eq!(status("FltQueueGenericWorkItem", &arguments), NtStatus::SUCCESS);
    PENDING
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    Filter::default().on_with_flags(Major::Write, 1, pre, None).instance_setup(setup).start(driver)
}

fn write(machine: &Machine) -> Vec<&'static str> {
    let handle = machine.open(r"C:\a");
    CALLS.lock().unwrap().clear();
    assert_eq!(machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 10)), Ok(10));
    std::mem::take(&mut *CALLS.lock().unwrap())
}

#[test]
fn what_is_queued_is_taken_out_under_the_driver_s_lock() {
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    let expected = [
        "acquire", "insert", "release", "acquire", "peek", "remove", "release", "acquire", "peek", "release",
    ];
    assert_eq!(write(&machine), expected);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn nothing_is_inserted_into_a_queue_that_is_disabled() {
    extern "win64" fn disabled(objects: usize, flags: u32, device: u32, system: u32) -> u32 {
        let result = setup(objects, flags, device, system);
        nt("FltCbdqDisable", &[queue()]);
        result
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, 1, pre, None).instance_setup(disabled).start(driver)
    }
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    assert_eq!(write(&machine), ["acquire", "release"]);
    machine.expect_no_violation();
}

#[test]
fn a_queue_that_was_never_initialized_is_reported() {
    extern "win64" fn pre(data: Data, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let result = status("FltCbdqInsertIo", &[queue() + 8, data.address(), 0, 0]);
        assert_eq!(result, NtStatus::INVALID_PARAMETER);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, 1, pre, None).start(driver)
    }
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    assert!(write(&machine).is_empty());
    machine.expect_violation(Rule::InvalidParameter, "test pre-write");
}

#[test]
fn what_is_cancelled_is_taken_out_and_completed() {
    extern "win64" fn pend(data: Data, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        assert_eq!(status("FltCbdqInsertIo", &[queue(), data.address(), 0, 0]), NtStatus::SUCCESS);
        PENDING
    }
    extern "win64" fn close(_: Data, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        assert_eq!(nt("FltCbdqRemoveNextIo", &[queue(), 0]), 0, "it is empty");
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let filter = Filter::default().on(Major::Write, pend, None).on(Major::Cleanup, close, None);
        filter.instance_setup(setup).start(driver)
    }
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    let spec = CreateSpec::new(r"C:\a").options(CreateOptions::empty());
    let handle = machine.sim.create(machine.thread, &spec).expect("the volume is there");
    CALLS.lock().unwrap().clear();
    let write = WriteSpec::at(0, 10);
    let request = machine.sim.start_write(machine.thread, handle, &write, Notice::Event).expect("it is open");
    machine.sim.cancel_io(machine.thread, handle).expect("it is open");
    let calls = std::mem::take(&mut *CALLS.lock().unwrap());
    assert_eq!(calls, ["acquire", "insert", "release", "acquire", "remove", "release", "cancelled"]);
    assert_eq!(machine.sim.request_result(request), Some(Err(NtStatus::CANCELLED)));
    machine.sim.close(machine.thread, handle).expect("it is open");
    machine.expect_no_violation();
}
