//! Model filters above and below a driver.

use std::sync::{Arc, Mutex};

use super::driver::{FINISHED_PROCESSING, Filter, SUCCESS_WITH_CALLBACK};
use super::{Machine, TID};
use crate::abi::{CallbackData, Ptr, RelatedObjects};
use crate::sim::{
    Act, FastIo, FilterSpec, Handle, Major, Mode, Phase, SpecError, VolumeSpec, When, WriteSpec,
};
use crate::status::NtStatus;

const ABOVE: &str = "400000";
const BELOW: &str = "40000";

extern "win64" fn watch(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    SUCCESS_WITH_CALLBACK
}

extern "win64" fn finish(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
    FINISHED_PROCESSING
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    Filter::default().on(Major::Write, watch, Some(finish)).start(driver)
}

/// A machine with a driver that watches writes, and a model filter at an altitude.
fn machine(altitude: &str, act: Act) -> (Machine, Handle, Arc<Mutex<Vec<String>>>) {
    let machine = Machine::new(entry);
    let filter = FilterSpec::new("model", altitude).act(When::every(Major::Write), act);
    machine.sim.add_filter(filter).expect("the altitude is free");
    let handle = machine.open(r"C:\a");
    let notes = note(&machine);
    (machine, handle, notes)
}

/// Notes each callback: its phase, whose thread is current and whose the operation's, flags, length.
fn note(machine: &Machine) -> Arc<Mutex<Vec<String>>> {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&notes);
    machine.sim.set_observer(Box::new(move |callback| {
        let phase = match callback.status {
            None => "pre".to_owned(),
            Some(NtStatus::SUCCESS) => "post".to_owned(),
            Some(status) => format!("post {status}"),
        };
        assert_eq!(callback.phase == Phase::Pre, callback.status.is_none());
        let current = if callback.current.tid == TID { "caller" } else { "system" };
        let thread = callback.thread.as_ref().map(|thread| thread.tid);
        let of = if thread == Some(TID) { "caller" } else { "system" };
        let kind = match (callback.flags & 0x3_0000, callback.flags & 2) {
            (0x1_0000, _) => " generated",
            (0x2_0000, _) => " reissued",
            (0, 2) => " fast",
            _ => "",
        };
        let mode = if callback.requestor_mode == Mode::Kernel { " kernel" } else { "" };
        let length = callback.length.unwrap_or(0);
        let text = format!("{phase} in {current} of {of}, {length}{kind}{mode}");
        into.lock().expect("no observer has panicked").push(text);
    }));
    notes
}

fn notes(of: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut *of.lock().expect("no observer has panicked"))
}

fn write(machine: &Machine, handle: Handle) -> Result<u32, NtStatus> {
    machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 10))
}

#[test]
fn what_a_filter_above_reposts_comes_in_a_worker_for_the_same_thread() {
    let (machine, handle, log) = machine(ABOVE, Act::Repost);
    assert_eq!(write(&machine, handle), Ok(10));
    assert_eq!(notes(&log), ["pre in system of caller, 10", "post in system of caller, 10"]);
    machine.expect_no_violation();
}

#[test]
fn what_a_filter_below_reposts_is_completed_in_a_worker() {
    let (machine, handle, log) = machine(BELOW, Act::Repost);
    assert_eq!(write(&machine, handle), Ok(10));
    assert_eq!(notes(&log), ["pre in caller of caller, 10", "post in system of caller, 10"]);
    machine.expect_no_violation();
}

#[test]
fn fast_io_that_would_be_reposted_is_disallowed_and_comes_as_an_irp() {
    let (machine, handle, log) = machine(BELOW, Act::Repost);
    let spec = WriteSpec { fast_io: FastIo::Accepted, ..WriteSpec::at(0, 10) };
    assert_eq!(machine.sim.write(machine.thread, handle, &spec), Ok(10));
    let expected = [
        "pre in caller of caller, 10 fast",
        "post STATUS_FLT_DISALLOW_FAST_IO (0xC01C0004) in caller of caller, 10 fast",
        "pre in caller of caller, 10",
        "post in system of caller, 10",
    ];
    assert_eq!(notes(&log), expected);
}

