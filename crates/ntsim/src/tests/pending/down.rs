//! On the way down: what a pre-operation callback pends.

use super::*;

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
