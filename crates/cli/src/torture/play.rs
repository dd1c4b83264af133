//! Playing a case: the machine, the driver on it, the consumer, and one lane of steps after the other or all at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ntsim::{
    ChunkSpec, Config, Connection, CopySpec, Driver, FaultPlan, Handle, LoadError, MdlWriteSpec, NtStatus,
    Process, ProcessKind, ProcessSpec, ReadSpec, Sim, SpecError, Thread, Volume,
};

use super::consumer::Reader;
use super::generate::LANES;
use super::lanes;
use super::oracle::{self, Fault, Played, Printed, Session, Strictness};
use super::world::{Truth, World};
use crate::consumer::names::Drives;
use crate::scenario::SYSTEM;
use crate::scenario::model::{self, Action, FastIo, Faults, Manner, Memory, Scenario, Schedule, Torture};
use crate::simulate::crash;
use crate::simulate::machine;
use crate::simulate::scenario::handle;
use crate::simulate::scenario::specs::{create_spec, filter_spec, volume_spec, write_spec};
use crate::windows_version::WindowsVersion;

/// Name of the driver's service.
const SERVICE: &str = "whowrote";
/// Its communication port.
const PORT: &str = r"\WhoWrotePort";
/// The program on the machine that reads from it, and its PID.
const CONSUMER_IMAGE: &str = r"C:\Program Files\whowrote\whowrote.exe";
const CONSUMER_PID: u32 = 900;
/// TIDs of the lanes' System threads; no workload has them.
const FIRST_SYSTEM_WORKER: u32 = 900_000;
/// Machines with so many processors have their memory watched, which takes time.
const WATCHED: u32 = 2;
/// How often the driver is loaded again if an injected failure kept it from loading.
const LOADS: u32 = 200;
/// After so long the driver has tried again whatever was not acknowledged.
const PATIENCE: Duration = Duration::from_secs(5);
/// No two runs of the driver begin at the same time.
const BETWEEN_LOADS: Duration = Duration::from_millis(1);

/// What came of a case.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) fault: Option<Fault>,
    /// Steps that were played.
    pub(super) steps: u64,
    /// Writes that were received.
    pub(super) received: u64,
    pub(super) produced: u64,
    pub(super) lost: [u64; 3],
    /// Calls of the driver that could have failed, and that were made to.
    pub(super) fallible: u64,
    pub(super) failed: u64,
    /// Runs of the driver.
    pub(super) sessions: u64,
}

/// Plays a scenario on a version of Windows.
pub(super) fn play(scenario: &Scenario, windows: WindowsVersion, image: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.fault = caught(|| play_all(scenario, windows, image, &mut outcome)).err();
    outcome
}

/// The simulation ended: numbers and addresses differ between one run and the next, the rest tells what happened.
fn ended(message: &str) -> Fault {
    let first = message.split(", in ").next().unwrap_or(message);
    let kind: String = first.chars().filter(|character| !character.is_ascii_digit()).take(60).collect();
    Fault::new(kind, message)
}

/// What the driver's being there or not means for a write.
#[derive(Clone)]
struct Phase {
    /// The runs that may see it.
    sessions: Vec<usize>,
    /// Whether the one there is does.
    certain: bool,
    /// Volumes that it is attached to.
    attached: Vec<bool>,
}

/// What all lanes share.
struct Shared {
    sim: Sim,
    /// Which of the phases it is; the last is the present one.
    now: AtomicU64,
    phases: Mutex<Vec<Phase>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn begin(&self, phase: Phase) {
        let mut phases = lock(&self.phases);
        phases.push(phase);
        // Release: pairs with the Acquire in `now`, so that whoever sees the number finds the phase.
        self.now.store(phases.len() as u64 - 1, Ordering::Release);
    }

    fn now(&self) -> usize {
        // Acquire: pairs with the Release in `begin`.
        usize::try_from(self.now.load(Ordering::Acquire)).unwrap_or(0)
    }
}

/// A write that a lane has played, from one phase to another.
struct Issued {
    truth: Truth,
    from: usize,
    to: usize,
}

/// The names of one lane.
struct Lane<'s> {
    shared: &'s Shared,
    processes: HashMap<&'s str, Process>,
    threads: HashMap<&'s str, Thread>,
    handles: HashMap<&'s str, Handle>,
    issued: Vec<Issued>,
    played: u64,
}

