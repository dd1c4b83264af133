//! Playing a scenario.

pub(crate) mod handle;
pub(crate) mod memory;
mod operation;
mod people;
mod request;
pub(crate) mod specs;

use std::collections::HashMap;
use std::time::Duration;

use ntsim::{
    Handle, NtStatus, OffloadToken, Process, Request, Section, SpecError, Thread, Transaction, View,
};

use self::specs::{filter_spec, volume_spec};
use super::machine::{BareMachine, Machine, failed_with};
use super::observe::{Claim, Means};
use crate::failure::Failure;
use crate::output::explain::{SYSTEM_PID, Truth, Who};
use crate::place::{BadInput, Place};
use crate::scenario::model::{self, Action};
use crate::scenario::{SYSTEM, Scenario};

/// Time that passes before each step, whatever the scenario says.
const BETWEEN_STEPS: Duration = Duration::from_micros(1);

/// A thread and who it is.
struct KnownThread {
    thread: Thread,
    process: Process,
    who: Who,
    kernel: bool,
}

/// A handle, whose it is, and of what.
struct Opened<'s> {
    handle: Handle,
    process: Process,
    path: &'s str,
    /// The machine on whose behalf the server opened it.
    remote: Option<String>,
}

/// Why a step could not be played.
enum Trouble {
    /// It failed; what to say of it.
    Failed(String),
    Other(Failure),
}

impl Trouble {
    /// For an operation that failed with a status.
    fn of(what: &'static str) -> impl Fn(NtStatus) -> Self {
        move |status| Self::Failed(failed_with(what, status))
    }
}

impl From<SpecError> for Trouble {
    fn from(error: SpecError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

/// The things that a scenario has named.
struct Stage<'s> {
    file: &'s str,
    processes: HashMap<&'s str, Process>,
    threads: HashMap<&'s str, KnownThread>,
    handles: HashMap<&'s str, Opened<'s>>,
    tokens: HashMap<&'s str, OffloadToken>,
    /// Sections, and of what.
    sections: HashMap<&'s str, (Section, &'s str)>,
    transactions: HashMap<&'s str, Transaction>,
    requests: HashMap<&'s str, Request>,
    /// A request has been started, and what comes next comes in the middle of it.
    amid: bool,
    /// Views, and of what.
    views: HashMap<&'s str, (View, &'s str)>,
}

/// Sets the machine up as the scenario has it, and plays it.
pub(super) fn play(file: &str, scenario: &Scenario, bare: BareMachine<'_>) -> Result<Machine, Failure> {
    let mut stage = Stage {
        file,
        processes: HashMap::new(),
        threads: HashMap::new(),
        handles: HashMap::new(),
        tokens: HashMap::new(),
        sections: HashMap::new(),
        transactions: HashMap::new(),
        requests: HashMap::new(),
        amid: false,
        views: HashMap::new(),
    };
    for volume in &scenario.volumes {
        bare.add_volume(volume_spec(volume)).map_err(|error| stage.unusable(volume.place, &error))?;
    }
    for parameter in &scenario.parameters {
        bare.set_parameter(&parameter.name, parameter.value);
    }
    let mut images = vec![(SYSTEM_PID, SYSTEM_NAME.to_owned())];
    let system = bare.sim.system_thread();
    stage.processes.insert(SYSTEM, bare.sim.system());
    let who = Who { pid: SYSTEM_PID, tid: 0, image: SYSTEM_NAME.to_owned() };
    stage
        .threads
        .insert(SYSTEM, KnownThread { thread: system, process: bare.sim.system(), who, kernel: true });
    for process in &scenario.processes {
        stage.start_process(&bare.sim, process)?;
        images.push((process.pid, process.image.clone()));
    }
    let mut machine = bare.start(free_pid(scenario))?;
    for (pid, image) in images {
        machine.name_process(pid, &image);
    }
    for step in &scenario.steps {
        // As on any machine, no two things happen at the same moment; but time that passes lets the system work.
        if !stage.amid {
            machine.sim.advance(BETWEEN_STEPS);
        }
        stage.step(&mut machine, step)?;
        machine.check()?;
    }
    Ok(machine)
}

