//! What became of a write: failed ones are none, and what is told of the others was true when they ended.

use audit::record::WriteFlags;
use ntsim::{
    Access, Act, CreateOptions, CreateSpec, FastIo, FilterSpec, Major, Mode, Notice, NtStatus, Outcome, When,
    Windows, WriteSpec,
};

use crate::rig::{Inbox, Machine, Received, image};

const TEXT: &str = r"C:\text";

/// A filter below the driver.
fn below(act: Act) -> FilterSpec {
    FilterSpec::new("below", "45000").act(When::every(Major::Write), act)
}

/// A filter above the driver.
fn above(act: Act) -> FilterSpec {
    FilterSpec::new("above", "389000").act(When::every(Major::Write), act)
}

fn lengths(writes: &[Received]) -> Vec<(u32, u32)> {
    writes.iter().map(|received| (received.write.length, received.write.missing)).collect()
}

/// Regression test: a write by IRP was recorded before it was known how it ends.
#[test]
fn a_write_that_fails_is_none() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open(TEXT);
    for fast_io in [FastIo::No, FastIo::Accepted] {
        for mode in [Mode::User, Mode::Kernel] {
            let fails = Outcome::Given(NtStatus::DISK_FULL);
            let failed = WriteSpec { outcome: fails, fast_io, mode, ..WriteSpec::at(0, 100) };
            assert_eq!(machine.sim.write(machine.thread, handle, &failed), Err(NtStatus::DISK_FULL));
            machine.write(handle, &WriteSpec { fast_io, mode, ..WriteSpec::at(0, 200) });
        }
    }
    assert_eq!(lengths(&inbox.writes()), [(200, 0); 4]);
    let books = machine.unload(&driver);
    assert_eq!((books.produced, books.delivered), (4, 4), "what failed is not lost either");
}

#[test]
fn fast_io_that_is_refused_and_comes_again_is_one_write() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open(TEXT);
    let refused = WriteSpec { fast_io: FastIo::Refused, ..WriteSpec::at(0, 100) };
    let answer = machine.sim.write(machine.thread, handle, &refused);
    assert_eq!(answer, Err(NtStatus::FLT_DISALLOW_FAST_IO));
    machine.write(handle, &WriteSpec::at(0, 100));
    let writes = inbox.writes();
    let [received] = &writes[..] else { panic!("{writes:#?}") };
    assert!(!received.write.flags.contains(WriteFlags::FAST_IO));
    assert_eq!(machine.unload(&driver).produced, 1);
}

#[test]
fn a_write_is_as_long_as_what_was_written() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let handle = machine.open(TEXT);
    for (outcome, length) in [(Outcome::Bytes(4096), 10_000), (Outcome::Bytes(0), 3), (Outcome::Model, 5)] {
        machine.write(handle, &WriteSpec { outcome, ..WriteSpec::at(0, length) });
    }
    assert_eq!(lengths(&inbox.writes()), [(4096, 5904), (0, 3), (5, 0)]);
    machine.unload(&driver);
}

/// The volume goes while a write is held up below the driver, which does not hear how it ends.
#[test]
fn a_write_that_the_driver_is_detached_from_has_no_known_outcome() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    machine.sim.add_filter(below(Act::Hold)).expect("a new altitude");
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let spec = CreateSpec::new(TEXT).options(CreateOptions::empty());
    let handle = machine.sim.create(machine.thread, &spec).expect("the path is good");
    for mode in [Mode::User, Mode::Kernel] {
        let spec = WriteSpec { mode, ..WriteSpec::at(0, 100) };
        machine.sim.start_write(machine.thread, handle, &spec, Notice::Event).expect("it is asynchronous");
    }
    let volume = machine.open(r"\\.\C:");
    machine.sim.dismount(machine.thread, volume).expect("the volume is open");
    machine.sim.settle();
    let writes = inbox.writes();
    assert_eq!(lengths(&writes), [(100, 0); 2]);
    for received in writes {
        assert!(received.write.flags.contains(WriteFlags::OUTCOME_UNKNOWN));
        assert_eq!(received.write.originator.map(|actor| actor.tid), Some(4660));
        assert_eq!(received.path.as_deref(), Some(r"\Device\HarddiskVolume3\text"));
    }
    machine.unload(&driver);
}

/// The driver is unloaded meanwhile: what it still learns can be delivered no more, and is counted.
#[test]
fn a_write_in_flight_at_unload_is_counted_as_lost() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    machine.sim.add_filter(below(Act::Hold)).expect("a new altitude");
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let spec = CreateSpec::new(TEXT).options(CreateOptions::empty());
    let handle = machine.sim.create(machine.thread, &spec).expect("the path is good");
    machine
        .sim
        .start_write(machine.thread, handle, &WriteSpec::at(0, 100), Notice::Event)
        .expect("it is asynchronous");
    let books = machine.unload(&driver);
    assert_eq!((books.produced, books.delivered, books.shutdown), (1, 0, 1));
}

/// Where contexts cannot be had, a volume is still found.
#[test]
fn what_is_written_to_a_volume_and_completed_at_dispatch_level_has_its_key() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    for filter in [below(Act::CompleteAtDispatch), above(Act::Repost)] {
        machine.sim.add_filter(filter).expect("a new altitude");
    }
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let volume = CreateSpec::new(r"\\.\C:").access(Access::READ_DATA | Access::WRITE_DATA);
    let volume = machine.sim.create(machine.thread, &volume).expect("the volume can be opened");
    machine.write(
        volume,
        &WriteSpec { non_cached: true, outcome: Outcome::Bytes(512), ..WriteSpec::at(0, 512) },
    );
    let writes = inbox.writes();
    let [received] = &writes[..] else { panic!("{writes:#?}") };
    assert_eq!(received.path.as_deref(), Some(r"\Device\HarddiskVolume3"));
    assert_eq!(received.write.executor.map(|executor| executor.pid), Some(4));
    machine.unload(&driver);
}
