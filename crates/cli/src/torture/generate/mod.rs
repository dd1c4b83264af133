//! A random workload that is valid: each step can be played where it stands.
//!
//! What happens is spread over lanes: processes of different lanes share volumes and some files, but no file whose
//! existence or size a step relies on, so that with real threads the lanes can go on at once.

mod share;

use fastrand::Rng;

use super::lanes::lane_of_pid;
use super::world::{KnownFile, KnownHandle, KnownThread, SECTOR, World};
use crate::model::Offset;
use crate::place::Place;
use crate::scenario::SYSTEM;
use crate::scenario::model::{
    Access, Act, Action, CopyIntent, Create, Disposition, FastIo, Faults, FileSystem, Filter, HandleAction,
    Manner, Memory, Operation, Process, Scenario, Schedule, Step, Thread, Torture, Volume, Write,
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

/// Kinds of steps.
#[derive(Clone, Copy)]
enum Kind {
    Write,
    Create,
    Close,
    Read,
    CopyFile,
    CopyChunk,
    StartProcess,
    ExitProcess,
    StartThread,
    ExitThread,
    Advance,
    Settle,
    Connection,
    Manner,
    Driver,
    Volume,
    SystemWrite,
    OnHandle,
    Cache,
    Share,
    Impersonate,
    MdlWrite,
}

/// How often each comes.
const KINDS: [(u32, Kind); 22] = [
    (700, Kind::Write),
    (90, Kind::Create),
    (60, Kind::Close),
    (40, Kind::Read),
    (25, Kind::CopyFile),
    (40, Kind::CopyChunk),
    (10, Kind::StartProcess),
    (8, Kind::ExitProcess),
    (16, Kind::StartThread),
    (14, Kind::ExitThread),
    (12, Kind::Advance),
    (6, Kind::Settle),
    (6, Kind::Connection),
    (4, Kind::Manner),
    (1, Kind::Driver),
    (1, Kind::Volume),
    (6, Kind::SystemWrite),
    (30, Kind::OnHandle),
    (3, Kind::Cache),
    (12, Kind::Share),
    (10, Kind::Impersonate),
    (20, Kind::MdlWrite),
];

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
                let handle = self.handle(world, lane, |_| true)?;
                let thread = self.thread_of(world, world.handles[handle].process)?;
                one(Action::Close { thread, handle: world.handles[handle].name.to_string() })
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
            Kind::Volume => self.arrival(),
            Kind::OnHandle => self.on_handle(world, lane).and_then(one),
            Kind::Cache if self.rng.bool() => one(Action::Memory(Memory::LazyWrite)),
            Kind::Cache => one(Action::Memory(Memory::ModifiedWrite)),
            Kind::Share => self.share(world, lane).and_then(one),
            Kind::Impersonate => self.impersonate(world, lane).and_then(one),
            Kind::MdlWrite => self.mdl_write(world, lane).and_then(one),
            Kind::SystemWrite => Some(self.system_write(world)),
        }
    }

    /// A volume that was not there before. Nobody uses it before everybody knows it.
    fn arrival(&mut self) -> Option<Vec<Action>> {
        if self.arrived == DRIVES.len() {
            return None;
        }
        self.arrived += 1;
        Some(vec![Action::Settle, Action::AddVolume(volume(self.arrived - 1)), Action::Settle])
    }

    fn new_process(&mut self, lane: u32, pid: u32, minimal: bool) -> Process {
        let name = self.name("p");
        // No two processes have the same image, so that mistaking one for another shows.
        let image = if minimal { format!("Minimal-{name}") } else { format!(r"C:\Programs\{name}.exe") };
        let mut threads: Vec<Thread> = (0..self.rng.u32(1..3)).map(|_| self.new_thread(lane)).collect();
        threads.dedup_by_key(|thread| thread.tid);
        Process {
            place: Place::START,
            name,
            pid,
            parent: None,
            image,
            user: None,
            session: self.rng.u32(0..3),
            minimal,
            threads,
        }
    }

    /// A thread whose number may have been another's.
    fn new_thread(&mut self, lane: u32) -> Thread {
        let tid = 100_000 * (lane + 1) + 4 * self.rng.u32(0..60);
        Thread { place: Place::START, name: self.name("t"), tid }
    }

    fn thread_of(&mut self, world: &World, process: usize) -> Option<String> {
        let (_, thread) = self.pick(&world.threads, |known| known.alive && known.process == process)?;
        Some(thread.name.to_string())
    }

    fn handle(&mut self, world: &World, lane: u32, which: impl Fn(&KnownHandle) -> bool) -> Option<usize> {
        let in_lane = |process: usize| in_lane(world.processes[process].pid, lane);
        self.pick(&world.handles, |known| known.open && in_lane(known.process) && which(known))
            .map(|(handle, _)| handle)
    }

    /// A path of a lane, or one that all share.
    fn path(&mut self, world: &World, lane: u32, shared: bool) -> String {
        let drive = &world.volumes[self.rng.usize(0..world.volumes.len())].drive;
        let stream = if self.rng.u32(0..8) == 0 && **drive == *"C:" { ":meta" } else { "" };
        if shared {
            format!(r"{drive}\shared\s{}.dat", self.rng.u32(0..SHARED_FILES))
        } else {
            format!(r"{drive}\lane{lane}\f{}.bin{stream}", self.rng.u32(0..OWN_FILES))
        }
    }

    fn create(&mut self, world: &World, lane: u32) -> Option<Create> {
        let in_lane_process = |process: usize| in_lane(world.processes[process].pid, lane);
        let open = world.handles.iter().filter(|known| known.open && in_lane_process(known.process));
        if open.count() >= MAX_HANDLES {
            return None;
        }
        let (_, thread) = self.pick(&world.threads, |known| known.alive && in_lane_process(known.process))?;
        let shared = self.rng.u32(0..4) == 0;
        let path = self.path(world, lane, shared);
        let exists = world.files.iter().any(|file| *file.path == path && file.exists);
        let disposition = match (shared, exists) {
            (true, _) => weighted(
                &mut self.rng,
                &[(6, Disposition::OpenIf), (1, Disposition::OverwriteIf), (1, Disposition::Supersede)],
            ),
            (false, true) => weighted(
                &mut self.rng,
                &[
                    (4, Disposition::Open),
                    (4, Disposition::OpenIf),
                    (1, Disposition::Overwrite),
                    (1, Disposition::OverwriteIf),
                    (1, Disposition::Supersede),
                ],
            ),
            (false, false) => weighted(
                &mut self.rng,
                &[(2, Disposition::Create), (2, Disposition::OpenIf), (1, Disposition::OverwriteIf)],
            ),
        };
        let access = weighted(
            &mut self.rng,
            &[
                (10, access(true, true, false)),
                (3, access(false, true, false)),
                (2, access(true, false, true)),
                (2, access(true, false, false)),
            ],
        );
        let copy = weighted(
            &mut self.rng,
            &[(8, None), (1, Some(CopyIntent::Source)), (1, Some(CopyIntent::Destination))],
        );
        Some(Create {
            access,
            disposition,
            copy,
            kernel_mode: self.rng.u32(0..20) == 0,
            non_cached: self.rng.u32(0..6) == 0,
            write_through: self.rng.u32(0..10) == 0,
            ..Create::new(&thread.name, &self.name("h"), &path)
        })
    }

    fn write(&mut self, world: &World, lane: u32) -> Option<Write> {
        let handle = self.handle(world, lane, |known| known.write || known.append)?;
        let known = &world.handles[handle];
        let process = known.process;
        // Something else may act for a thread that has ended.
        let dead = self.rng.u32(0..25) == 0;
        let (_, thread) =
            self.pick(&world.threads, |known| known.process == process && known.alive != dead)?;
        let (offset, append) = (self.offset(), known.append && !known.write);
        let offset = if append {
            Offset::EndOfFile
        } else {
            weighted(
                &mut self.rng,
                &[(10, Offset::At(offset)), (2, Offset::EndOfFile), (1, Offset::FilePointer)],
            )
        };
        let mut write = Write::new(&thread.name, &known.name, offset, self.next_length());
        let in_lane_thread =
            |known: &KnownThread| known.alive && in_lane(world.processes[known.process].pid, lane);
        if dead || self.rng.u32(0..12) == 0 {
            let (_, other) = self.pick(&world.threads, in_lane_thread)?;
            let system = self.rng.bool();
            write.executor = Some(if system { SYSTEM.to_owned() } else { other.name.to_string() });
        }
        write.fast_io = weighted(
            &mut self.rng,
            &[(20, FastIo::No), (8, FastIo::Accepted), (2, FastIo::Refused), (1, FastIo::RefusedOnly)],
        );
        write.non_cached = self.rng.u32(0..10) == 0;
        write.write_through = self.rng.u32(0..12) == 0;
        write.kernel_mode = self.rng.u32(0..15) == 0;
        write.generated = self.rng.u32(0..40) == 0;
        write.reissued = self.rng.u32(0..40) == 0;
        match self.rng.u32(0..40) {
            0 => self.make_paging(&mut write),
            1 | 2 => self.hide_thread(world, lane, &mut write),
            _ => {}
        }
        if matches!(write.offset, Offset::FilePointer) && write.generated {
            write.offset = Offset::EndOfFile;
        }
        Some(write)
    }

    /// Memory management writes.
    fn make_paging(&mut self, write: &mut Write) {
        write.paging = true;
        write.synchronous_paging = self.rng.bool();
        write.kernel_mode = true;
        write.fast_io = FastIo::No;
        write.offset = Offset::At(self.offset());
    }

    /// The operation does not say which thread asked for it.
    fn hide_thread(&mut self, world: &World, lane: u32, write: &mut Write) {
        write.no_thread = true;
        let user =
            self.pick(&world.processes, |known| known.alive && known.is_user() && in_lane(known.pid, lane));
        let user = user.map(|(_, process)| process.name.to_string());
        write.requestor = match self.rng.u32(0..4) {
            0 => None,
            1 => Some(SYSTEM.to_owned()),
            _ => user,
        };
    }

    fn is_own(file: &KnownFile, lane: u32) -> bool {
        file.path.contains(&format!(r"\lane{lane}\"))
    }

    fn read(&mut self, world: &World, lane: u32) -> Option<Action> {
        let fits = |file: &KnownFile| file.size > 0 && Self::is_own(file, lane);
        let handle = self.handle(world, lane, |known| known.read && fits(&world.files[known.file]))?;
        let known = &world.handles[handle];
        let offset = self.rng.i64(0..world.files[known.file].size) / OFFSET_UNIT * OFFSET_UNIT;
        let thread = self.thread_of(world, known.process)?;
        Some(Action::Read { thread, handle: known.name.to_string(), offset, length: SECTOR })
    }

    /// What is done to a lane's own file, beside writing to it.
    fn on_handle(&mut self, world: &World, lane: u32) -> Option<Action> {
        let handle = self.handle(world, lane, |known| {
            Self::is_own(&world.files[known.file], lane) && (known.write || known.delete)
        })?;
        let known = &world.handles[handle];
        let file = &world.files[known.file];
        let drive = &world.volumes[file.volume].drive;
        let fresh = format!(r"{drive}\lane{lane}\r{}.bin", self.rng.u32(0..OWN_FILES));
        let size = self.rng.u64(0..1 << 20);
        let offset = size / 2;
        let what = match self.rng.u32(0..12) {
            0..=3 => HandleAction::Rename(fresh),
            4 => HandleAction::Delete { posix: false },
            5 => HandleAction::EndOfFile(size),
            6 => HandleAction::Zero { offset, length: size },
            7 => HandleAction::Basic,
            8 => HandleAction::Query,
            _ => HandleAction::Flush,
        };
        let thread = self.thread_of(world, known.process)?;
        Some(Action::OnHandle { thread, handle: known.name.to_string(), what })
    }

    /// Other filters of the machine, above and below.
    fn filters(&mut self) -> Vec<Action> {
        let filter = |name: &str, altitude: &str, act, every, path: Option<&str>| {
            Action::Filter(Filter {
                name: name.to_owned(),
                altitude: altitude.to_owned(),
                operation: Operation::Write,
                act,
                every,
                path: path.map(str::to_owned),
                paging: false,
            })
        };
        let all = [
            filter("defers", "389000", Act::Repost, 1, Some("lane1")),
            filter("pends", "180000", Act::Repost, 3, None),
            filter("encrypts", "145000", Act::CompleteAtDispatch, 2, Some("lane2")),
            filter("repeats", "135000", Act::Reissue, 5, None),
        ];
        all.into_iter().filter(|_| self.rng.u32(0..3) == 0).collect()
    }

    fn copy_file(&mut self, world: &World, lane: u32) -> Option<Action> {
        let in_lane_process = |process: usize| in_lane(world.processes[process].pid, lane);
        let is_user = |process: usize| world.processes[process].is_user();
        let (_, thread) = self.pick(&world.threads, |known| {
            known.alive && in_lane_process(known.process) && is_user(known.process)
        })?;
        let chunk = self.next_length();
        Some(Action::CopyFile {
            thread: thread.name.to_string(),
            from: self.path(world, lane, false),
            to: self.path(world, lane, false),
            size: u64::from(chunk) * self.rng.u64(1..5),
            chunk,
        })
    }

    fn copy_chunk(&mut self, world: &World, lane: u32) -> Option<Action> {
        if !world.has_kernel_copy() {
            return None;
        }
        let length = self.next_length();
        let fits = |file: &KnownFile| file.size >= i64::from(length) && Self::is_own(file, lane);
        let from = self.handle(world, lane, |known| known.read && fits(&world.files[known.file]))?;
        let process = world.handles[from].process;
        let to =
            self.handle(world, lane, |known| known.process == process && (known.write || known.append))?;
        let room = (world.files[world.handles[from].file].size - i64::from(length)) / OFFSET_UNIT;
        Some(Action::CopyChunk {
            thread: self.thread_of(world, process)?,
            from: world.handles[from].name.to_string(),
            to: world.handles[to].name.to_string(),
            from_offset: self.rng.i64(0..=room) * OFFSET_UNIT,
            to_offset: self.offset(),
            length,
        })
    }

    /// The kernel writes for itself, which is nobody's write.
    fn system_write(&mut self, world: &World) -> Vec<Action> {
        let drive = &world.volumes[self.rng.usize(0..world.volumes.len())].drive;
        let path = format!(r"{drive}\system\log{}.etl", self.rng.u32(0..3));
        let handle = self.name("h");
        let create = Create { kernel_mode: true, ..Create::new(SYSTEM, &handle, &path) };
        let length = self.next_length();
        let write = Write { kernel_mode: true, ..Write::new(SYSTEM, &handle, Offset::EndOfFile, length) };
        vec![
            Action::Create(create),
            Action::Write(write),
            Action::Close { thread: SYSTEM.to_owned(), handle },
        ]
    }
}

fn access(read: bool, write: bool, append: bool) -> Access {
    // Whoever may write may rename, too.
    Access { read, write, append, delete: write }
}

fn in_lane(pid: u32, lane: u32) -> bool {
    lane_of_pid(pid) == Some(lane as usize)
}
