//! Locks of ranges that have to wait for others (ntifs, `FsRtlFastLock`; ifs, `IRP_MJ_LOCK_CONTROL`).

use std::sync::{Arc, Mutex};

use super::driver::{self, Filter, SUCCESS_NO_CALLBACK, iopb};
use super::{Machine, PID, machine_without_driver};
use crate::abi::{CallbackData, Ptr, RelatedObjects};
use crate::sim::{CreateOptions, CreateSpec, LockSpec, Major, Notice, Phase, WriteSpec};
use crate::status::NtStatus;
use crate::{Handle, ProcessSpec, Sim, Thread, Windows};

const WITH_CALLBACK: u32 = 0;
const LOCK: u8 = 1;
const UNLOCK_SINGLE: u8 = 2;
const UNLOCK_ALL: u8 = 3;

extern "win64" fn pass(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    WITH_CALLBACK
}

extern "win64" fn post(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
    0
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    Filter::default().on(Major::LockControl, pass, Some(post)).unload(driver::unregister).start(driver)
}

/// What is seen of a lock: phase, minor function and status.
type Seen = (Phase, u8, Option<NtStatus>);

fn watch(machine: &Machine) -> Arc<Mutex<Vec<Seen>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    machine.sim.set_observer(Box::new(move |callback| {
        let status = callback.status.filter(|_| callback.phase == Phase::Post);
        into.lock().expect("no observer has panicked").push((callback.phase, callback.minor, status));
    }));
    seen
}

fn open(sim: &Sim, thread: Thread) -> Handle {
    let spec = CreateSpec::new(r"C:\a").options(CreateOptions::empty());
    sim.create(thread, &spec).expect("the volume is there")
}

fn other_thread(sim: &Sim) -> Thread {
    let process = sim.add_process(ProcessSpec::new("other.exe")).expect("PIDs are free");
    sim.add_thread(process, None).expect("TIDs are free")
}

#[test]
fn a_lock_waits_until_others_unlock_and_the_filters_see_it_pend() {
    let machine = Machine::new(entry);
    let sim = &machine.sim;
    let other = other_thread(sim);
    let (own, others) = (open(sim, machine.thread), open(sim, other));
    sim.lock(machine.thread, own, 0, 100).expect("nothing is locked");
    let seen = watch(&machine);
    let start = |offset, length| {
        sim.start_lock(other, others, &LockSpec::exclusive(offset, length), Notice::Event)
            .expect("it is open")
    };
    let (first, second) = (start(50, 10), start(99, 10));
    assert_eq!(sim.request_result(first), None);
    assert_eq!(*seen.lock().unwrap(), [(Phase::Pre, LOCK, None); 2], "both pend");
    sim.unlock(machine.thread, own, 0, 100).expect("it is locked");
    let done = Some(NtStatus::SUCCESS);
    let after = [
        (Phase::Pre, UNLOCK_SINGLE, None),
        (Phase::Post, LOCK, done),
        (Phase::Post, LOCK, done),
        (Phase::Post, UNLOCK_SINGLE, done),
    ];
    assert_eq!(seen.lock().unwrap()[2..], after);
    assert_eq!([first, second].map(|request| sim.request_result(request)), [Some(Ok(0)); 2]);
    let refused = sim.write(machine.thread, own, &WriteSpec::at(55, 1));
    assert_eq!(refused, Err(NtStatus::FILE_LOCK_CONFLICT), "the others have it now");
    machine.expect_no_violation();
    machine.unload_cleanly();
}

