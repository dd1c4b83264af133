//! What fails is undone, and the machine goes on.

use std::collections::BTreeMap;

use ntsim::{CopySpec, LoadError, NtStatus, Windows, WriteSpec};

use crate::rig::{Inbox, Machine, image};

const FAILURE: NtStatus = NtStatus::INSUFFICIENT_RESOURCES;

/// Loads the driver, connects, opens, writes, copies, unloads; `before` says what is to fail.
fn life(image: &[u8], before: impl FnOnce(&Machine)) -> (Machine, Life) {
    let machine = Machine::new(Windows::Win11_24H2);
    before(&machine);
    let driver = match machine.sim.load(image, "whowrote") {
        Ok(driver) => driver,
        Err(LoadError::DriverEntry(_)) => {
            machine.assert_no_violation();
            return (machine, Life::NotLoaded);
        }
        Err(error) => panic!("{error}"),
    };
    let inbox = Inbox::default();
    let connection = machine.connect(&inbox);
    let handle = machine.open(r"C:\file.txt");
    machine.write(handle, &WriteSpec::at(0, 1));
    let copy = CopySpec::new(r"C:\from", r"C:\to", 1 << 20);
    machine.sim.copy_file2(machine.thread, &copy).expect("nothing is denied to anybody");
    machine.sim.settle();
    machine.sim.advance(std::time::Duration::from_secs(1));
    machine.sim.close(machine.thread, handle).expect("it is open");
    drop(connection);
    let books = machine.unload(&driver);
    match books.produced {
        0 => (machine, Life::NotAttached),
        2 => (machine, Life::Whole),
        _ => panic!("a write is missing: {books:?}"),
    }
}

/// How far it got.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Life {
    NotLoaded,
    /// It stays off a volume of which it cannot keep what it needs.
    NotAttached,
    /// Every write is recorded, whatever else failed.
    Whole,
}

/// Calls that undo what succeeded before, which cannot fail then.
fn undoes(routine: &str, n: u64) -> bool {
    matches!(
        (routine, n),
        ("PsSetCreateProcessNotifyRoutineEx", 2) | ("ZwClose" | "ZwWaitForSingleObject", _)
    )
}

/// Each call of each routine, one at a time.
#[test]
fn whichever_call_fails() {
    let Some(image) = image() else { return };
    let (machine, whole) = life(&image, |_| ());
    assert_eq!(whole, Life::Whole);
    let calls = machine.sim.calls();
    let mut lives = BTreeMap::new();
    for (routine, count) in calls {
        let machine = Machine::new(Windows::Win11_24H2);
        if !machine.sim.can_fail(routine) {
            continue;
        }
        for n in 1..=count {
            if undoes(routine, n) {
                continue;
            }
            println!("call {n} of {routine}");
            let (_, life) = life(&image, |machine| machine.sim.fail_nth(routine, n, FAILURE));
            println!("  {life:?}");
            *lives.entry(life).or_insert(0) += 1;
        }
    }
    println!("{lives:?}");
    // All three are met, or this test tries too little.
    assert_eq!(lives.len(), 3, "{lives:?}");
}
