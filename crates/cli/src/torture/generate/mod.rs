//! A random workload that is valid: each step can be played where it stands.
//!
//! What happens is spread over lanes: processes of different lanes share volumes and some files, but no file whose
//! existence or size a step relies on, so that with real threads the lanes can go on at once.

mod clusters;
mod copies;
mod files;
mod kinds;
mod machine;
mod mapping;
mod processes;
mod requests;
mod share;
mod writes;

use audit::parameters::Audit;
use fastrand::Rng;

use self::kinds::{KINDS, Kind};
use super::lanes::lane_of_pid;
use super::world::{KnownFile, KnownHandle, SECTOR, World};
use crate::place::Place;
use crate::scenario::model::{
    Access, Action, Faults, FileSystem, Manner, Memory, Parameter, Scenario, Schedule, Step, Torture, Volume,
};
use crate::windows_version::WindowsVersion;

/// Lanes of processes.
pub(super) const LANES: u32 = 4;
/// PIDs that a lane's processes have, one after the other.
const PIDS_PER_LANE: u32 = 6;
/// Threads that live at a time in a process.
const MAX_THREADS: usize = 5;
/// Files of each lane on each volume, and files that all lanes share.
const OWN_FILES: u32 = 10;
const SHARED_FILES: u32 = 4;
/// Handles that a lane has open at a time.
const MAX_HANDLES: usize = 12;
/// Offsets are multiples of this, up to so many.
const OFFSET_UNIT: i64 = 4096;
const OFFSETS: i64 = 1 << 20;

/// So many steps pass on average before an unloaded driver is loaded again.
const ABSENCE: u32 = 40;

/// The drive letters of the volumes; the last ones arrive later.
const DRIVES: [(&str, FileSystem); 5] = [
    ("C:", FileSystem::Ntfs),
    ("D:", FileSystem::Refs),
    ("N:", FileSystem::Network),
    ("F:", FileSystem::ExFat),
    ("G:", FileSystem::Ntfs),
];
/// How many of them are there from the beginning.
const FIRST_VOLUMES: usize = 3;

/// What a case is drawn from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) steps: usize,
    pub(super) windows: WindowsVersion,
    pub(super) schedule: Schedule,
    pub(super) faults: Faults,
    pub(super) processors: u32,
    /// Nobody takes the records before the end.
    pub(super) alone: bool,
}

/// The scenario that a plan's seed stands for.
pub(super) fn generate(plan: &Plan) -> Scenario {
    let mut scenario = Scenario {
        torture: Some(Torture { schedule: plan.schedule, faults: plan.faults, processors: plan.processors }),
        ..Scenario::new(&format!("Case {:016x} of a torture run", plan.seed))
    };
    // The books can be checked to the record while writes alone are in them.
    scenario.parameters.push(Parameter { name: "Audit".to_owned(), value: Audit::WRITES.bits() });
    scenario.volumes = (0..FIRST_VOLUMES).map(volume).collect();
    let mut generator =
        Generator { rng: Rng::with_seed(plan.seed), serial: 0, names: 0, arrived: FIRST_VOLUMES };
    for lane in 0..LANES {
        let process = generator.new_process(lane, first_pid(lane), false);
        scenario.processes.push(process);
    }
    scenario.steps.extend(generator.filters().into_iter().map(Step::new));
    scenario.steps.push(Step::new(Action::Settle));
    if plan.alone {
        scenario.steps.push(Step::new(Action::Disconnect));
    }
    let Ok(mut world) = World::new(&scenario, plan.windows) else { unreachable!("nothing is there twice") };
    for step in &scenario.steps {
        let _ = world.apply(&step.action);
    }
    while scenario.steps.len() < plan.steps {
        for action in generator.draw(&world, plan.alone) {
            // What was drawn without regard to what there is may be impossible: then something else is drawn.
            if world.apply(&action).is_err() {
                break;
            }
            scenario.steps.push(Step::new(action));
        }
    }
    scenario
}

fn volume(number: usize) -> Volume {
    let (drive, file_system) = DRIVES[number];
    let device = match file_system {
        FileSystem::Network => r"\Device\Mup\server\share".to_owned(),
        _ => format!(r"\Device\HarddiskVolume{}", number + 1),
    };
    Volume { place: Place::START, drive: Some(drive.to_owned()), device, guid: None, file_system }
}

fn first_pid(lane: u32) -> u32 {
    1000 * (lane + 1)
}

fn weighted<T: Copy>(rng: &mut Rng, choices: &[(u32, T)]) -> T {
    let total: u32 = choices.iter().map(|(weight, _)| weight).sum();
    let mut drawn = rng.u32(0..total);
    for (weight, choice) in choices {
        if drawn < *weight {
            return *choice;
        }
        drawn -= weight;
    }
    choices[0].1
}

struct Generator {
    rng: Rng,
    /// Writes so far: each has a length of its own.
    serial: u32,
    names: u32,
    /// How many volumes have been there.
    arrived: usize,
}