#[test]
fn those_that_wait_get_their_turn_in_order_as_far_as_they_do_not_conflict() {
    for filtered in [false, true] {
        let machine = filtered.then(|| Machine::new(entry));
        let alone = (!filtered).then(|| machine_without_driver(Windows::Win11_24H2));
        let (sim, thread) = match (&machine, &alone) {
            (Some(machine), _) => (&machine.sim, machine.thread),
            (_, Some((sim, _, thread))) => (sim, *thread),
            _ => unreachable!("one of them is there"),
        };
        let [holder, second, third] = [(); 3].map(|()| open(sim, thread));
        sim.lock(thread, holder, 0, 10).expect("nothing is locked");
        let start = |handle, spec| sim.start_lock(thread, handle, &spec, Notice::Port).expect("it is open");
        let wide = start(second, LockSpec::exclusive(0, 20));
        let narrow = start(third, LockSpec::exclusive(5, 1));
        let beside = start(third, LockSpec::exclusive(10, 10));
        assert_eq!(sim.request_result(beside), Some(Ok(0)), "only what is locked keeps others out");
        sim.unlock(thread, holder, 0, 10).expect("it is locked");
        assert_eq!(sim.request_result(narrow), Some(Ok(0)), "the wide one cannot be had yet");
        assert_eq!(sim.request_result(wide), None);
        sim.unlock(thread, third, 5, 1).expect("it is locked");
        assert_eq!(sim.request_result(wide), None);
        sim.unlock(thread, third, 10, 10).expect("it is locked");
        assert_eq!(sim.request_result(wide), Some(Ok(0)));
        // Shared ones wait for an exclusive one, and are had together.
        let shared = [holder, third].map(|handle| start(handle, LockSpec::shared(0, 20)));
        assert_eq!(shared.map(|request| sim.request_result(request)), [None; 2]);
        sim.unlock(thread, second, 0, 20).expect("it is locked");
        assert_eq!(shared.map(|request| sim.request_result(request)), [Some(Ok(0)); 2]);
    }
}

#[test]
fn a_lock_that_waits_ends_with_its_file_object_or_when_it_is_cancelled() {
    for filtered in [false, true] {
        let machine = filtered.then(|| Machine::new(entry));
        let alone = (!filtered).then(|| machine_without_driver(Windows::Win11_24H2));
        let (sim, thread) = match (&machine, &alone) {
            (Some(machine), _) => (&machine.sim, machine.thread),
            (_, Some((sim, _, thread))) => (sim, *thread),
            _ => unreachable!("one of them is there"),
        };
        let (holder, waiter) = (open(sim, thread), open(sim, thread));
        sim.lock(thread, holder, 0, 10).expect("nothing is locked");
        let start = |thread, handle, notice| {
            sim.start_lock(thread, handle, &LockSpec::exclusive(0, 10), notice).expect("it is open")
        };
        let none = sim.cancel_io_ex(thread, waiter, None);
        assert_eq!(none, Err(NtStatus::NOT_FOUND), "nothing waits");
        let (one, another) = (start(thread, waiter, Notice::Event), start(thread, waiter, Notice::Event));
        assert_eq!(sim.cancel_io_ex(thread, waiter, Some(one)), Ok(()));
        assert_eq!(sim.request_result(one), Some(Err(NtStatus::CANCELLED)));
        assert_eq!(sim.request_result(another), None);
        sim.close(thread, waiter).expect("it is open");
        assert_eq!(sim.request_result(another), Some(Err(NtStatus::RANGE_NOT_LOCKED)));
        // The end of a thread cancels what is queued to it.
        let process = sim.process_by_pid(PID).expect("it runs");
        let helper = sim.add_thread(process, None).expect("TIDs are free");
        let of_helper = open(sim, helper);
        let (queued, of_port) =
            (start(helper, of_helper, Notice::Apc), start(helper, of_helper, Notice::Port));
        sim.exit_thread(helper).expect("it lives");
        assert_eq!(sim.request_result(queued), Some(Err(NtStatus::CANCELLED)));
        assert_eq!(sim.request_result(of_port), None);
        sim.close(thread, holder).expect("it is open");
        assert_eq!(sim.request_result(of_port), Some(Ok(0)), "the lock went with its file object");
        if let Some(machine) = machine {
            machine.expect_no_violation();
        }
    }
}

