//! Instances that go: detached, with their volume, or with operations that they hold.

use std::sync::Mutex;

use super::driver::{self, Filter, nt};
use super::{DEVICE, Machine};
use crate::abi::{CallbackData, Parameters, Ptr, RelatedObjects};
use crate::fltmgr::{self, Answer, Kind, Operation, Submitted};
use crate::io::request::IoStatus;
use crate::sim::{Major, Volume};
use crate::status::NtStatus;
use crate::verifier::Rule;

type Data = Ptr<CallbackData>;
type Objects = Ptr<RelatedObjects>;

const PENDING: u32 = 2;
const SUCCESS_NO_CALLBACK: usize = 1;
const VOLUME_DISMOUNT: u32 = 8;
const MANUAL: u32 = 1;

extern "win64" fn agree(_: Objects, _: u32) -> u32 {
    0
}

extern "win64" fn refuse(_: Objects, _: u32) -> u32 {
    NtStatus::FLT_DO_NOT_DETACH.0
}

extern "win64" fn count(_: Data, _: Objects, _: Ptr<usize>) -> u32 {
    driver::SEEN.set(driver::SEEN.get() + 1);
    driver::SUCCESS_NO_CALLBACK
}

fn volume(machine: &Machine) -> Volume {
    let volumes = machine.sim.volumes();
    volumes.iter().find(|known| known.spec.device == DEVICE).expect("it is mounted").volume
}

#[test]
fn a_driver_is_detached_if_it_agrees() {
    static REASONS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    extern "win64" fn start(_: Objects, reason: u32) {
        REASONS.lock().unwrap().push(reason);
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default()
            .on(Major::Create, count, None)
            .query_teardown(agree)
            .teardown_start(start)
            .start(driver)
    }
    let machine = Machine::new(entry);
    machine.open(r"C:\a");
    assert_eq!(driver::SEEN.get(), 1);
    let volume = volume(&machine);
    assert_eq!(machine.sim.detach(&machine.driver, volume), Ok(()));
    assert_eq!(*REASONS.lock().unwrap(), [MANUAL]);
    machine.open(r"C:\b");
    assert_eq!(driver::SEEN.get(), 1, "it is gone from the volume");
    let again = machine.sim.detach(&machine.driver, volume);
    assert_eq!(again, Err(NtStatus::FLT_INSTANCE_NOT_FOUND));
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_driver_that_does_not_agree_or_cannot_be_asked_stays() {
    extern "win64" fn refuses(driver: usize, _: usize) -> u32 {
        Filter::default().query_teardown(refuse).start(driver)
    }
    extern "win64" fn cannot(driver: usize, _: usize) -> u32 {
        Filter::default().start(driver)
    }
    for entry in [refuses, cannot] {
        let machine = Machine::new(entry);
        let result = machine.sim.detach(&machine.driver, volume(&machine));
        assert_eq!(result, Err(NtStatus::FLT_DO_NOT_DETACH));
        machine.unload_cleanly();
        machine.expect_no_violation();
    }
}

#[test]
fn the_filters_of_a_volume_go_with_it() {
    static REASONS: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    extern "win64" fn start(_: Objects, reason: u32) {
        REASONS.lock().unwrap().push(reason);
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, count, None).teardown_start(start).start(driver)
    }
    let machine = Machine::new(entry);
    machine.sim.inside(machine.thread, |cpu| {
        let volume = cpu.kernel().volumes.all().remove(0);
        fltmgr::teardown::volume_dismounted(cpu, &volume);
    });
    assert_eq!(*REASONS.lock().unwrap(), [VOLUME_DISMOUNT]);
    machine.open(r"C:\a");
    assert_eq!(driver::SEEN.get(), 0);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

/// The callback data that a driver pended.
static HELD: Mutex<Vec<usize>> = Mutex::new(Vec::new());
/// Tests that pend take turns.
static TURN: Mutex<()> = Mutex::new(());

extern "win64" fn hold(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
    HELD.lock().unwrap().push(data.address());
    PENDING
}

/// Sends a write that the driver pends, and does not wait.
fn submit(machine: &Machine) {
    let handle = machine.open(r"C:\a");
    machine.sim.inside(machine.thread, |cpu| {
        let file = cpu.kernel().file_handles.get(cpu.thread().process(), handle.0).expect("it is open");
        let operation = Operation::new(Major::Write, Kind::Irp, file, Some(cpu.thread()));
        let submitted = fltmgr::submit(
            cpu,
            operation,
            Parameters { words: [0; 6] },
            |_, _| Answer::Complete(IoStatus::plain(NtStatus::SUCCESS)),
            |_, _| (),
        );
        assert_eq!(submitted, Submitted::Pending);
    });
}

#[test]
fn an_instance_completes_what_it_pended_when_it_is_told_that_it_goes() {
    extern "win64" fn start(_: Objects, _: u32) {
        for data in HELD.lock().unwrap().drain(..) {
            nt("FltCompletePendedPreOperation", &[data, SUCCESS_NO_CALLBACK, 0]);
        }
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, hold, None).teardown_start(start).start(driver)
    }
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    submit(&machine);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn an_unload_with_an_operation_that_nobody_completes_is_reported_and_goes_on() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, hold, None).start(driver)
    }
    let _turn = TURN.lock();
    let machine = Machine::new(entry);
    submit(&machine);
    HELD.lock().unwrap().clear();
    machine.unload_cleanly();
    machine.expect_violation(Rule::Pending, "test pre-write");
}
