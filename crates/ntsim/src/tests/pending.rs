//! Operations that pend, and are carried on by somebody else somewhere else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::driver::{
    self, FINISHED_PROCESSING, Filter, SUCCESS_NO_CALLBACK, SUCCESS_WITH_CALLBACK, nt, status,
};
use super::{Machine, TID};
use crate::abi::{CallbackData, Parameters, Ptr, RelatedObjects};
use crate::ex::work;
use crate::fltmgr::{self, Answer, Kind, Operation, Pended, Submitted};
use crate::io::irp;
use crate::io::request::IoStatus;
use crate::sim::{
    Act, Config, FastIo, FilterSpec, Handle, Major, Phase, Schedule, VolumeSpec, When, WriteSpec,
};
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::{Sim, Windows};

const PENDING: u32 = 2;
const COMPLETE: u32 = 4;
const SYNCHRONIZE: u32 = 5;
const MORE_PROCESSING_REQUIRED: u32 = 1;
const DRAINING: u32 = 1;
const DELAYED_WORK_QUEUE: usize = 1;

type Data = Ptr<CallbackData>;
type Objects = Ptr<RelatedObjects>;
type Routine = extern "win64" fn(usize, Data, usize);

extern "win64" fn finish(_: Data, _: Objects, _: usize, _: u32) -> u32 {
    FINISHED_PROCESSING
}

extern "win64" fn watch(_: Data, _: Objects, _: Ptr<usize>) -> u32 {
    SUCCESS_WITH_CALLBACK
}

/// A driver with this pre-write callback, and perhaps a post-write callback.
macro_rules! machine {
    ($pre:expr, $post:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            let (pre, post): (driver::Pre, Option<driver::Post>) = ($pre, $post);
            Filter::default().on(Major::Write, pre, post).start(driver)
        }
        Machine::new(entry)
    }};
}

fn write(machine: &Machine, handle: Handle) -> Result<u32, NtStatus> {
    machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 10))
}

/// Has a System worker run a routine for the operation.
fn defer(data: Data, routine: Routine) -> u32 {
    let item = nt("FltAllocateDeferredIoWorkItem", &[]);
    let arguments = [item, data.address(), routine as *const () as usize, DELAYED_WORK_QUEUE, 0];
    assert_eq!(status("FltQueueDeferredIoWorkItem", &arguments), NtStatus::SUCCESS);
    PENDING
}

fn complete_pre(data: Data, status: u32, context: usize) {
    nt("FltCompletePendedPreOperation", &[data.address(), status as usize, context]);
}

/// Has the machine note each callback: what, IRQL, in which thread, for which thread, and how it ended.
fn note(machine: &Machine) -> Arc<Mutex<Vec<String>>> {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&notes);
    machine.sim.set_observer(Box::new(move |callback| {
        let phase = if callback.phase == Phase::Pre { "pre" } else { "post" };
        let place = match callback.current.tid {
            TID => "caller",
            _ if callback.current.pid == 4 => "system",
            _ => "other",
        };
        let owner = callback.thread.as_ref().map_or(0, |thread| thread.tid);
        assert_eq!(owner, TID, "the operation's thread stays the caller's");
        let text = format!("{} {phase} at {} in {place}", callback.driver, callback.irql);
        into.lock().expect("no observer has panicked").push(text);
    }));
    notes
}

fn notes(of: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut *of.lock().expect("no observer has panicked"))
}

#[test]
fn an_operation_that_is_deferred_goes_on_in_a_worker() {
    static CONTEXT: AtomicUsize = AtomicUsize::new(0);
    extern "win64" fn work(item: usize, data: Data, _: usize) {
        nt("FltFreeDeferredIoWorkItem", &[item]);
        complete_pre(data, SUCCESS_WITH_CALLBACK, 42);
    }
    extern "win64" fn pre(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
        defer(data, work)
    }
    extern "win64" fn post(_: Data, _: Objects, context: usize, _: u32) -> u32 {
        CONTEXT.store(context, Ordering::SeqCst);
        FINISHED_PROCESSING
    }
    let machine = machine!(pre, Some(post));
    let handle = machine.open(r"C:\a");
    let log = note(&machine);
    assert_eq!(write(&machine, handle), Ok(10));
    assert_eq!(notes(&log), ["test pre at 0 in caller", "test post at 0 in system"]);
    assert_eq!(CONTEXT.load(Ordering::SeqCst), 42);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_pended_operation_may_be_completed() {
    extern "win64" fn work(item: usize, data: Data, _: usize) {
        nt("FltFreeDeferredIoWorkItem", &[item]);
        let mut changed = data.read();
        changed.io_status.status = NtStatus::ACCESS_DENIED.0;
        data.write(changed);
        complete_pre(data, COMPLETE, 0);
    }
    extern "win64" fn pre(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
        defer(data, work)
    }
    let machine = machine!(pre, None);
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Err(NtStatus::ACCESS_DENIED));
    machine.expect_no_violation();
}

