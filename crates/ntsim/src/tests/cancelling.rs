//! Requests that are cancelled while a filter has them (fltkernel, `FltSetCancelCompletion`, `FltCancelIo`).

use std::sync::Mutex;

use super::Machine;
use super::driver::{self, Filter, SUCCESS_NO_CALLBACK, iopb, nt, status};
use crate::abi::{CallbackData, Parameters, Ptr, RelatedObjects, Shared};
use crate::sim::{
    Act, CreateOptions, CreateSpec, FilterSpec, Handle, Major, Notice, Request, When, WriteSpec,
};
use crate::status::NtStatus;
use crate::verifier::Rule;

type Data = Ptr<CallbackData>;

const PENDING: u32 = 2;
const COMPLETE: usize = 4;
const DISPATCH: usize = 2;

/// What the driver has pended, and what it heard.
static PENDED: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static HEARD: Mutex<Vec<(&str, usize)>> = Mutex::new(Vec::new());
/// Tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn hear(what: &'static str, value: usize) {
    HEARD.lock().unwrap().push((what, value));
}

fn heard() -> Vec<(&'static str, usize)> {
    std::mem::take(&mut *HEARD.lock().unwrap())
}

fn complete(data: Data, ended: NtStatus) {
    let place = data.byte_offset::<u32>(std::mem::offset_of!(CallbackData, io_status));
    place.write(ended.0);
    nt("FltCompletePendedPreOperation", &[data.address(), COMPLETE, 0]);
}

extern "win64" fn cancelled(data: Data) {
    hear("cancelled", nt("KeGetCurrentIrql", &[]) & 0xFF);
    PENDED.lock().unwrap().retain(|pended| *pended != data.address());
    complete(data, NtStatus::CANCELLED);
}

extern "win64" fn pend(data: Data, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    hear("seen", nt("FltIsIoCanceled", &[data.address()]) & 0xFF);
    let routine = cancelled as *const () as usize;
    let set = status("FltSetCancelCompletion", &[data.address(), routine]);
    if set == NtStatus::CANCELLED {
        return SUCCESS_NO_CALLBACK;
    }
    assert_eq!(set, NtStatus::SUCCESS);
    PENDED.lock().unwrap().push(data.address());
    PENDING
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    Filter::default().on(Major::Write, pend, None).start(driver)
}

/// A file on an asynchronous handle.
fn open(machine: &Machine, path: &str) -> Handle {
    let spec = CreateSpec::new(path).options(CreateOptions::empty());
    machine.sim.create(machine.thread, &spec).expect("the volume is there")
}

fn start(machine: &Machine, handle: Handle, notice: Notice) -> Request {
    machine.sim.start_write(machine.thread, handle, &WriteSpec::at(0, 10), notice).expect("it is open")
}

#[test]
fn what_a_driver_has_pended_its_cancel_routine_completes() {
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    let (handle, other) = (open(&machine, r"C:\a"), open(&machine, r"C:\b"));
    let (first, second) = (start(&machine, handle, Notice::Event), start(&machine, handle, Notice::Port));
    let kept = start(&machine, other, Notice::Event);
    assert_eq!(machine.sim.cancel_io_ex(machine.thread, handle, Some(second)), Ok(()));
    assert_eq!(heard(), [("seen", 0), ("seen", 0), ("seen", 0), ("cancelled", DISPATCH)]);
    assert_eq!(machine.sim.request_result(second), Some(Err(NtStatus::CANCELLED)));
    assert_eq!(machine.sim.request_result(first), None);
    machine.sim.cancel_io(machine.thread, handle).expect("it is open");
    assert_eq!(machine.sim.request_result(first), Some(Err(NtStatus::CANCELLED)));
    assert_eq!(machine.sim.request_result(kept), None, "it is of another file");
    let none = machine.sim.cancel_io_ex(machine.thread, handle, None);
    assert_eq!(none, Err(NtStatus::NOT_FOUND));
    machine.sim.cancel_io(machine.thread, other).expect("it is open");
    heard();
    machine.expect_no_violation();
}

#[test]
fn the_end_of_a_thread_cancels_what_is_queued_to_it() {
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    let handle = open(&machine, r"C:\a");
    let queued = start(&machine, handle, Notice::Apc);
    let of_port = start(&machine, handle, Notice::Port);
    machine.sim.exit_thread(machine.thread).expect("it lives");
    assert_eq!(heard(), [("seen", 0), ("seen", 0), ("cancelled", DISPATCH)]);
    assert_eq!(machine.sim.request_result(queued), Some(Err(NtStatus::CANCELLED)));
    assert_eq!(machine.sim.request_result(of_port), None, "it outlives the thread");
    assert_eq!(PENDED.lock().unwrap().drain(..).count(), 1);
    machine.expect_no_violation();
}

