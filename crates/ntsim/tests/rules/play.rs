//! A machine, and what a case does with it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use ntsim::{
    Access, Act, Config, Connection, CreateOptions, CreateSpec, EcpSpec, FastIo, FilterSpec, Handle,
    LoadError, Major, Notice, NtStatus, PortReply, Process, ProcessSpec, Sim, Thread, Violation, VolumeSpec,
    When, Windows, WriteSpec,
};

/// The service name of every offender.
pub(crate) const SERVICE: &str = "offender";
const ALTITUDE: &str = "385971";
/// The altitude of another filter, below.
const BELOW: &str = "100000";
/// The port that some of them open.
const PORT: &str = r"\Offn";
const FILE: &str = r"C:\a.txt";

pub(crate) struct Machine {
    pub(crate) sim: Sim,
    pub(crate) process: Process,
    pub(crate) thread: Thread,
}

/// What is done with an offender between loading and unloading.
pub(crate) type Play = fn(&Machine);

impl Machine {
    pub(crate) fn new() -> Self {
        let sim = Sim::new(Config::new(Windows::Win11_24H2));
        sim.add_volume(VolumeSpec::new(r"\Device\HarddiskVolume3").dos("C:")).expect("a new name");
        let process =
            sim.add_process(ProcessSpec::new(r"C:\app.exe").pid(1000).administrator()).expect("a new PID");
        let thread = sim.add_thread(process, Some(1004)).expect("a new TID");
        sim.set_altitude(SERVICE, ALTITUDE).expect("an altitude");
        Self { sim, process, thread }
    }

    /// Loads an image, plays, and unloads it. What the drivers did wrong is left in `sim`.
    pub(crate) fn run(&self, image: &Path, play: Play) -> Vec<Violation> {
        let run = || match self.sim.load_file(image, SERVICE) {
            Ok(driver) => {
                play(self);
                self.sim.unload(&driver).expect("the driver unloads");
            }
            Err(LoadError::DriverEntry(_)) => {}
            Err(error) => panic!("{error}"),
        };
        // A crash ends the simulation by a panic, and is a violation as well.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            assert!(
                !self.sim.violations().is_empty(),
                "the test itself failed: {:?}",
                panic.downcast_ref::<String>()
            );
        }
        self.sim.violations()
    }

    fn open(&self, spec: &CreateSpec) -> Handle {
        self.sim.create(self.thread, spec).expect("the file opens")
    }

    fn write(&self, handle: Handle, spec: &WriteSpec) {
        // Some offenders make it fail.
        let _ = self.sim.write(self.thread, handle, spec);
    }

    fn connect(&self, reply: PortReply) -> Connection {
        self.sim.connect(PORT, self.process, &[], Box::new(move |_| reply.clone())).expect("it connects")
    }
}

/// A file is created, written to and closed.
pub(crate) fn write(machine: &Machine) {
    let handle = machine.open(&CreateSpec::new(FILE));
    machine.write(handle, &WriteSpec::at(0, 4096));
    machine.sim.close(machine.thread, handle).expect("it is open");
}

/// A file is written to twice, by different threads.
pub(crate) fn write_twice(machine: &Machine) {
    let handle = machine.open(&CreateSpec::new(FILE));
    machine.write(handle, &WriteSpec::at(0, 4096));
    let other = machine.sim.add_thread(machine.process, None).expect("the process runs");
    let _ = machine.sim.write(other, handle, &WriteSpec::at(4096, 4096));
    machine.sim.close(machine.thread, handle).expect("it is open");
}

/// A file is written to by fast I/O.
pub(crate) fn write_fast(machine: &Machine) {
    let handle = machine.open(&CreateSpec::new(FILE));
    machine.write(handle, &WriteSpec { fast_io: FastIo::Accepted, ..WriteSpec::at(0, 4096) });
    machine.sim.close(machine.thread, handle).expect("it is open");
}

/// A file is written to through an asynchronous handle.
pub(crate) fn write_asynchronously(machine: &Machine) {
    let handle = machine.open(&CreateSpec::new(FILE).options(CreateOptions::NON_DIRECTORY_FILE));
    machine.write(handle, &WriteSpec::at(0, 4096));
    machine.sim.close(machine.thread, handle).expect("it is open");
}

/// What was written goes to the disk, by paging I/O.
pub(crate) fn write_pages(machine: &Machine) {
    let handle = machine.open(&CreateSpec::new(FILE));
    machine.write(handle, &WriteSpec { paging: true, ..WriteSpec::at(0, 4096) });
    machine.sim.close(machine.thread, handle).expect("it is open");
}

/// A write without a thread.
pub(crate) fn write_without_thread(machine: &Machine) {
    let handle = machine.open(&CreateSpec::new(FILE).access(Access::GENERIC_WRITE));
    machine.write(handle, &WriteSpec { thread_null: true, ..WriteSpec::at(0, 4096) });
    machine.sim.close(machine.thread, handle).expect("it is open");
}

/// A write of nothing.
pub(crate) fn write_nothing(machine: &Machine) {
    let handle = machine.open(&CreateSpec::new(FILE));
    machine.write(handle, &WriteSpec::at(0, 0));
    machine.sim.close(machine.thread, handle).expect("it is open");
}

/// There is no pool for the next write.
pub(crate) fn write_without_pool(machine: &Machine) {
    let handle = machine.open(&CreateSpec::new(FILE));
    machine.sim.fail_nth("ExAllocatePool2", 1, NtStatus::INSUFFICIENT_RESOURCES);
    machine.write(handle, &WriteSpec::at(0, 4096));
    machine.sim.close(machine.thread, handle).expect("it is open");
}

/// A write whose completion comes at `DISPATCH_LEVEL`.
pub(crate) fn write_completed_at_dispatch(machine: &Machine) {
    let below = FilterSpec::new("below", BELOW).act(When::every(Major::Write), Act::CompleteAtDispatch);
    machine.sim.add_filter(below).expect("the altitude is free");
    write(machine);
}

/// A write that another filter, below, holds up until the driver has gone.
pub(crate) fn unload_during_write(machine: &Machine) {
    let below = FilterSpec::new("below", BELOW).act(When::every(Major::Write), Act::Hold);
    machine.sim.add_filter(below).expect("the altitude is free");
    let handle = machine.open(&CreateSpec::new(FILE).options(CreateOptions::NON_DIRECTORY_FILE));
    let begun = machine.sim.start_write(machine.thread, handle, &WriteSpec::at(0, 4096), Notice::Event);
    // Some offenders refuse it.
    let _ = begun;
}

/// A consumer that answers with nonsense: an index just out of bounds.
pub(crate) fn write_with_consumer(machine: &Machine) {
    let connection = machine.connect(PortReply::Reply(vec![64, 0, 0, 0]));
    write(machine);
    connection.disconnect();
}

/// A consumer that sends a message.
pub(crate) fn send_message(machine: &Machine) {
    let connection = machine.connect(PortReply::Silent);
    // Some offenders refuse it, and the control takes none.
    let _ = connection.send(&[1, 0, 0, 0], 0);
    connection.disconnect();
}

/// The SMB server opens a file for a client.
pub(crate) fn create_for_remote_client(machine: &Machine) {
    let client = "192.0.2.7:445".parse().expect("an address");
    let handle = machine.open(&CreateSpec::new(FILE).ecp(EcpSpec::srv_open("share", client)));
    machine.sim.close(machine.thread, handle).expect("it is open");
}

/// And again.
pub(crate) fn create_for_remote_client_twice(machine: &Machine) {
    create_for_remote_client(machine);
    create_for_remote_client(machine);
}