#[test]
fn an_operation_may_be_completed_before_the_callback_that_pends_it_returns() {
    extern "win64" fn pre(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
        complete_pre(data, SUCCESS_NO_CALLBACK, 0);
        PENDING
    }
    let machine = machine!(pre, None);
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Ok(10));
    machine.expect_no_violation();
}

#[test]
fn completing_twice_is_reported() {
    extern "win64" fn work(item: usize, data: Data, _: usize) {
        nt("FltFreeDeferredIoWorkItem", &[item]);
        complete_pre(data, SUCCESS_NO_CALLBACK, 0);
        complete_pre(data, SUCCESS_NO_CALLBACK, 0);
    }
    extern "win64" fn pre(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
        defer(data, work)
    }
    let machine = machine!(pre, None);
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Ok(10));
    machine.expect_violation(Rule::Pending, "test work item");
}

#[test]
fn completing_what_was_not_pended_is_reported() {
    extern "win64" fn pre(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
        complete_pre(data, SUCCESS_NO_CALLBACK, 0);
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre, None);
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Ok(10));
    machine.expect_violation(Rule::Pending, "test pre-write");
}

#[test]
fn a_pended_operation_cannot_be_synchronized_afterwards() {
    extern "win64" fn pre(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
        complete_pre(data, SYNCHRONIZE, 0);
        PENDING
    }
    let machine = machine!(pre, Some(finish));
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Ok(10));
    machine.expect_violation(Rule::Pending, "test pre-write");
}

#[test]
fn an_operation_that_nobody_completes_is_reported_and_goes_on() {
    extern "win64" fn pre(_: Data, _: Objects, _: Ptr<usize>) -> u32 {
        PENDING
    }
    let machine = machine!(pre, None);
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Ok(10));
    machine.expect_violation(Rule::Pending, "test pre-write");
    machine.unload_cleanly();
}

#[test]
fn fast_io_cannot_pend() {
    extern "win64" fn pre(_: Data, _: Objects, _: Ptr<usize>) -> u32 {
        PENDING
    }
    let machine = machine!(pre, None);
    let handle = machine.open(r"C:\a");
    let spec = WriteSpec { fast_io: FastIo::Accepted, ..WriteSpec::at(0, 10) };
    assert_eq!(machine.sim.write(machine.thread, handle, &spec), Ok(10));
    machine.expect_violation(Rule::Pending, "test pre-write");
}

/// A filter below the driver that completes every write at `DISPATCH_LEVEL` in another thread.
fn complete_below(machine: &Machine) {
    let below = FilterSpec::new("below", "40000").act(When::every(Major::Write), Act::CompleteAtDispatch);
    machine.sim.add_filter(below).expect("the altitude is free");
}

#[test]
fn completion_comes_at_dispatch_level_in_an_arbitrary_thread() {
    let machine = machine!(watch, Some(finish));
    complete_below(&machine);
    let handle = machine.open(r"C:\a");
    let log = note(&machine);
    assert_eq!(write(&machine, handle), Ok(10));
    assert_eq!(notes(&log), ["test pre at 0 in caller", "test post at 2 in system"]);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_synchronized_completion_comes_back_to_its_thread() {
    extern "win64" fn pre(_: Data, _: Objects, _: Ptr<usize>) -> u32 {
        SYNCHRONIZE
    }
    let machine = machine!(pre, Some(finish));
    complete_below(&machine);
    let handle = machine.open(r"C:\a");
    let log = note(&machine);
    assert_eq!(write(&machine, handle), Ok(10));
    assert_eq!(notes(&log), ["test pre at 0 in caller", "test post at 0 in caller"]);
    machine.expect_no_violation();
}

#[test]
fn the_completion_of_a_create_comes_back_to_its_thread() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, watch, Some(finish)).start(driver)
    }
    let machine = Machine::new(entry);
    let below = FilterSpec::new("below", "40000").act(When::every(Major::Create), Act::CompleteAtDispatch);
    machine.sim.add_filter(below).expect("the altitude is free");
    let log = note(&machine);
    machine.open(r"C:\a");
    assert_eq!(notes(&log), ["test pre at 0 in caller", "test post at 0 in caller"]);
    machine.expect_no_violation();
}

