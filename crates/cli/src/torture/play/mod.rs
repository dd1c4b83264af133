//! Playing a case: the machine, the driver on it, the consumer, and one lane of steps after the other or all at once.

mod host;
mod lane;
mod lane_kinds;
mod shared;
mod watchdog;

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ntsim::{Config, Connection, FaultPlan, ProcessSpec, RegistryValue, Sim};

use self::host::{Host, SERVICE};
use self::lane::{Lane, system_worker};
use self::shared::{Phase, Shared, lock};
pub(super) use self::watchdog::Patience;
use super::consumer::Reader;
use super::lanes;
use super::oracle::{self, Fault, Strictness};
use super::world::{Truth, World};
use crate::consumer::names::Drives;
use crate::scenario::model::{Action, Faults, Manner, Memory, Scenario, Schedule, Torture};
use crate::simulate::crash;
use crate::simulate::machine;
use crate::simulate::scenario::specs::{filter_spec, volume_spec};
use crate::windows_version::WindowsVersion;

/// The program on the machine that reads from it, and its PID.
const CONSUMER_IMAGE: &str = r"C:\Program Files\whowrote\whowrote.exe";
const CONSUMER_PID: u32 = 900;
/// Machines with so many processors have their memory watched, which takes time.
const WATCHED: u32 = 2;
/// After so long the driver has tried again whatever was not acknowledged.
const PATIENCE: Duration = Duration::from_secs(5);

/// What came of a case.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) fault: Option<Fault>,
    /// Steps that were played.
    pub(super) steps: u64,
    /// Writes that were received.
    pub(super) received: u64,
    pub(super) produced: u64,
    pub(super) lost: [u64; 4],
    /// Calls of the driver that could have failed, and that were made to.
    pub(super) fallible: u64,
    pub(super) failed: u64,
    /// Runs of the driver.
    pub(super) sessions: u64,
}

/// Plays a scenario on a version of Windows.
pub(super) fn play(
    scenario: &Scenario,
    windows: WindowsVersion,
    image: &[u8],
    patience: &Patience,
) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.fault = caught(|| play_all(scenario, windows, image, patience, &mut outcome)).err();
    outcome
}

/// The simulation ended: numbers and addresses differ between one run and the next, the rest tells what happened.
fn ended(message: &str) -> Fault {
    let first = message.split(", in ").next().unwrap_or(message);
    let kind: String = first.chars().filter(|character| !character.is_ascii_digit()).take(60).collect();
    Fault::new(kind, message)
}

fn play_all(
    scenario: &Scenario,
    windows: WindowsVersion,
    image: &[u8],
    patience: &Patience,
    outcome: &mut Outcome,
) -> Result<(), Fault> {
    let invalid = || Fault::new("invalid", "a step cannot be played where it stands");
    let torture = scenario.torture.ok_or_else(invalid)?;
    let mut world = World::new(scenario, windows).map_err(|_| invalid())?;
    let mut truths = Vec::with_capacity(scenario.steps.len());
    for step in &scenario.steps {
        truths.push(world.apply(&step.action).map_err(|_| invalid())?);
    }
    world.add_later_names(truths.iter_mut().flatten());
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
    let shared = Shared::new(sim.clone());
    shared.begin(Phase { sessions: Vec::new(), certain: true, attached: Vec::new() });
    let played = || {
        let mut case = Case::new(&shared, scenario, image, torture)?;
        case.play(scenario, truths)?;
        let result = case.finish(outcome);
        outcome.steps = case.lanes.iter().map(|lane| lane.played).sum();
        result
    };
    let result = watchdog::watched(&shared, scenario, patience, played).and_then(|()| {
        match sim.violations().first() {
            Some(first) => Err(Fault::new(format!("rule {}", first.rule), first.to_string())),
            None => Ok(()),
        }
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
            lanes.push(Lane::new(shared, number, sim.system(), worker));
        }
        for process in &scenario.processes {
            lanes[lanes::lane_of_pid(process.pid).unwrap_or(lanes::MAIN)].start_process(process)?;
        }
        for parameter in &scenario.parameters {
            sim.set_parameter(SERVICE, &parameter.name, &RegistryValue::Dword(parameter.value));
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
        sim.release_held();
        sim.settle();
        lanes.iter_mut().try_for_each(Lane::finish_requests)?;
        let played = host.played(lanes);
        let mut in_time = Ok(());
        if host.driver.is_some() {
            in_time = host.check_delivered(&played);
            host.unload()?;
        }
        let (received, others, mut faults) = host.reader.finish();
        outcome.received = (received.len() + others.len()) as u64;
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
        oracle::judge(&played, &received, &others, &host.sessions, strictness)?;
        in_time?;
        match faults.pop() {
            Some(fault) => Err(Fault::new("the stream is inconsistent", fault)),
            None => Ok(()),
        }
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
    host.shared.begins(lane.number, action);
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
        Action::ReleaseHeld => {
            host.shared.sim.release_held();
            Ok(())
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
    host.shared.ends(lane.number);
    lane.played += 1;
    Ok(())
}