#[test]
fn a_key_tells_the_locks_of_a_process_apart() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    let handle = open(&sim, thread);
    let keyed = LockSpec { key: 7, ..LockSpec::exclusive(0, 10) };
    assert_eq!(sim.lock_waiting(thread, handle, &keyed), Ok(()));
    let own = sim.write(thread, handle, &WriteSpec::at(0, 1));
    assert_eq!(own, Err(NtStatus::FILE_LOCK_CONFLICT), "a write without the key is another's");
    assert_eq!(sim.unlock(thread, handle, 0, 10), Err(NtStatus::RANGE_NOT_LOCKED));
    assert_eq!(sim.unlock_range(thread, handle, &keyed), Ok(()));
    assert_eq!(sim.write(thread, handle, &WriteSpec::at(0, 1)), Ok(1));
    let past = LockSpec::exclusive(i64::MAX, 10);
    assert_eq!(sim.lock_waiting(thread, handle, &past), Err(NtStatus::INVALID_LOCK_RANGE));
}

#[test]
fn the_locks_of_a_process_go_with_its_last_handle_though_others_have_the_file_object() {
    let machine = Machine::new(entry);
    let sim = &machine.sim;
    let child = sim.add_process(ProcessSpec::new("child.exe")).expect("PIDs are free");
    let thread = sim.add_thread(child, None).expect("TIDs are free");
    let parent = sim.process_by_pid(PID).expect("it runs");
    let (handle, unlocked) = (open(sim, machine.thread), open(sim, machine.thread));
    for handle in [handle, unlocked] {
        sim.inherit_handle(parent, handle, child).expect("it is open");
    }
    sim.lock(machine.thread, handle, 0, 10).expect("nothing is locked");
    sim.lock(thread, handle, 20, 10).expect("it is another range");
    let conflict = Err(NtStatus::FILE_LOCK_CONFLICT);
    assert_eq!(sim.write(thread, handle, &WriteSpec::at(0, 1)), conflict, "the lock is the parent's");
    let seen = watch(&machine);
    sim.close(machine.thread, unlocked).expect("it is open");
    assert_eq!(*seen.lock().unwrap(), [], "nobody has ever locked by it");
    sim.close(machine.thread, handle).expect("it is open");
    let expected = [(Phase::Pre, UNLOCK_ALL, None), (Phase::Post, UNLOCK_ALL, Some(NtStatus::SUCCESS))];
    assert_eq!(*seen.lock().unwrap(), expected);
    assert_eq!(sim.write(thread, handle, &WriteSpec::at(0, 1)), Ok(1));
    let reader = open(sim, machine.thread);
    assert_eq!(sim.write(machine.thread, reader, &WriteSpec::at(20, 1)), conflict, "the child keeps its own");
    machine.expect_no_violation();
}

#[test]
fn a_filter_may_refuse_to_let_a_lock_wait() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let mut changed = iopb(data);
        // SAFETY: this is a lock request.
        let mut lock = unsafe { changed.parameters.lock_control };
        lock.fail_immediately = 1;
        changed.parameters.lock_control = lock;
        data.read().iopb.write(changed);
        driver::nt("FltSetCallbackDataDirty", &[data.address()]);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::LockControl, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let (own, other) = (open(&machine.sim, machine.thread), open(&machine.sim, machine.thread));
    machine.sim.lock(machine.thread, own, 0, 1).expect("nothing is locked");
    let request = machine.sim.start_lock(machine.thread, other, &LockSpec::exclusive(0, 1), Notice::Event);
    let ended = machine.sim.request_result(request.expect("it is open"));
    assert_eq!(ended, Some(Err(NtStatus::LOCK_NOT_GRANTED)));
}

#[test]
fn threads_wait_for_each_other_s_locks() {
    let config = crate::Config::new(Windows::Win11_24H2).schedule(crate::Schedule::Threads);
    let (sim, _, thread) = super::configured(config);
    let file = open(&sim, thread);
    sim.write(thread, file, &WriteSpec::at(0, 1)).expect("it can be written");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let thread = other_thread(&sim);
                let handle = open(&sim, thread);
                for _ in 0..20 {
                    sim.lock_waiting(thread, handle, &LockSpec::exclusive(0, 1)).expect("its turn comes");
                    assert_eq!(sim.write(thread, handle, &WriteSpec::at(0, 1)), Ok(1), "it has the lock");
                    sim.unlock(thread, handle, 0, 1).expect("it is locked");
                }
                sim.close(thread, handle).expect("it is open");
            });
        }
    });
}