#[test]
fn a_completion_that_is_held_up_is_carried_on_by_the_driver() {
    static ORDER: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    extern "win64" fn work(item: usize, _: usize, data: usize) {
        ORDER.lock().unwrap().push("work");
        nt("FltCompletePendedPostOperation", &[data]);
        nt("FltFreeGenericWorkItem", &[item]);
    }
    extern "win64" fn hold_up(data: Data, objects: Objects, _: usize, _: u32) -> u32 {
        ORDER.lock().unwrap().push("lower post");
        let item = nt("FltAllocateGenericWorkItem", &[]);
        let instance = objects.read().instance.address();
        let routine = work as *const () as usize;
        let arguments = [item, instance, routine, DELAYED_WORK_QUEUE, data.address()];
        assert_eq!(status("FltQueueGenericWorkItem", &arguments), NtStatus::SUCCESS);
        MORE_PROCESSING_REQUIRED
    }
    extern "win64" fn upper_post(_: Data, _: Objects, _: usize, _: u32) -> u32 {
        ORDER.lock().unwrap().push("upper post");
        FINISHED_PROCESSING
    }
    extern "win64" fn lower(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, watch, Some(hold_up)).start(driver)
    }
    let machine = machine!(watch, Some(upper_post));
    let lower = machine.sim.load_native(driver::pointer(lower), "lower").expect("the driver loads");
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Ok(10));
    assert_eq!(*ORDER.lock().unwrap(), ["lower post", "work", "upper post"]);
    assert!(machine.sim.unload(&lower).expect("it unloads").is_clean());
    machine.expect_no_violation();
}

/// How the callback that was put off was called, and what was answered: (IRQL, answer, status).
static SAFE: Mutex<Vec<(usize, usize, u32)>> = Mutex::new(Vec::new());

extern "win64" fn when_safe(data: Data, objects: Objects, context: usize, flags: u32) -> u32 {
    extern "win64" fn safe(_: Data, _: Objects, context: usize, _: u32) -> u32 {
        assert_eq!(context, 7);
        SAFE.lock().unwrap().push((nt("KeGetCurrentIrql", &[]) & 0xFF, 9, 9));
        FINISHED_PROCESSING
    }
    let _ = context;
    let answer = crate::abi::Shared::new(0u32);
    let routine = safe as *const () as usize;
    let arguments = [data.address(), objects.address(), 7, flags as usize, routine, answer.ptr().address()];
    let irql = nt("KeGetCurrentIrql", &[]) & 0xFF;
    let called = nt("FltDoCompletionProcessingWhenSafe", &arguments) & 0xFF;
    SAFE.lock().unwrap().push((irql, called, answer.get()));
    answer.get()
}

#[test]
fn completion_processing_waits_until_it_is_safe() {
    let machine = machine!(watch, Some(when_safe));
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Ok(10));
    let taken = || std::mem::take(&mut *SAFE.lock().unwrap());
    assert_eq!(taken(), [(0, 9, 9), (0, 1, FINISHED_PROCESSING)], "at once");
    let when = When::every(Major::Write).paging();
    let below = FilterSpec::new("below", "40000").act(when, Act::CompleteAtDispatch);
    machine.sim.add_filter(below).expect("the altitude is free");
    assert_eq!(write(&machine, handle), Ok(10));
    assert_eq!(taken(), [(2, 1, MORE_PROCESSING_REQUIRED), (0, 9, 9)], "in a worker");
    let paging = WriteSpec { paging: true, ..WriteSpec::at(0, 4096) };
    assert_eq!(machine.sim.write(machine.thread, handle, &paging), Ok(4096));
    assert_eq!(taken(), [(2, 0, FINISHED_PROCESSING)], "paging I/O is not put off");
    machine.unload_cleanly();
    machine.expect_no_violation();
}