#[test]
fn what_a_filter_above_reissues_comes_once_and_marked() {
    let (machine, handle, log) = machine(ABOVE, Act::Reissue);
    assert_eq!(write(&machine, handle), Ok(10));
    let expected = ["pre in caller of caller, 10 reissued", "post in caller of caller, 10 reissued"];
    assert_eq!(notes(&log), expected);
    machine.expect_no_violation();
}

#[test]
fn what_a_filter_writes_itself_is_seen_below_it() {
    let (machine, handle, log) = machine(ABOVE, Act::Write { offset: 4096, length: 77 });
    assert_eq!(write(&machine, handle), Ok(10));
    let expected = [
        "pre in caller of caller, 77 generated kernel",
        "post in caller of caller, 77 generated kernel",
        "pre in caller of caller, 10",
        "post in caller of caller, 10",
    ];
    assert_eq!(notes(&log), expected);
    machine.expect_no_violation();
}

#[test]
fn what_a_filter_writes_itself_is_not_seen_above_it() {
    let (machine, handle, log) = machine(BELOW, Act::Write { offset: 4096, length: 77 });
    assert_eq!(write(&machine, handle), Ok(10));
    assert_eq!(notes(&log), ["pre in caller of caller, 10", "post in caller of caller, 10"]);
}

#[test]
fn what_a_filter_holds_up_goes_on_when_everything_else_waits() {
    let (machine, handle, log) = machine(ABOVE, Act::Hold);
    assert_eq!(write(&machine, handle), Ok(10));
    assert_eq!(notes(&log), ["pre in system of caller, 10", "post in system of caller, 10"]);
    machine.expect_no_violation();
}

#[test]
fn what_a_filter_above_completes_is_never_seen() {
    for act in [Act::Complete(NtStatus::ACCESS_DENIED), Act::PendAndComplete(NtStatus::ACCESS_DENIED)] {
        let (machine, handle, log) = machine(ABOVE, act);
        assert_eq!(write(&machine, handle), Err(NtStatus::ACCESS_DENIED));
        assert!(notes(&log).is_empty());
    }
}

#[test]
fn what_a_filter_below_fails_is_seen_to_fail() {
    let (machine, handle, log) = machine(BELOW, Act::PendAndComplete(NtStatus::DISK_FULL));
    assert_eq!(write(&machine, handle), Err(NtStatus::DISK_FULL));
    let failed = format!("post {} in system of caller, 10", NtStatus::DISK_FULL);
    assert_eq!(notes(&log), ["pre in caller of caller, 10".to_owned(), failed]);
    machine.expect_no_violation();
}

#[test]
fn a_filter_acts_on_what_it_is_told_to() {
    let machine = Machine::new(entry);
    let when = When::every(Major::Write).nth(2).path(r"\B");
    let filter = FilterSpec::new("model", BELOW).act(when, Act::Complete(NtStatus::DISK_FULL));
    machine.sim.add_filter(filter).expect("the altitude is free");
    let other = machine.open(r"C:\a");
    let meant = machine.open(r"C:\b");
    let results: Vec<_> = [other, meant, meant, other, meant, meant]
        .into_iter()
        .map(|handle| write(&machine, handle).is_ok())
        .collect();
    assert_eq!(results, [true, true, false, true, true, false]);
}

#[test]
fn a_filter_is_on_volumes_that_are_mounted_later_too() {
    let (machine, ..) = machine(BELOW, Act::Complete(NtStatus::DISK_FULL));
    machine.sim.add_volume(VolumeSpec::new(r"\Device\HarddiskVolume9").dos("Z:")).expect("names are free");
    let handle = machine.open(r"Z:\a");
    assert_eq!(write(&machine, handle), Err(NtStatus::DISK_FULL));
}

#[test]
fn an_altitude_is_one_filter_s() {
    let (machine, ..) = machine(BELOW, Act::Repost);
    let add = |altitude| machine.sim.add_filter(FilterSpec::new("other", altitude));
    assert_eq!(add(BELOW), Err(SpecError::AltitudeInUse(BELOW.to_owned())));
    assert_eq!(add("385000"), Err(SpecError::AltitudeInUse("385000".to_owned())), "the driver's");
    assert!(matches!(add("high"), Err(SpecError::BadName(..))));
}