/// What the kernel's process is called.
const SYSTEM_NAME: &str = "System";

/// A PID that no process of the scenario ever has.
fn free_pid(scenario: &Scenario) -> Option<u32> {
    let started = scenario.steps.iter().filter_map(|step| match &step.action {
        model::Action::StartProcess(process) => Some(process.pid),
        _ => None,
    });
    let taken: Vec<u32> = scenario.processes.iter().map(|process| process.pid).chain(started).collect();
    super::free_pid(&taken)
}

impl<'s> Stage<'s> {
    /// What the scenario asks for cannot be.
    fn unusable(&self, place: Place, error: &impl ToString) -> Failure {
        BadInput::new(self.file, error.to_string()).at(place).into()
    }

    fn handle(&self, name: &str) -> Handle {
        self.handles[name].handle
    }

    /// The thread of that name, whose operations come next.
    fn act(&self, machine: &Machine, name: &str) -> Thread {
        machine.set_truth(|| self.truth(name));
        self.threads[name].thread
    }

    /// The same, with a handle that may be another machine's.
    fn act_on(&self, machine: &Machine, name: &str, handle: &str) -> Thread {
        machine.set_truth(|| self.truth_on(name, handle));
        self.threads[name].thread
    }

    fn truth_on(&self, thread: &str, handle: &str) -> Truth {
        match &self.handles[handle].remote {
            Some(client) => Truth::Remote(client.clone()),
            None => self.truth(thread),
        }
    }

    /// Whose is what a thread does.
    fn truth(&self, thread: &str) -> Truth {
        let KnownThread { thread: _, process: _, who, kernel } = &self.threads[thread];
        if *kernel { Truth::Kernel(who.clone()) } else { Truth::User(who.clone()) }
    }

    /// A thread does something to a part of a file, which may reach the driver or the disk later.
    fn claim(&self, machine: &Machine, thread: &str, path: &str, range: (i64, i64), by: Means) {
        machine.claim(|| Claim { path: path.to_owned(), range, by, truth: self.truth(thread) });
    }

    /// Plays a step.
    fn step(&mut self, machine: &mut Machine, step: &'s model::Step) -> Result<(), Failure> {
        let played = match &step.action {
            Action::StartProcess(_)
            | Action::StartThread { .. }
            | Action::ExitProcess(_)
            | Action::ExitThread(_)
            | Action::Share(_)
            | Action::Impersonate { .. }
            | Action::Revert(_)
            | Action::Attach { .. }
            | Action::Detach(_)
            | Action::BeginTransaction(_)
            | Action::EndTransaction { .. } => self.people(machine, &step.action),
            Action::Advance(microseconds) => {
                self.amid = false;
                machine.sim.advance(Duration::from_micros(*microseconds));
                Ok(())
            }
            Action::StartWrite(_) | Action::StartCopyChunk(_) | Action::Complete(_) => {
                self.request(machine, &step.action)
            }
            Action::Settle => machine.settle().map_err(Trouble::Other),
            Action::Connect => machine.connect().map_err(Trouble::Other),
            Action::Disconnect => {
                machine.disconnect();
                Ok(())
            }
            Action::Load | Action::Unload | Action::AddVolume(_) | Action::Consumer(_) => {
                let message = "only a scenario that a torture run left (`torture` in `scenario`) has this";
                Err(Trouble::Other(self.unusable(step.place, &message)))
            }
            Action::Memory(memory) => self.memory(machine, memory),
            Action::Filter(filter) => machine
                .sim
                .add_filter(filter_spec(filter))
                .map_err(|error| Trouble::Other(self.unusable(step.place, &error))),
            Action::ReleaseHeld => {
                machine.sim.release_held();
                Ok(())
            }
            _ => self.operation(machine, &step.action),
        };
        played.map_err(|trouble| match trouble {
            Trouble::Failed(message) => {
                Failure::Broken(BadInput::new(self.file, message).at(step.place).to_string())
            }
            Trouble::Other(failure) => failure,
        })
    }
}