#[test]
fn what_goes_on_with_its_cancel_routine_set_is_reported() {
    extern "win64" fn work(item: usize, _: usize, data: usize) {
        nt("FltFreeGenericWorkItem", &[item]);
        if data & 1 != 0 {
            assert_eq!(status("FltClearCancelCompletion", &[data & !1]), NtStatus::SUCCESS);
            assert_eq!(status("FltClearCancelCompletion", &[data & !1]), NtStatus::CANCELLED);
        }
        nt("FltCompletePendedPreOperation", &[data & !1, SUCCESS_NO_CALLBACK as usize, 0]);
    }
    extern "win64" fn post_pone(data: Data, objects: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let routine = cancelled as *const () as usize;
        assert_eq!(status("FltSetCancelCompletion", &[data.address(), routine]), NtStatus::SUCCESS);
        // SAFETY: this is a write.
        let clears = usize::from(unsafe { iopb(data).parameters.write }.byte_offset == 0);
        let item = nt("FltAllocateGenericWorkItem", &[]);
        let instance = objects.read().instance.address();
        let arguments = [item, instance, work as *const () as usize, 1, data.address() | clears];
        assert_eq!(status("FltQueueGenericWorkItem", &arguments), NtStatus::SUCCESS);
        PENDING
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, post_pone, None).start(driver)
    }
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    let handle = open(&machine, r"C:\a");
    machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 1)).expect("it goes on");
    machine.expect_no_violation();
    machine.sim.write(machine.thread, handle, &WriteSpec::at(1, 1)).expect("it goes on");
    machine.expect_violation(Rule::Pending, "test work item");
}

#[test]
fn a_request_that_is_cancelled_above_shows_it_below() {
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    let above = FilterSpec::new("above", "389999").act(When::every(Major::Write), Act::Repost);
    machine.sim.add_filter(above).expect("the altitude is free");
    let handle = open(&machine, r"C:\a");
    let request = start(&machine, handle, Notice::Event);
    machine.sim.cancel_io(machine.thread, handle).expect("it is open");
    assert_eq!(machine.sim.request_result(request), Some(Ok(10)), "nobody took notice");
    assert_eq!(heard(), [("seen", 1)]);
    machine.expect_no_violation();
}

#[test]
fn what_a_filter_above_holds_up_ends_there() {
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    let above = FilterSpec::new("above", "389999").act(When::every(Major::Write), Act::Hold);
    machine.sim.add_filter(above).expect("the altitude is free");
    let handle = open(&machine, r"C:\a");
    let request = start(&machine, handle, Notice::Event);
    machine.sim.cancel_io(machine.thread, handle).expect("it is open");
    assert_eq!(machine.sim.request_result(request), Some(Err(NtStatus::CANCELLED)));
    assert_eq!(heard(), []);
}

#[test]
fn a_filter_cancels_what_it_has_sent() {
    extern "win64" fn done(data: Data, _: usize) {
        hear("done", data.read().io_status.status as usize);
        nt("FltFreeCallbackData", &[data.address()]);
    }
    extern "win64" fn send(_: Data, objects: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let (instance, file) = driver::target(objects);
        let own = Shared::new(Data::NULL);
        let arguments = [instance, file.address(), own.ptr().address()];
        assert_eq!(status("FltAllocateCallbackData", &arguments), NtStatus::SUCCESS);
        let block = own.get().read().iopb;
        let mut iopb = block.read();
        iopb.major_function = Major::Write as u8;
        iopb.parameters = Parameters::zeroed_then(|parameters| {
            parameters.write.length = 1;
        });
        block.write(iopb);
        let arguments = [own.get().address(), done as *const () as usize, 0];
        assert_eq!(status("FltPerformAsynchronousIo", &arguments), NtStatus::PENDING);
        hear("cancels", nt("FltCancelIo", &[own.get().address()]) & 0xFF);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Cleanup, send, None).start(driver)
    }
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    let below = FilterSpec::new("below", "1000").act(When::every(Major::Write), Act::Hold);
    machine.sim.add_filter(below).expect("the altitude is free");
    let handle = open(&machine, r"C:\a");
    machine.sim.close(machine.thread, handle).expect("it is open");
    assert_eq!(heard(), [("done", NtStatus::CANCELLED.0 as usize), ("cancels", 1)]);
    machine.expect_no_violation();
}
