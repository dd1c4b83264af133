//! What a write costs inside the driver, counted exactly: instructions of its image, calls to kernel routines, cache lines
//! that it writes to, and atomic instructions. What the callbacks of one operation take is added up.
//!
//! The test fails when one is more than a tenth above what was recorded. `cargo xtask bench` has them written to the file
//! that `WHOWROTE_COSTS` names, for docs/performance.md.

use std::collections::{BTreeMap, BTreeSet};

use audit::parameters::{Parameter, REG_MULTI_SZ};
use ntsim::{Access, ChunkSpec, CreateSpec, FastIo, Metering, Windows, WriteSpec};

use crate::parameters::{control, multi};
use crate::rig::{Machine, image};

/// What the callbacks of one operation cost.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cost {
    /// Callbacks of the driver that were called.
    callbacks: Vec<String>,
    /// Instructions executed in the driver's image.
    instructions: u64,
    /// Calls from there to kernel routines.
    calls: u64,
    /// Cache lines written to outside the stack.
    lines: u64,
    /// Atomic read-modify-write instructions.
    atomics: u64,
}

/// What was counted when the write path last changed.
struct Recorded {
    what: &'static str,
    /// The goal of the project, where there is one: instructions and calls.
    goal: Option<(u64, u64)>,
    instructions: u64,
    calls: u64,
    /// Cache lines and atomic instructions, which are not to grow at all.
    writes: (u64, u64),
    measure: fn(&Machine) -> Cost,
}

/// A change that makes a write cheaper lowers these.
const RECORDED: [Recorded; 7] = [
    Recorded {
        what: "user write",
        goal: Some((150, 6)),
        instructions: 207,
        calls: 5,
        writes: (2, 1),
        measure: user_write,
    },
    Recorded {
        what: "fast I/O write",
        goal: Some((150, 6)),
        instructions: 207,
        calls: 5,
        writes: (2, 1),
        measure: fast_io_write,
    },
    Recorded {
        what: "copy write",
        goal: Some((250, 10)),
        instructions: 390,
        calls: 7,
        writes: (4, 1),
        measure: copy_write,
    },
    Recorded {
        what: "open for writing",
        goal: None,
        instructions: 664,
        calls: 13,
        writes: (1, 0),
        measure: open_for_writing,
    },
    Recorded {
        what: "open for reading",
        goal: None,
        instructions: 187,
        calls: 3,
        writes: (0, 0),
        measure: open_for_reading,
    },
    Recorded {
        what: "write of an excluded process",
        goal: Some((30, 2)),
        instructions: 94,
        calls: 1,
        writes: (1, 1),
        measure: excluded_write,
    },
    Recorded {
        what: "paging write",
        goal: Some((30, 2)),
        instructions: 0,
        calls: 0,
        writes: (0, 0),
        measure: paging_write,
    },
];

/// Above what was recorded, in percent, this is too much.
const TOLERANCE: u64 = 10;

#[test]
fn a_write_costs_no_more_than_it_did() {
    let Some(image) = image() else { return };
    let machine = Machine::new(Windows::Win11_24H2);
    let driver = machine.load(&image);
    let mut table = String::from(
        "| callbacks of | instructions in the driver | calls of routines | goal | cache lines written | atomic instructions |\n\
         |---|---|---|---|---|---|\n",
    );
    let mut worse = Vec::new();
    for Recorded { what, goal, instructions, calls, writes, measure } in RECORDED {
        let cost = measure(&machine);
        let too_much = |now: u64, then: u64| now * 100 > then * (100 + TOLERANCE);
        let more_written = cost.lines > writes.0 || cost.atomics > writes.1;
        if too_much(cost.instructions, instructions) || too_much(cost.calls, calls) || more_written {
            worse.push(format!("{what}: {cost:?}, recorded were {instructions} and {calls}, {writes:?}"));
        }
        let goal = goal.map_or(String::new(), |(instructions, calls)| format!("{instructions}, {calls}"));
        let Cost { instructions, calls, lines, atomics, .. } = cost;
        let row = [
            what.to_owned(),
            instructions.to_string(),
            calls.to_string(),
            goal,
            lines.to_string(),
            atomics.to_string(),
        ];
        table.extend(["| ", &row.join(" | "), " |\n"]);
    }
    println!("{table}");
    if let Some(path) = std::env::var_os("WHOWROTE_COSTS") {
        std::fs::write(path, table).expect("the file for the table can be written");
    }
    assert!(worse.is_empty(), "{worse:#?}");
    machine.unload(&driver);
}