/// Submits a write that pends at the file system, and returns what completes it.
fn submit(machine: &Machine, handle: Handle, ended: &Arc<Mutex<Vec<IoStatus>>>) -> Pended {
    let pended = Arc::new(Mutex::new(None));
    let (keep, ended) = (Arc::clone(&pended), Arc::clone(ended));
    machine.sim.inside(machine.thread, |cpu| {
        let file = cpu.kernel().file_handles.get(cpu.thread().process(), handle.0).expect("it is open");
        let operation = Operation {
            irp_flags: irp::WRITE_OPERATION,
            ..Operation::new(Major::Write, Kind::Irp, file, Some(cpu.thread()))
        };
        let begin = move |_: &crate::ke::Cpu, token| *keep.lock().unwrap() = Some(token);
        let submitted = fltmgr::submit(
            cpu,
            operation,
            Parameters { words: [0; 6] },
            move |_, _| Answer::Pend(Box::new(begin)),
            move |_, status| ended.lock().unwrap().push(status),
        );
        assert_eq!(submitted, Submitted::Pending);
    });
    pended.lock().unwrap().take().expect("the write is at the file system")
}

const DONE: IoStatus = IoStatus { status: NtStatus::SUCCESS, information: 10 };

#[test]
fn a_request_that_pends_is_completed_after_its_sender_has_ended() {
    let machine = machine!(watch, Some(finish));
    let handle = machine.open(r"C:\a");
    let log = note(&machine);
    let ended = Arc::default();
    let pended = submit(&machine, handle, &ended);
    assert_eq!(notes(&log), ["test pre at 0 in caller"]);
    machine.sim.exit_thread(machine.thread).expect("it is alive");
    machine.sim.inside(machine.sim.system_thread(), |cpu| {
        work::queue_dpc(cpu, move |cpu| pended.complete(cpu, DONE));
    });
    assert_eq!(notes(&log), ["test post at 2 in system"]);
    assert_eq!(*ended.lock().unwrap(), [DONE]);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn an_instance_that_goes_is_told_of_operations_in_flight_before_they_end() {
    static FLAGS: Mutex<Vec<(usize, u32)>> = Mutex::new(Vec::new());
    extern "win64" fn pre(_: Data, _: Objects, context: Ptr<usize>) -> u32 {
        context.write(5);
        SUCCESS_WITH_CALLBACK
    }
    extern "win64" fn post(_: Data, _: Objects, context: usize, flags: u32) -> u32 {
        FLAGS.lock().unwrap().push((context, flags));
        FINISHED_PROCESSING
    }
    let machine = machine!(pre, Some(post));
    let handle = machine.open(r"C:\a");
    let ended = Arc::default();
    let pended = submit(&machine, handle, &ended);
    machine.unload_cleanly();
    assert_eq!(*FLAGS.lock().unwrap(), [(5, DRAINING)], "once");
    assert!(ended.lock().unwrap().is_empty(), "the operation goes on without the filter");
    machine.sim.inside(machine.thread, |cpu| pended.complete(cpu, DONE));
    assert_eq!(*ended.lock().unwrap(), [DONE]);
    assert_eq!(FLAGS.lock().unwrap().len(), 1);
    machine.expect_no_violation();
}

#[test]
fn a_synchronized_operation_whose_instance_goes_still_ends_in_its_thread() {
    static FLAGS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    extern "win64" fn pre(_: Data, _: Objects, _: Ptr<usize>) -> u32 {
        SYNCHRONIZE
    }
    extern "win64" fn post(_: Data, _: Objects, _: usize, flags: u32) -> u32 {
        FLAGS.lock().unwrap().push(flags);
        FINISHED_PROCESSING
    }
    let machine = machine!(pre, Some(post));
    let handle = machine.open(r"C:\a");
    let filter = driver::FILTER.get().address();
    let ended = machine.sim.inside(machine.thread, move |cpu| {
        let file = cpu.kernel().file_handles.get(cpu.thread().process(), handle.0).expect("it is open");
        let operation = Operation::new(Major::Write, Kind::Irp, file, Some(cpu.thread()));
        fltmgr::dispatch(cpu, operation, Parameters { words: [0; 6] }, move |_, _| {
            Answer::Pend(Box::new(move |cpu, pended| {
                work::queue(cpu, work::Queue::Delayed, move |cpu| {
                    fltmgr::filter::unregister_filter(cpu, Ptr::at(filter));
                    pended.complete(cpu, DONE);
                });
            }))
        })
    });
    assert_eq!(ended, DONE);
    assert_eq!(*FLAGS.lock().unwrap(), [DRAINING]);
    machine.expect_no_violation();
}

#[test]
fn an_unload_waits_for_work_that_is_queued() {
    static RAN: AtomicUsize = AtomicUsize::new(0);
    extern "win64" fn work(item: usize, _: usize, _: usize) {
        RAN.fetch_add(1, Ordering::SeqCst);
        nt("FltFreeGenericWorkItem", &[item]);
    }
    extern "win64" fn unload(_: u32) -> u32 {
        let item = nt("FltAllocateGenericWorkItem", &[]);
        let filter = driver::FILTER.get().address();
        let routine = work as *const () as usize;
        let arguments = [item, filter, routine, DELAYED_WORK_QUEUE, 0];
        assert_eq!(status("FltQueueGenericWorkItem", &arguments), NtStatus::SUCCESS);
        driver::unregister(0);
        assert_eq!(RAN.load(Ordering::SeqCst), 1, "the filter is gone when its work is done");
        0
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().unload(unload).start(driver)
    }
    let machine = Machine::new(entry);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_work_item_that_is_not_freed_is_a_leak() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        nt("FltAllocateGenericWorkItem", &[]);
        Filter::default().start(driver)
    }
    let machine = Machine::new(entry);
    let report = machine.sim.unload(&machine.driver).expect("the driver unloads");
    assert_eq!(report.leaks.len(), 1, "{report:?}");
    assert_eq!(machine.broken(), [Rule::AfterUnload]);
}