/// The driver, the consumer and what else there is once.
struct Host<'s> {
    shared: &'s Shared,
    image: &'s [u8],
    torture: Torture,
    reader: Reader,
    consumer: Process,
    printed: Arc<Mutex<String>>,
    driver: Option<Driver>,
    connection: Option<Connection>,
    manner: Manner,
    volumes: Vec<Volume>,
    sessions: Vec<Session>,
}

fn play_all(
    scenario: &Scenario,
    windows: WindowsVersion,
    image: &[u8],
    outcome: &mut Outcome,
) -> Result<(), Fault> {
    let invalid = || Fault::new("invalid", "a step cannot be played where it stands");
    let torture = scenario.torture.ok_or_else(invalid)?;
    let mut world = World::new(scenario, windows).map_err(|_| invalid())?;
    let mut truths = Vec::with_capacity(scenario.steps.len());
    for step in &scenario.steps {
        truths.push(world.apply(&step.action).map_err(|_| invalid())?);
    }
    let schedule = match torture.schedule {
        Schedule::Fixed => ntsim::Schedule::Fixed,
        Schedule::Seeded(seed) => ntsim::Schedule::Seeded(seed),
        Schedule::Threads => ntsim::Schedule::Threads,
    };
    // What may be touched where is a property of a processor, but of all threads of this process.
    let watched = torture.processors == WATCHED && torture.schedule != Schedule::Threads;
    let config = Config::new(machine::windows(windows));
    let config = config.processors(torture.processors).schedule(schedule).watch(watched);
    let sim = Sim::new(config);
    let shared = Shared { sim: sim.clone(), now: AtomicU64::new(0), phases: Mutex::default() };
    shared.begin(Phase { sessions: Vec::new(), certain: true, attached: Vec::new() });
    let result = Case::new(&shared, scenario, image, torture)
        .and_then(|mut case| {
            case.play(scenario, truths)?;
            let result = case.finish(outcome);
            outcome.steps = case.lanes.iter().map(|lane| lane.played).sum();
            result
        })
        .and_then(|()| match sim.violations().first() {
            Some(first) => Err(Fault::new(format!("rule {}", first.rule), first.to_string())),
            None => Ok(()),
        });
    (outcome.fallible, outcome.failed) = sim.fallible_calls();
    // A broken rule says more than what came of it.
    match (result, sim.violations().first()) {
        (Err(fault), Some(first)) if !fault.kind.starts_with("rule") => {
            Err(Fault::new(format!("rule {}", first.rule), format!("{first}\n  then: {}", fault.message)))
        }
        (result, _) => result,
    }
}

struct Case<'s> {
    lanes: Vec<Lane<'s>>,
    host: Host<'s>,
}

impl<'s> Case<'s> {
    fn new(
        shared: &'s Shared,
        scenario: &'s Scenario,
        image: &'s [u8],
        torture: Torture,
    ) -> Result<Self, Fault> {
        let sim = &shared.sim;
        sim.set_altitude(SERVICE, machine::ALTITUDE).map_err(|error| step_failed("altitude", &error))?;
        let mut volumes = Vec::new();
        for volume in &scenario.volumes {
            volumes.push(sim.add_volume(volume_spec(volume)).map_err(|error| step_failed("volume", &error))?);
        }
        let all = scenario.steps.iter().filter_map(|step| match &step.action {
            Action::AddVolume(volume) => Some(volume),
            _ => None,
        });
        let drives = scenario.volumes.iter().chain(all);
        let drives =
            drives.filter_map(|volume| Some((volume.device.clone(), volume.drive.clone()?))).collect();
        let printed = Arc::new(Mutex::new(String::new()));
        let print = Arc::clone(&printed);
        sim.set_debug_print(Box::new(move |text| lock(&print).push_str(text)));
        let mut lanes = Vec::with_capacity(lanes::COUNT);
        for number in 0..lanes::COUNT {
            let worker = system_worker(sim, number).map_err(|error| step_failed("thread", &error))?;
            lanes.push(Lane {
                shared,
                processes: HashMap::from([(SYSTEM, sim.system())]),
                threads: HashMap::from([(SYSTEM, worker)]),
                handles: HashMap::new(),
                issued: Vec::new(),
                played: 0,
            });
        }
        for process in &scenario.processes {
            lanes[lanes::lane_of_pid(process.pid).unwrap_or(lanes::MAIN)].start_process(process)?;
        }
        let consumer = ProcessSpec::new(CONSUMER_IMAGE).pid(CONSUMER_PID).administrator();
        let consumer = sim.add_process(consumer).map_err(|error| step_failed("process", &error))?;
        match torture.faults {
            Faults::None => {}
            Faults::Drawn { seed, per_million } => sim.fail_randomly(FaultPlan::new(seed, per_million)),
            Faults::Nth(nth) => sim.fail_nth_of_all(nth),
        }
        let mut host = Host {
            shared,
            image,
            torture,
            reader: Reader::new(Drives::new(drives)),
            consumer,
            printed,
            driver: None,
            connection: None,
            manner: Manner::Good,
            volumes,
            sessions: Vec::new(),
        };
        host.load()?;
        host.connect()?;
        Ok(Self { lanes, host })
    }