/// What the driver's callbacks cost while something is done. (It is not connected: its thread sleeps.)
fn cost(machine: &Machine, work: impl FnOnce()) -> Cost {
    machine.sim.settle();
    let before: BTreeMap<_, _> = machine.sim.calls().into_iter().collect();
    machine.sim.set_metering(Metering::Instructions);
    work();
    machine.sim.set_metering(Metering::Off);
    let costs = machine.sim.take_calls();
    let calls = machine.sim.calls().into_iter().map(|(name, count)| count - before.get(name).unwrap_or(&0));
    Cost {
        instructions: costs.iter().map(|cost| cost.instructions.driver).sum(),
        calls: calls.sum(),
        lines: costs.iter().flat_map(|cost| &cost.stores.lines).collect::<BTreeSet<_>>().len() as u64,
        atomics: costs.iter().map(|cost| cost.stores.atomics).sum(),
        callbacks: costs.into_iter().map(|cost| cost.callback).collect(),
    }
}

fn user_write(machine: &Machine) -> Cost {
    let handle = machine.open(r"C:\user");
    let cost = cost(machine, || {
        machine.sim.write(machine.thread, handle, &WriteSpec::at(4096, 4096)).expect("the write is good");
    });
    machine.sim.close(machine.thread, handle).expect("it is open");
    assert_eq!(cost.callbacks, ["pre-write", "post-write"]);
    cost
}

fn fast_io_write(machine: &Machine) -> Cost {
    let handle = machine.open(r"C:\fast");
    let spec = WriteSpec { fast_io: FastIo::Accepted, ..WriteSpec::at(4096, 4096) };
    let cost = cost(machine, || {
        machine.sim.write(machine.thread, handle, &spec).expect("the write is good");
    });
    machine.sim.close(machine.thread, handle).expect("it is open");
    assert_eq!(cost.callbacks, ["pre-write", "post-write"]);
    cost
}

fn copy_write(machine: &Machine) -> Cost {
    let source = machine.open(r"C:\source");
    machine.write(source, &WriteSpec::at(0, 4096));
    let destination = machine.open(r"C:\destination");
    let chunk = ChunkSpec { source, destination, source_offset: 0, destination_offset: 0, length: 4096 };
    // The worker that writes is met.
    machine.sim.copy_file_chunk(machine.thread, &chunk).expect("the chunk is good");
    let cost = cost(machine, || {
        machine.sim.copy_file_chunk(machine.thread, &chunk).expect("the chunk is good");
    });
    for handle in [source, destination] {
        machine.sim.close(machine.thread, handle).expect("it is open");
    }
    assert_eq!(cost.callbacks, ["pre-write", "post-write"]);
    cost
}

/// A file that has its key already is opened by a process that is known.
fn open_for_writing(machine: &Machine) -> Cost {
    open(machine, &CreateSpec::new(r"C:\opened"))
}

fn open_for_reading(machine: &Machine) -> Cost {
    open(machine, &CreateSpec::new(r"C:\opened").access(Access::READ_DATA))
}

fn open(machine: &Machine, spec: &CreateSpec) -> Cost {
    let before = machine.open(r"C:\opened");
    let mut handle = None;
    let cost = cost(machine, || handle = machine.sim.create(machine.thread, spec).ok());
    for handle in [Some(before), handle].into_iter().flatten() {
        machine.sim.close(machine.thread, handle).expect("it is open");
    }
    assert_eq!(cost.callbacks, ["pre-create", "post-create"]);
    cost
}

fn excluded_write(machine: &Machine) -> Cost {
    let exclude = |rules: &[&str]| {
        let rules = multi(rules);
        control(machine, false, &[(Parameter::ExcludeImages, REG_MULTI_SZ, &rules)]).expect("good rules");
    };
    exclude(&["explorer.exe"]);
    let handle = machine.open(r"C:\excluded");
    let cost = cost(machine, || {
        machine.sim.write(machine.thread, handle, &WriteSpec::at(4096, 4096)).expect("the write is good");
    });
    machine.sim.close(machine.thread, handle).expect("it is open");
    exclude(&[]);
    assert_eq!(cost.callbacks, ["pre-write"]);
    cost
}

/// Memory management writes what was written before: the driver is not called at all.
fn paging_write(machine: &Machine) -> Cost {
    let handle =
        machine.sim.create(machine.thread, &CreateSpec::new(r"C:\paging")).expect("the path is good");
    machine.write(handle, &WriteSpec::at(0, 4096));
    let cost = cost(machine, || machine.sim.flush(machine.thread, handle).expect("it is open"));
    machine.sim.close(machine.thread, handle).expect("it is open");
    assert_eq!(cost.callbacks, Vec::<String>::new());
    cost
}
