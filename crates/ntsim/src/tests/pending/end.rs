//! Operations in flight when their sender or an instance goes, and work items.

use super::*;

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
    extern "win64" fn ask(data: Data, _: Objects, _: usize, _: u32) -> u32 {
        let process = nt("IoThreadToProcess", &[data.read().thread.address()]);
        assert_ne!(nt("PsGetProcessId", &[process]), 0, "the request keeps its thread and process");
        FINISHED_PROCESSING
    }
    let machine = machine!(watch, Some(ask));
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
