//! Threads are known by their addresses, which other threads get after them.

use audit::attribution::Confidence;
use audit::record::Code;
use ntsim::{Config, CreateSpec, NtStatus, ProcessSpec, Schedule, Windows, WriteSpec};

use crate::rig::{Inbox, Machine, image};

/// Threads that each get the object of one that is gone.
const THREADS: u32 = 40;

/// Two threads of each process write and are gone; one thread stays.
fn each_writes_under_his_own_name(machine: &Machine, image: &[u8]) {
    let driver = machine.load(image);
    let inbox = Inbox::default();
    machine.connect(&inbox).expect("nobody else is connected");
    let stays = machine.open(r"C:\before");
    machine.write(stays, &WriteSpec::at(0, 1));
    let mut expected = vec![(3756, 4660)];
    for number in 0..THREADS {
        let pid = 8000 + 4 * (number / 2 * 3);
        let process = match machine.sim.process_by_pid(pid) {
            Some(process) => process,
            None => machine.sim.add_process(ProcessSpec::new(r"C:\some.exe").pid(pid)).expect("a new pid"),
        };
        let tid = 20_000 + 4 * number;
        let thread = machine.sim.add_thread(process, Some(tid)).expect("it lives");
        let handle = machine.sim.create(thread, &CreateSpec::new(r"C:\file")).expect("the path is good");
        for _ in 0..2 {
            machine.sim.write(thread, handle, &WriteSpec::at(0, 1)).expect("the write is good");
            machine.sim.settle();
        }
        expected.extend([(pid, tid); 2]);
        machine.sim.close(thread, handle).expect("it is open");
        if number % 2 == 0 {
            machine.sim.exit_thread(thread).expect("it runs");
        } else {
            machine.sim.exit_process(process).expect("it runs");
        }
        // A thread that stayed is who it was.
        machine.write(stays, &WriteSpec::at(0, 1));
        expected.push((3756, 4660));
    }
    let writes = inbox.writes();
    let seen: Vec<_> = writes
        .iter()
        .map(|received| {
            assert_eq!(received.write.confidence, Code::Known(Confidence::Certain));
            received.write.originator.map_or((0, 0), |actor| (actor.pid, actor.tid))
        })
        .collect();
    assert_eq!(seen, expected);
    machine.unload(&driver);
}

#[test]
fn a_thread_is_not_taken_for_the_one_that_had_its_address_before() {
    let Some(image) = image() else { return };
    for schedule in [Schedule::Fixed, Schedule::Seeded(7), Schedule::Threads] {
        let config = Config::new(Windows::Win11_24H2).reuse_threads(true).schedule(schedule);
        each_writes_under_his_own_name(&Machine::with(config), &image);
    }
}

#[test]
fn threads_are_asked_for_where_the_system_does_not_tell_of_them() {
    let Some(image) = image() else { return };
    let machine = Machine::with(Config::new(Windows::Win11_24H2).reuse_threads(true));
    machine.sim.fail_nth("PsSetCreateThreadNotifyRoutine", 1, NtStatus::INSUFFICIENT_RESOURCES);
    each_writes_under_his_own_name(&machine, &image);
}
