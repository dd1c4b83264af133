//! The simulated machine with the driver on it and the consumer connected.

use std::path::Path;

use ntsim::{
    Config, Connection, Driver, FilterSpec, LeakReport, NtStatus, PortReply, Process, ProcessSpec,
    RegistryValue, Sim, SpecError, UnloadError, VolumeSpec, Windows,
};

use super::observe::{Claim, Observations};
use super::recorder::{Counts, Recorder, Shared, lock};
use super::suite::Trace;
use crate::consumer::names::Drives;
use crate::consumer::{Books, Consumer, ConsumerError};
use crate::failure::Failure;
use crate::output::ExplainedSink;
use crate::output::explain::Truth;
use crate::scenario::model::ChangeKind;
use crate::windows_version::WindowsVersion;

/// Name of the driver's service.
const SERVICE: &str = "whowrote";
/// Its altitude, as its INF has it.
pub(crate) const ALTITUDE: &str = "385971";
/// A filter that watches what comes to the driver, whether the driver wants it or not.
const WATCHER: &str = "watcher";
/// Directly above the driver.
const WATCHER_ALTITUDE: &str = "385971.5";
/// Its communication port.
pub(super) const PORT: &str = r"\WhoWrotePort";
/// The program on the machine that reads from it.
const CONSUMER_IMAGE: &str = r"C:\Program Files\whowrote\whowrote.exe";

/// What a machine is set up with.
pub(super) struct Setup<'a> {
    pub(super) windows: WindowsVersion,
    /// File time at which it starts; ntsim's own choice if `None`.
    pub(super) start: Option<u64>,
    pub(super) driver: &'a Path,
    pub(super) output: Box<dyn ExplainedSink + Send>,
    pub(super) explain: bool,
    /// The changes that are explained besides writes. A filter directly above the driver watches for them; without them
    /// the driver's own callbacks tell.
    pub(super) watched: Option<Vec<ChangeKind>>,
    /// Whether the writes are kept for comparing.
    pub(super) keep: bool,
    /// Where every callback is kept, if it is.
    pub(super) trace: Option<Shared<Trace>>,
}

/// A machine with its volumes, on which the driver is not loaded yet.
pub(super) struct BareMachine<'a> {
    pub(super) sim: Sim,
    setup: Setup<'a>,
    /// The service of another driver than whowrote's, which nobody connects to.
    guest: Option<String>,
}

impl<'a> BareMachine<'a> {
    pub(super) fn new(setup: Setup<'a>) -> Self {
        Self::configured(setup, |config| config)
    }

    /// One whose memory is not guarded, which takes the host a lot of instructions.
    pub(super) fn unwatched(setup: Setup<'a>) -> Self {
        Self::configured(setup, |config| config.watch(false))
    }

    fn configured(setup: Setup<'a>, configure: impl FnOnce(Config) -> Config) -> Self {
        let config = configure(Config::new(windows(setup.windows)));
        let config = match setup.start {
            Some(start) => config.start_time(start),
            None => config,
        };
        Self { sim: Sim::new(config), setup, guest: None }
    }

    /// Says that the driver is another one than whowrote's.
    pub(super) fn guest(self, service: &str) -> Self {
        Self { guest: Some(service.to_owned()), ..self }
    }

    pub(super) fn add_volume(&self, spec: VolumeSpec) -> Result<(), SpecError> {
        self.sim.add_volume(spec).map(|_| ())
    }

    /// Sets a value of the driver's `Parameters` key.
    pub(super) fn set_parameter(&self, name: &str, value: u32) {
        self.sim.set_parameter(SERVICE, name, &RegistryValue::Dword(value));
    }

    /// Loads the driver and connects to it from a process with this PID (any that is free if `None`).
    pub(super) fn start(self, consumer_pid: Option<u32>) -> Result<Machine, Failure> {
        let Self { sim, setup, guest } = self;
        let volumes = sim.volumes();
        let pairs =
            volumes.iter().filter_map(|volume| Some((volume.spec.device.clone(), volume.spec.dos.clone()?)));
        let drives = Drives::new(pairs.collect());
        let observations: Option<Shared<Observations>> = setup
            .explain
            .then(|| Shared::new(Observations::new(drives.clone(), setup.watched.as_deref()).into()));
        let cannot = |error: &SpecError| Failure::Broken(format!("a filter cannot be placed: {error}"));
        if setup.watched.is_some() {
            sim.add_filter(FilterSpec::new(WATCHER, WATCHER_ALTITUDE).watching())
                .map_err(|error| cannot(&error))?;
        }
        sim.set_altitude(SERVICE, ALTITUDE).map_err(|error| cannot(&error))?;
        if observations.is_some() || setup.trace.is_some() {
            let (seen_by, traced_by, names) = (observations.clone(), setup.trace, drives.clone());
            let seen_as = if setup.watched.is_some() { WATCHER } else { SERVICE };
            sim.set_observer(Box::new(move |callback| {
                if let Some(observations) = seen_by.as_ref().filter(|_| callback.driver == seen_as) {
                    lock(observations).see(callback);
                }
                if let Some(trace) = &traced_by {
                    lock(trace).see(callback, &names, WATCHER);
                }
            }));
        }
        let loaded = sim.load_file(setup.driver, guest.as_deref().unwrap_or(SERVICE)).map_err(|error| {
            Failure::Unusable(format!("the driver {} cannot be loaded: {error}", setup.driver.display()))
        })?;
        let recorder = Recorder::new(setup.output, observations.clone(), setup.keep);
        let consumer = Shared::new(Consumer::new(recorder, drives).into());
        let image = ProcessSpec { pid: consumer_pid, ..ProcessSpec::new(CONSUMER_IMAGE).administrator() };
        let process = sim
            .add_process(image)
            .map_err(|error| Failure::Broken(format!("the consumer's process cannot be started: {error}")))?;
        let mut machine = Machine {
            sim,
            driver: loaded,
            consumer,
            consumer_process: process,
            connection: None,
            failed: Shared::default(),
            observations,
            is_guest: guest.is_some(),
        };
        machine.connect()?;
        Ok(machine)
    }
}

