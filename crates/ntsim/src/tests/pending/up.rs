//! On the way up: completion in other threads, and post-operation callbacks that hold it up.

use super::*;

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