impl Generator {
    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}{}", self.names)
    }

    fn next_length(&mut self) -> u32 {
        self.serial += 1;
        self.serial * SECTOR
    }

    fn offset(&mut self) -> i64 {
        self.rng.i64(0..OFFSETS) * OFFSET_UNIT
    }

    fn pick<'a, T>(&mut self, all: &'a [T], which: impl Fn(&T) -> bool) -> Option<(usize, &'a T)> {
        let fitting: Vec<_> = all.iter().enumerate().filter(|(_, one)| which(one)).collect();
        (!fitting.is_empty()).then(|| fitting[self.rng.usize(0..fitting.len())])
    }

    fn draw(&mut self, world: &World, alone: bool) -> Vec<Action> {
        let lane = self.rng.u32(0..LANES);
        let kind = match weighted(&mut self.rng, &KINDS) {
            // Without the driver there is little to see.
            _ if !world.loaded && self.rng.u32(0..ABSENCE) == 0 => Kind::Driver,
            Kind::Connection | Kind::Driver if alone => Kind::Write,
            kind => kind,
        };
        self.draw_kind(world, lane, kind).unwrap_or_default()
    }

    fn draw_kind(&mut self, world: &World, lane: u32, kind: Kind) -> Option<Vec<Action>> {
        let one = |action| Some(vec![action]);
        match kind {
            Kind::Write => one(Action::Write(self.write(world, lane)?)),
            Kind::Create => one(Action::Create(self.create(world, lane)?)),
            Kind::Close => {
                // Even one that is good for nothing else.
                let in_lane = |process: usize| in_lane(world.processes[process].pid, lane);
                let (_, handle) = self.pick(&world.handles, |known| known.open && in_lane(known.process))?;
                let thread = self.thread_of(world, handle.process)?;
                one(Action::Close { thread, handle: handle.name.to_string() })
            }
            Kind::Read => self.read(world, lane).and_then(one),
            Kind::CopyFile => self.copy_file(world, lane).and_then(one),
            Kind::CopyChunk => self.copy_chunk(world, lane).and_then(one),
            Kind::StartProcess => {
                let slot = self.rng.u32(0..PIDS_PER_LANE);
                let minimal = self.rng.u32(0..10) == 0;
                one(Action::StartProcess(self.new_process(lane, first_pid(lane) + 8 * slot, minimal)))
            }
            Kind::ExitProcess => {
                // One process of each lane is left, or nothing would go on.
                let alive = world.processes.iter().filter(|known| known.alive && in_lane(known.pid, lane));
                if alive.count() < 2 {
                    return None;
                }
                let (_, process) =
                    self.pick(&world.processes, |known| known.alive && in_lane(known.pid, lane))?;
                one(Action::ExitProcess(process.name.to_string()))
            }
            Kind::StartThread => {
                let (process, known) =
                    self.pick(&world.processes, |known| known.alive && in_lane(known.pid, lane))?;
                let living = world.threads.iter().filter(|thread| thread.alive && thread.process == process);
                if living.count() >= MAX_THREADS {
                    return None;
                }
                let thread = self.new_thread(lane);
                one(Action::StartThread { process: known.name.to_string(), thread })
            }
            Kind::ExitThread => {
                let in_lane = |process: usize| in_lane(world.processes[process].pid, lane);
                let (_, thread) = self.pick(&world.threads, |known| known.alive && in_lane(known.process))?;
                one(Action::ExitThread(thread.name.to_string()))
            }
            Kind::Advance => {
                let microseconds = [100, 50_000, 150_000, 1_100_000];
                one(Action::Advance(microseconds[self.rng.usize(0..microseconds.len())]))
            }
            Kind::Settle => one(Action::Settle),
            Kind::Connection => one(if world.connected { Action::Disconnect } else { Action::Connect }),
            Kind::Manner => one(Action::Consumer(weighted(
                &mut self.rng,
                &[(6, Manner::Good), (1, Manner::Silent), (1, Manner::Confused), (1, Manner::Deaf)],
            ))),
            Kind::Driver if world.loaded => one(Action::Unload),
            Kind::Driver => Some(vec![Action::Load, Action::Connect]),
            Kind::Volume => self.arrival(world),
            Kind::OnHandle => self.on_handle(world, lane).and_then(one),
            Kind::Cache if self.rng.bool() => one(Action::Memory(Memory::LazyWrite)),
            Kind::Cache => one(Action::Memory(Memory::ModifiedWrite)),
            Kind::Share => self.share(world, lane).and_then(one),
            Kind::Impersonate => self.impersonate(world, lane).and_then(one),
            Kind::MdlWrite => self.mdl_write(world, lane).and_then(one),
            Kind::SystemWrite => Some(self.system_write(world)),
            Kind::Attach => self.attach(world, lane).and_then(one),
            Kind::Map => self.map(world, lane).and_then(one),
            Kind::Clone => self.clone_blocks(world, lane).and_then(one),
            Kind::Offload => self.offload(world, lane),
            Kind::StartWrite => self.start_write(world, lane),
            Kind::StartCopyChunk => self.start_copy_chunk(world, lane),
            Kind::Complete => self.complete(world, lane).and_then(one),
            Kind::Transact => self.transact(world, lane),
            Kind::Release => one(Action::ReleaseHeld),
            Kind::Dismount => self.dismount(world),
        }
    }

    fn thread_of(&mut self, world: &World, process: usize) -> Option<String> {
        let (_, thread) = self.pick(&world.threads, |known| known.alive && known.acts_in() == process)?;
        Some(thread.name.to_string())
    }

    fn handle(&mut self, world: &World, lane: u32, which: impl Fn(&KnownHandle) -> bool) -> Option<usize> {
        let in_lane = |process: usize| in_lane(world.processes[process].pid, lane);
        self.pick(&world.handles, |known| known.open && !known.dead && in_lane(known.process) && which(known))
            .map(|(handle, _)| handle)
    }

    fn is_own(file: &KnownFile, lane: u32) -> bool {
        file.path.contains(&format!(r"\lane{lane}\"))
    }
}

fn access(read: bool, write: bool, append: bool) -> Access {
    // Whoever may write may rename, too.
    Access { read, write, append, delete: write }
}

fn in_lane(pid: u32, lane: u32) -> bool {
    lane_of_pid(pid) == Some(lane as usize)
}
