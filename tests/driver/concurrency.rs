//! What one thread does while another is in the middle of something.

use ntsim::{Config, CreateSpec, HeldCall, ProcessSpec, Schedule, Thread, Windows, WriteSpec};

use crate::rig::{Inbox, Machine, image};

const SHARED: &str = r"C:\shared.log";
const SHARED_PATH: &str = r"\Device\HarddiskVolume3\shared.log";

fn machine() -> Machine {
    Machine::with(Config::new(Windows::Win11_24H2).schedule(Schedule::Threads))
}

/// A thread of another process than the machine's.
fn another(machine: &Machine) -> Thread {
    let process = machine.sim.add_process(ProcessSpec::new(r"\Device\HarddiskVolume3\other.exe"));
    machine.sim.add_thread(process.expect("a new pid"), None).expect("it lives")
}

/// Opens the shared file and writes to it. What is held is released in any case.
fn open_and_write(machine: &Machine, thread: Thread, held: Option<&HeldCall>) {
    let result = machine
        .sim
        .create(thread, &CreateSpec::new(SHARED))
        .and_then(|handle| machine.sim.write(thread, handle, &WriteSpec::at(0, 1)));
    if let Some(held) = held {
        held.release();
    }
    result.expect("the file can be opened and written");
}

/// Regression test: one open had given the stream its context and not yet put its address into the index
/// when another, which found the context, was over. What that one's process wrote had no path.
#[test]
fn a_stream_is_found_by_whoever_opens_it_while_another_open_gives_it_its_key() {
    let Some(image) = image() else { return };
    let machine = machine();
    let other = another(&machine);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let first = machine.sim.hold_next("FltSetStreamContext");
    std::thread::scope(|scope| {
        scope.spawn(|| open_and_write(&machine, other, Some(&first)));
        assert!(first.wait(), "the stream got a context");
        open_and_write(&machine, machine.thread, None);
        first.release();
    });
    machine.unload(&driver);
    let paths: Vec<_> = inbox.writes().into_iter().map(|received| received.path).collect();
    assert_eq!(paths, [Some(SHARED_PATH.to_owned()), Some(SHARED_PATH.to_owned())]);
}

/// Regression test, the same for an open that finds no context, and then that another was faster.
#[test]
fn a_stream_is_found_by_whoever_loses_the_race_to_give_it_its_key() {
    let Some(image) = image() else { return };
    let machine = machine();
    let other = another(&machine);
    let driver = machine.load(&image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let loser = machine.sim.hold_next("FltGetStreamContext");
    let winner = machine.sim.hold_next("FltSetStreamContext");
    std::thread::scope(|scope| {
        let losing = scope.spawn(|| open_and_write(&machine, machine.thread, Some(&loser)));
        assert!(loser.wait(), "the stream has no context yet");
        let winning = scope.spawn(|| open_and_write(&machine, other, Some(&winner)));
        assert!(winner.wait(), "the stream got a context");
        loser.release();
        losing.join().expect("the file was written");
        winner.release();
        winning.join().expect("the file was written");
    });
    machine.unload(&driver);
    let paths: Vec<_> = inbox.writes().into_iter().map(|received| received.path).collect();
    assert_eq!(paths, [Some(SHARED_PATH.to_owned()), Some(SHARED_PATH.to_owned())]);
}