#[test]
fn drivers_are_stacked_by_altitude_whatever_the_order_in_which_they_come() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, watch, Some(finish)).start(driver)
    }
    let (sim, _, thread) = super::machine_without_driver(crate::Windows::Win11_24H2);
    sim.set_altitude("test", "40000.5").expect("a good altitude");
    sim.set_altitude("upper", "385971").expect("a good altitude");
    assert!(sim.set_altitude("other", "x").is_err());
    let driver = sim.load_native(driver::pointer(entry), "test").expect("the driver loads");
    let upper = sim.load_native(driver::pointer(entry), "upper").expect("the driver loads");
    let machine = Machine { sim, driver, thread };
    let handle = machine.open(r"C:\a");
    let log = note(&machine);
    assert_eq!(write(&machine, handle), Ok(10));
    let order = ["upper pre", "test pre", "test post", "upper post"];
    assert_eq!(notes(&log), order.map(|callback| format!("{callback} at 0 in caller")));
    let _ = upper;
}

#[test]
fn a_change_that_is_marked_is_seen_below_and_not_above() {
    static SEEN: Mutex<Vec<(&str, u32)>> = Mutex::new(Vec::new());
    fn length(data: Data) -> u32 {
        // SAFETY: this is a write.
        unsafe { driver::iopb(data).parameters.write.length }
    }
    extern "win64" fn change(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
        assert_eq!(nt("FltIsCallbackDataDirty", &[data.address()]) & 0xFF, 0);
        let to = data.read().iopb;
        let mut iopb = to.read();
        iopb.parameters.write.length = 5;
        to.write(iopb);
        nt("FltSetCallbackDataDirty", &[data.address()]);
        assert_eq!(nt("FltIsCallbackDataDirty", &[data.address()]) & 0xFF, 1);
        SUCCESS_WITH_CALLBACK
    }
    extern "win64" fn after(data: Data, _: Objects, _: usize, _: u32) -> u32 {
        SEEN.lock().unwrap().push(("upper post", length(data)));
        FINISHED_PROCESSING
    }
    extern "win64" fn look(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
        SEEN.lock().unwrap().push(("lower pre", length(data)));
        SUCCESS_WITH_CALLBACK
    }
    extern "win64" fn look_again(data: Data, _: Objects, _: usize, _: u32) -> u32 {
        SEEN.lock().unwrap().push(("lower post", length(data)));
        FINISHED_PROCESSING
    }
    extern "win64" fn lower(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, look, Some(look_again)).start(driver)
    }
    let machine = machine!(change, Some(after));
    machine.sim.load_native(driver::pointer(lower), "lower").expect("the driver loads");
    let handle = machine.open(r"C:\a");
    let arrived = machine.sim.inside(machine.thread, |cpu| {
        let file = cpu.kernel().file_handles.get(cpu.thread().process(), handle.0).expect("it is open");
        let operation = Operation::new(Major::Write, Kind::Irp, file, Some(cpu.thread()));
        let mut parameters = Parameters { words: [0; 6] };
        // The field is an integer, like all of the union.
        parameters.write.length = 10;
        let length = fltmgr::dispatch(cpu, operation, parameters, |_, arrival| {
            assert!(arrival.changed);
            // SAFETY: this is a write.
            let length = unsafe { arrival.parameters.write.length };
            Answer::Complete(IoStatus::new(NtStatus::SUCCESS, length as usize))
        });
        length.information
    });
    assert_eq!(arrived, 5, "the file system gets what the filter left");
    assert_eq!(*SEEN.lock().unwrap(), [("lower pre", 5), ("lower post", 5), ("upper post", 10)]);
    machine.expect_no_violation();
}