/// See the module.
pub(super) struct Machine {
    pub(super) sim: Sim,
    driver: Driver,
    consumer: Shared<Consumer<Recorder>>,
    consumer_process: Process,
    connection: Option<Connection>,
    /// Why the consumer stopped.
    failed: Shared<Option<ConsumerError>>,
    observations: Option<Shared<Observations>>,
    /// Whether the driver is another one than whowrote's.
    is_guest: bool,
}

/// What is left when a machine has been shut down.
pub(super) struct Remains {
    pub(super) books: Books,
    pub(super) counts: Counts,
    pub(super) unknown_records: u64,
    /// Rules that the driver broke, and what it left behind.
    pub(super) violations: Vec<String>,
    pub(super) recorded: Vec<super::expect::RecordedChange>,
}

impl Machine {
    /// Connects the consumer to the driver's port.
    pub(super) fn connect(&mut self) -> Result<(), Failure> {
        if self.is_guest || self.connection.as_ref().is_some_and(Connection::is_connected) {
            return Ok(());
        }
        let consumer = self.consumer.clone();
        let failed = self.failed.clone();
        let handler = move |message: &[u8]| match lock(&consumer).on_message(message) {
            Ok(reply) => PortReply::Reply(reply.to_vec()),
            Err(error) => {
                *lock(&failed) = Some(error);
                PortReply::Disconnect
            }
        };
        let connection =
            self.sim.connect(PORT, self.consumer_process, &[], Box::new(handler)).map_err(|status| {
                Failure::Broken(format!("the driver's port {PORT} cannot be connected to: {status}"))
            })?;
        self.connection = Some(connection);
        Ok(())
    }

    /// Closes the connection.
    pub(super) fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.disconnect();
        }
    }

    /// Lets the driver's threads run until they wait, and fails if the consumer has.
    pub(super) fn settle(&self) -> Result<(), Failure> {
        self.sim.settle();
        self.check()
    }

    /// Fails if the consumer has.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match lock(&self.failed).take() {
            None => Ok(()),
            Some(ConsumerError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                Err(Failure::OutputClosed)
            }
            Some(error @ ConsumerError::Output(_)) => Err(Failure::Unusable(error.to_string())),
            Some(error @ ConsumerError::Message(_)) => Err(Failure::Broken(error.to_string())),
        }
    }

    /// Says whose operations come next, for explanations.
    pub(super) fn set_truth(&self, truth: impl FnOnce() -> Truth) {
        if let Some(observations) = &self.observations {
            lock(observations).set_truth(truth());
        }
    }

    /// Says who did something to a part of a file that may reach the driver later, for explanations.
    pub(super) fn claim(&self, claim: impl FnOnce() -> Claim) {
        if let Some(observations) = &self.observations {
            lock(observations).claim(claim());
        }
    }

    /// Gives a PID a name, for explanations.
    pub(super) fn name_process(&self, pid: u32, image: &str) {
        if let Some(observations) = &self.observations {
            lock(observations).name_process(pid, image);
        }
    }

    /// Unloads the driver, whatever it is.
    pub(super) fn unload(self) -> Result<LeakReport, UnloadError> {
        self.sim.settle();
        self.sim.unload(&self.driver)
    }

    /// Unloads the driver, which delivers what it still has, and closes the books.
    pub(super) fn shut_down(self) -> Result<Remains, Failure> {
        self.settle()?;
        let leaks = self
            .sim
            .unload(&self.driver)
            .map_err(|error| Failure::Broken(format!("the driver cannot be unloaded: {error}")))?;
        self.check()?;
        let mut consumer = lock(&self.consumer);
        let finished = consumer.sink().finish().map_err(ConsumerError::Output);
        if let Err(error) = finished {
            *lock(&self.failed) = Some(error);
            self.check()?;
        }
        let mut violations: Vec<String> = self.sim.violations().iter().map(ToString::to_string).collect();
        violations.extend(leaks.leaks.iter().map(|leak| format!("leak: the driver left behind {leak}")));
        violations.dedup();
        let books = consumer.settled_books().clone();
        let unknown_records = consumer.unknown_records();
        let recorder = consumer.sink();
        Ok(Remains {
            books,
            unknown_records,
            counts: recorder.counts.clone(),
            recorded: recorder.take_recorded(),
            violations,
        })
    }
}

/// The simulator's name of a version.
pub(crate) fn windows(version: WindowsVersion) -> Windows {
    match version {
        WindowsVersion::Win10_2004 => Windows::Win10_2004,
        WindowsVersion::Win10_22H2 => Windows::Win10_22H2,
        WindowsVersion::Win11_21H2 => Windows::Win11_21H2,
        WindowsVersion::Win11_22H2 => Windows::Win11_22H2,
        WindowsVersion::Win11_24H2 => Windows::Win11_24H2,
    }
}

/// A status in words, for messages.
pub(super) fn failed_with(what: &str, status: NtStatus) -> String {
    format!("{what} failed with {status}")
}