    fn play(&mut self, scenario: &'s Scenario, truths: Vec<Vec<Truth>>) -> Result<(), Fault> {
        let steps = scenario.steps.iter().map(|step| &step.action).zip(truths).zip(lanes::of_steps(scenario));
        if self.host.torture.schedule != Schedule::Threads {
            for ((action, truths), lane) in steps {
                play_step(&mut self.lanes[lane], &mut self.host, action, truths)?;
            }
            return Ok(());
        }
        let mut segment: Vec<Vec<(&'s Action, Vec<Truth>)>> = Vec::new();
        segment.resize_with(lanes::COUNT, Vec::new);
        for ((action, truths), lane) in steps {
            if !matches!(action, Action::Settle) {
                segment[lane].push((action, truths));
                continue;
            }
            self.play_at_once(&mut segment)?;
            play_step(&mut self.lanes[lane], &mut self.host, action, truths)?;
        }
        self.play_at_once(&mut segment)
    }

    /// Plays the steps of each lane in a thread of its own.
    fn play_at_once(&mut self, segment: &mut [Vec<(&'s Action, Vec<Truth>)>]) -> Result<(), Fault> {
        let Self { lanes, host } = self;
        let (main, others) = lanes.split_at_mut(lanes::MAIN);
        let (others, main) = (main, &mut others[0]);
        let results: Vec<Result<(), Fault>> = thread::scope(|scope| {
            let mut threads = Vec::new();
            for (lane, steps) in others.iter_mut().zip(segment.iter_mut()) {
                let steps = std::mem::take(steps);
                if steps.is_empty() {
                    continue;
                }
                threads.push(scope.spawn(move || {
                    caught(|| steps.into_iter().try_for_each(|(action, truths)| lane.step(action, truths)))
                }));
            }
            let steps = std::mem::take(&mut segment[lanes::MAIN]);
            let own = caught(|| {
                steps.into_iter().try_for_each(|(action, truths)| play_step(main, host, action, truths))
            });
            let joined = threads.into_iter().map(|thread| {
                thread.join().unwrap_or_else(|_| Err(Fault::new("panic", "a lane ended with a panic")))
            });
            std::iter::once(own).chain(joined).collect()
        });
        results.into_iter().collect()
    }

    /// Brings everything to an end and closes the books.
    fn finish(&mut self, outcome: &mut Outcome) -> Result<(), Fault> {
        let Self { lanes, host } = self;
        let sim = &host.shared.sim;
        if matches!(host.torture.faults, Faults::Drawn { .. }) {
            sim.fail_randomly(FaultPlan::new(0, 0));
        }
        host.set_manner(Manner::Good);
        if host.driver.is_some() {
            if !host.connection.as_ref().is_some_and(Connection::is_connected) {
                host.connect()?;
            }
            sim.settle();
            sim.advance(PATIENCE);
            sim.settle();
        }
        let played = host.played(lanes);
        let mut in_time = Ok(());
        if host.driver.is_some() {
            in_time = host.check_delivered(&played);
            host.unload()?;
        }
        let (received, mut faults) = host.reader.finish();
        outcome.received = received.len() as u64;
        outcome.sessions = host.sessions.len() as u64;
        for printed in host.sessions.iter().filter_map(|session| session.printed) {
            outcome.produced += printed.produced;
            for (total, lost) in outcome.lost.iter_mut().zip(printed.lost) {
                *total += lost;
            }
        }
        let strictness = Strictness {
            faults: host.torture.faults != Faults::None,
            threads: host.torture.schedule == Schedule::Threads && host.sessions.len() > 1,
        };
        oracle::judge(&played, &received, &host.sessions, strictness)?;
        in_time?;
        match faults.pop() {
            Some(fault) => Err(Fault::new("the stream is inconsistent", fault)),
            None => Ok(()),
        }
    }
}

/// The System thread that a lane uses: one of its own, since lanes go on at once and no thread runs in two places.
fn system_worker(sim: &Sim, lane: usize) -> Result<Thread, SpecError> {
    match u32::try_from(lane) {
        Ok(lane) if lane < LANES => sim.add_thread(sim.system(), Some(FIRST_SYSTEM_WORKER + 4 * lane)),
        _ => Ok(sim.system_thread()),
    }
}

/// A simulation that ends before its time is a fault like others.
fn caught(work: impl FnOnce() -> Result<(), Fault>) -> Result<(), Fault> {
    match crash::caught(|| Ok(work())) {
        Ok(result) => result,
        Err(failure) => Err(ended(&failure.to_string())),
    }
}

fn step_failed(step: &str, why: &impl ToString) -> Fault {
    let why = why.to_string();
    Fault::new(format!("{step} failed"), format!("{step} failed: {why}"))
}

fn play_step<'s>(
    lane: &mut Lane<'s>,
    host: &mut Host<'s>,
    action: &'s Action,
    truths: Vec<Truth>,
) -> Result<(), Fault> {
    match action {
        Action::Load => host.load(),
        Action::Unload => host.unload(),
        Action::Connect => host.connect(),
        Action::Disconnect => {
            host.disconnect();
            Ok(())
        }
        Action::Consumer(manner) => {
            host.set_manner(*manner);
            Ok(())
        }
        Action::AddVolume(volume) => host.add_volume(volume),
        Action::Filter(filter) => {
            let added = host.shared.sim.add_filter(filter_spec(filter));
            added.map_err(|error| step_failed("filter", &error))
        }
        Action::Memory(Memory::LazyWrite) => {
            host.shared.sim.lazy_write();
            Ok(())
        }
        Action::Memory(Memory::ModifiedWrite) => {
            host.shared.sim.modified_write();
            Ok(())
        }
        Action::Settle => {
            host.shared.sim.settle();
            Ok(())
        }
        Action::Advance(microseconds) => {
            host.shared.sim.advance(Duration::from_micros(*microseconds));
            Ok(())
        }
        _ => return lane.step(action, truths),
    }?;
    lane.played += 1;
    Ok(())
}

impl<'s> Lane<'s> {
    fn start_process(&mut self, process: &'s model::Process) -> Result<(), Fault> {
        let kind = if process.minimal { ProcessKind::Minimal } else { ProcessKind::User };
        let spec = ProcessSpec::new(&process.image).pid(process.pid).session(process.session).kind(kind);
        let started = self.shared.sim.add_process(spec).map_err(|error| step_failed("process", &error))?;
        self.processes.insert(&process.name, started);
        process.threads.iter().try_for_each(|thread| self.start_thread(&process.name, thread))
    }

    fn start_thread(&mut self, process: &str, thread: &'s model::Thread) -> Result<(), Fault> {
        let started = self.shared.sim.add_thread(self.processes[process], Some(thread.tid));
        self.threads.insert(&thread.name, started.map_err(|error| step_failed("thread", &error))?);
        Ok(())
    }

    fn step(&mut self, action: &'s Action, truths: Vec<Truth>) -> Result<(), Fault> {
        let sim = &self.shared.sim;
        let from = self.shared.now();
        let failed = |step: &'static str| move |status: NtStatus| step_failed(step, &status);
        match action {
            Action::StartProcess(process) => self.start_process(process)?,
            Action::StartThread { process, thread } => self.start_thread(process, thread)?,
            Action::ExitProcess(process) => {
                let process = self.processes[process.as_str()];
                sim.exit_process(process).map_err(|error| step_failed("exit-process", &error))?;
            }
            Action::ExitThread(thread) => {
                let thread = self.threads[thread.as_str()];
                sim.exit_thread(thread).map_err(|error| step_failed("exit-thread", &error))?;
            }
            Action::Create(create) => {
                let thread = self.threads[create.thread.as_str()];
                let handle = sim.create(thread, &create_spec(create)).map_err(failed("create"))?;
                self.handles.insert(&create.handle, handle);
            }
            Action::Write(write) => {
                let spec = write_spec(
                    write,
                    write.executor.as_ref().map(|name| self.threads[name.as_str()]),
                    write.requestor.as_ref().map(|name| self.processes[name.as_str()]),
                );
                let handle = self.handles[write.handle.as_str()];
                let written = sim.write(self.threads[write.thread.as_str()], handle, &spec);
                match written {
                    Err(NtStatus::FLT_DISALLOW_FAST_IO) if write.fast_io == FastIo::RefusedOnly => {}
                    written => {
                        written.map_err(failed("write"))?;
                    }
                }
            }
            Action::Read { thread, handle, offset, length } => {
                let spec = ReadSpec::at(*offset, *length);
                sim.read(self.threads[thread.as_str()], self.handles[handle.as_str()], &spec)
                    .map_err(failed("read"))?;
            }
            Action::Close { thread, handle } => {
                sim.close(self.threads[thread.as_str()], self.handles[handle.as_str()])
                    .map_err(failed("close"))?;
            }
            Action::OnHandle { thread, handle, what } => {
                let thread = self.threads[thread.as_str()];
                handle::act(sim, thread, self.handles[handle.as_str()], what)
                    .map_err(|(what, status)| step_failed(what, &status))?;
            }
            Action::Share(share) => {
                let thread = share.thread.as_deref().ok_or_else(|| Fault::new("invalid", "nobody shares"))?;
                let (from, to) = (self.handles[share.from.as_str()], self.processes[share.process.as_str()]);
                let handle =
                    sim.duplicate_handle(self.threads[thread], from, to).map_err(failed("duplicate"))?;
                self.handles.insert(&share.handle, handle);
            }
            Action::Impersonate { thread, client } => {
                sim.impersonate(self.threads[thread.as_str()], self.processes[client.as_str()])
                    .map_err(|error| step_failed("impersonate", &error))?;
            }
            Action::Revert(thread) => {
                sim.revert(self.threads[thread.as_str()]).map_err(|error| step_failed("revert", &error))?;
            }
            Action::Memory(Memory::MdlWrite { thread, handle, offset, length, fast_io }) => {
                let spec = MdlWriteSpec { offset: *offset, length: *length, fast_io: *fast_io };
                sim.mdl_write(self.threads[thread.as_str()], self.handles[handle.as_str()], &spec)
                    .map_err(failed("mdl-write"))?;
            }
            Action::CopyFile { thread, from, to, size, chunk } => {
                let spec = CopySpec::new(from, to, *size).chunk(*chunk);
                sim.copy_file2(self.threads[thread.as_str()], &spec).map_err(failed("copy-file"))?;
            }
            Action::CopyChunk { thread, from, to, from_offset, to_offset, length } => {
                let spec = ChunkSpec {
                    source: self.handles[from.as_str()],
                    destination: self.handles[to.as_str()],
                    source_offset: *from_offset,
                    destination_offset: *to_offset,
                    length: *length,
                };
                sim.copy_file_chunk(self.threads[thread.as_str()], &spec).map_err(failed("copy-chunk"))?;
            }
            _ => return Err(Fault::new("invalid", "a step that no torture run makes")),
        }
        let to = self.shared.now();
        self.issued.extend(truths.into_iter().map(|truth| Issued { truth, from, to }));
        self.played += 1;
        Ok(())
    }
}

impl Host<'_> {
    fn add_volume(&mut self, volume: &model::Volume) -> Result<(), Fault> {
        let sim = &self.shared.sim;
        let added = sim.add_volume(volume_spec(volume)).map_err(|error| step_failed("volume", &error))?;
        self.volumes.push(added);
        self.begin_phase();
        Ok(())
    }

    /// The driver is there, or not, from now on.
    fn begin_phase(&self) {
        let sim = &self.shared.sim;
        let attached =
            |volume: &Volume| self.driver.as_ref().is_some_and(|driver| sim.is_attached(driver, *volume));
        self.shared.begin(Phase {
            sessions: self.driver.is_some().then(|| self.sessions.len() - 1).into_iter().collect(),
            certain: true,
            attached: self.volumes.iter().map(attached).collect(),
        });
    }

    /// The driver comes or goes: whether it sees a write meanwhile is open.
    fn begin_transition(&self, session: usize) {
        let attached = vec![true; self.volumes.len()];
        self.shared.begin(Phase { sessions: vec![session], certain: false, attached });
    }

    fn load(&mut self) -> Result<(), Fault> {
        let sim = self.shared.sim.clone();
        let loads = if matches!(self.torture.faults, Faults::Drawn { .. }) { LOADS } else { 1 };
        for _ in 0..loads {
            sim.advance(BETWEEN_LOADS);
            self.begin_transition(self.sessions.len());
            let began = sim.time();
            lock(&self.printed).clear();
            let loaded = sim.load(self.image, SERVICE);
            self.sessions.push(Session { began: began..=sim.time(), printed: None });
            match loaded {
                Ok(driver) => {
                    self.driver = Some(driver);
                    break;
                }
                Err(LoadError::DriverEntry(_)) if self.torture.faults != Faults::None => self.close_session(),
                Err(error) => return Err(step_failed("load", &error)),
            }
        }
        self.begin_phase();
        Ok(())
    }

    /// The books that the driver printed; one that did not come up may have gone before it had any.
    fn close_session(&mut self) {
        let printed = Printed::parse(&lock(&self.printed));
        if let Some(session) = self.sessions.last_mut() {
            session.printed = Some(printed.unwrap_or_default());
        }
    }

    fn unload(&mut self) -> Result<(), Fault> {
        // With an injected failure it may not have been loaded.
        let Some(driver) = self.driver.take() else { return Ok(()) };
        let sim = self.shared.sim.clone();
        self.begin_transition(self.sessions.len() - 1);
        lock(&self.printed).clear();
        let leaks = sim.unload(&driver).map_err(|error| step_failed("unload", &error))?;
        self.connection = None;
        if let Some(session) = self.sessions.last_mut() {
            session.printed = Printed::parse(&lock(&self.printed));
        }
        self.begin_phase();
        match leaks.leaks.first() {
            Some(leak) => Err(Fault::new("leak", format!("the driver left behind {leak}"))),
            None => Ok(()),
        }
    }

    fn connect(&mut self) -> Result<(), Fault> {
        if self.driver.is_none() || self.connection.as_ref().is_some_and(Connection::is_connected) {
            return Ok(());
        }
        let reader = self.reader.clone();
        let handler = Box::new(move |message: &[u8]| reader.take(message));
        match self.shared.sim.connect(PORT, self.consumer, &[], handler) {
            Ok(connection) => self.connection = Some(connection),
            Err(_) if self.torture.faults != Faults::None => {}
            Err(status) => return Err(step_failed("connect", &status)),
        }
        Ok(())
    }

    fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.disconnect();
        }
    }

    fn set_manner(&mut self, manner: Manner) {
        self.manner = manner;
        self.reader.set_manner(manner);
    }

    /// The writes of all lanes, with who may have recorded them.
    fn played(&self, lanes: &mut [Lane<'_>]) -> Vec<Played> {
        let phases = lock(&self.shared.phases);
        let issued = lanes.iter_mut().flat_map(|lane| std::mem::take(&mut lane.issued));
        let played = |Issued { truth, from, to }: Issued| {
            let passed = &phases[from..=to];
            let may = passed.iter().filter(|phase| phase.attached.get(truth.volume) == Some(&true));
            let mut sessions: Vec<_> = may.flat_map(|phase| phase.sessions.iter().copied()).collect();
            sessions.sort_unstable();
            sessions.dedup();
            let certain = from == to && phases[from].certain && !sessions.is_empty() && !truth.optional;
            Played { truth, sessions, certain }
        };
        issued.map(played).collect()
    }

    /// With a consumer that takes everything and time to spare, nothing may wait for the unload to be delivered.
    fn check_delivered(&self, played: &[Played]) -> Result<(), Fault> {
        let number = self.sessions.len() - 1;
        let Some(session) = self.sessions.last() else { return Ok(()) };
        if !self.connection.as_ref().is_some_and(Connection::is_connected) {
            return Ok(());
        }
        let must = played.iter().filter(|write| write.certain && write.sessions == [number]).count() as u64;
        let received = self.reader.count(session.began.clone());
        let lost = self.reader.lost(session.began.clone());
        if received + lost < must {
            let message = format!(
                "{must} writes were recorded, {received} came and {lost} are told as lost, although the consumer waits"
            );
            return Err(Fault::new("not delivered in time", message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Seen once in a million operations: two lanes were in the driver as the one System thread, and one found the
    /// critical region that the other had entered (rule 11, `irql-return`).
    #[test]
    fn lanes_that_go_on_at_once_have_a_system_thread_each() {
        let sim = Sim::new(Config::new(machine::windows(WindowsVersion::Win11_24H2)));
        let workers: HashSet<Thread> =
            (0..lanes::COUNT).map(|lane| system_worker(&sim, lane).expect("a thread")).collect();
        assert_eq!(workers.len(), lanes::COUNT);
    }
}