#[test]
fn a_status_that_a_filter_changes_on_the_way_up_is_the_operation_s() {
    extern "win64" fn fail(data: Data, _: Objects, _: usize, _: u32) -> u32 {
        let mut changed = data.read();
        changed.io_status.status = NtStatus::DISK_FULL.0;
        data.write(changed);
        FINISHED_PROCESSING
    }
    let machine = machine!(watch, Some(fail));
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Err(NtStatus::DISK_FULL));
    machine.expect_no_violation();
}

/// A driver that defers every second operation to a worker and holds every third completion up, below one that reposts
/// and above one that completes late.
mod restless {
    use super::*;

    static TURN: AtomicUsize = AtomicUsize::new(0);

    extern "win64" fn send_on(item: usize, data: Data, _: usize) {
        nt("FltFreeDeferredIoWorkItem", &[item]);
        complete_pre(data, SUCCESS_WITH_CALLBACK, 1);
    }

    extern "win64" fn pre(data: Data, _: Objects, context: Ptr<usize>) -> u32 {
        match TURN.fetch_add(1, Ordering::SeqCst) % 3 {
            0 => defer(data, send_on),
            1 => SYNCHRONIZE,
            _ => {
                context.write(1);
                SUCCESS_WITH_CALLBACK
            }
        }
    }

    extern "win64" fn carry_on(item: usize, _: usize, data: usize) {
        nt("FltCompletePendedPostOperation", &[data]);
        nt("FltFreeGenericWorkItem", &[item]);
    }

    extern "win64" fn post(data: Data, objects: Objects, context: usize, flags: u32) -> u32 {
        if context == 0 || flags == DRAINING {
            return FINISHED_PROCESSING;
        }
        let item = nt("FltAllocateGenericWorkItem", &[]);
        let instance = objects.read().instance.address();
        let arguments = [item, instance, carry_on as *const () as usize, DELAYED_WORK_QUEUE, data.address()];
        if status("FltQueueGenericWorkItem", &arguments).is_success() {
            return MORE_PROCESSING_REQUIRED;
        }
        nt("FltFreeGenericWorkItem", &[item]);
        FINISHED_PROCESSING
    }

    pub(super) extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, 1, pre, Some(post)).start(driver)
    }
}

fn stir(schedule: Schedule, writers: usize) {
    const WRITES: u32 = 40;
    let sim = Sim::new(Config::new(Windows::Win11_24H2).schedule(schedule));
    sim.add_volume(VolumeSpec::new(r"\Device\HarddiskVolume3").dos("C:")).expect("the names are free");
    let driver = sim.load_native(driver::pointer(restless::entry), "test").expect("the driver loads");
    let filters = [
        FilterSpec::new("above", "400000").act(When::every(Major::Write).nth(2), Act::Repost),
        FilterSpec::new("below", "40000").act(When::every(Major::Write).nth(2), Act::CompleteAtDispatch),
        FilterSpec::new("lowest", "30000").act(When::every(Major::Write).nth(5), Act::Repost),
    ];
    for filter in filters {
        sim.add_filter(filter).expect("the altitude is free");
    }
    let process = sim.add_process(crate::ProcessSpec::new(r"C:\app.exe")).expect("PIDs are free");
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let sim = sim.clone();
            scope.spawn(move || {
                let thread = sim.add_thread(process, None).expect("TIDs are free");
                let handle = sim
                    .create(thread, &crate::CreateSpec::new(&format!(r"C:\{writer}")))
                    .expect("the file opens");
                for _ in 0..WRITES {
                    assert_eq!(sim.write(thread, handle, &WriteSpec::at(0, 10)), Ok(10));
                }
                sim.close(thread, handle).expect("it is open");
            });
        }
    });
    let report = sim.unload(&driver).expect("the driver unloads");
    assert!(report.is_clean(), "{report:?}");
    assert_eq!(sim.violations(), []);
}

#[test]
fn operations_reach_their_end_in_whatever_order_threads_run() {
    for seed in 0..20 {
        stir(Schedule::Seeded(seed), 1);
    }
}

#[test]
fn operations_reach_their_end_when_threads_run_at_once() {
    for _ in 0..3 {
        stir(Schedule::Threads, 4);
    }
}
