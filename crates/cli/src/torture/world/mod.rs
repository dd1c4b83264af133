//! What there is while a workload goes on, and who really makes each write: without a look at the driver.
//!
//! A step is applied before it is played. One that cannot be played where it stands is refused, which is how a
//! workload stays valid when steps are taken out of it. What a write must be recorded as follows from Windows' rules
//! (docs/driver.md, "A write"), never from what was recorded.

mod clusters;
mod copies;
mod files;
mod known;
mod mapping;
mod processes;
mod requests;
mod share;
mod transactions;
mod truth;
mod volumes;
mod writes;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(super) use self::clusters::CLUSTER;
pub(super) use self::known::{KnownFile, KnownHandle, KnownProcess, KnownThread, KnownVolume};
pub(super) use self::mapping::Mapping;
pub(super) use self::requests::Outstanding;
pub(super) use self::transactions::KnownTransaction;
pub(super) use self::truth::{Author, Named, Program, Truth};
use crate::scenario::SYSTEM;
use crate::scenario::model::{Action, Filter, HandleAction, Scenario};
use crate::windows_version::WindowsVersion;

/// Every write has a length of its own: its number times this, which is also what uncached writes are a multiple of.
pub(super) const SECTOR: u32 = 512;
/// The driver's altitude, as its INF has it.
const ALTITUDE: f64 = 385_971.0;
/// Before a drive letter: the volume itself.
const VOLUME_PREFIX: &str = r"\\.\";
/// PID of System.
const SYSTEM_PID: u32 = 4;

/// Why a step cannot be played where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invalid;

/// See the module.
#[expect(clippy::struct_excessive_bools, reason = "each is a state of its own")]
pub(super) struct World {
    windows: WindowsVersion,
    pub(super) processes: Vec<KnownProcess>,
    pub(super) threads: Vec<KnownThread>,
    pub(super) handles: Vec<KnownHandle>,
    pub(super) files: Vec<KnownFile>,
    pub(super) volumes: Vec<KnownVolume>,
    process_names: HashMap<String, usize>,
    thread_names: HashMap<String, usize>,
    handle_names: HashMap<String, usize>,
    paths: HashMap<String, usize>,
    /// Handles of volumes themselves, and of which.
    volume_handles: HashMap<String, usize>,
    mappings: Vec<Mapping>,
    /// Tokens of offloaded reads, and for how many bytes they stand.
    tokens: HashMap<String, u64>,
    pub(super) transactions: Vec<KnownTransaction>,
    requests: HashSet<String>,
    pub(super) outstanding: Vec<Outstanding>,
    /// Names that a file got while a request was on its way to it, or reading it: by the length of the write.
    later_names: Vec<(u32, usize, Arc<str>)>,
    filters: Vec<Filter>,
    /// Whether a filter or a volume has come or gone that not all lanes know of.
    unsettled: bool,
    /// Whether nothing goes on in any other lane.
    quiet: bool,
    pub(super) loaded: bool,
    pub(super) connected: bool,
}

impl World {
    /// The world before the first step.
    pub(super) fn new(scenario: &Scenario, windows: WindowsVersion) -> Result<Self, Invalid> {
        let mut world = Self {
            windows,
            processes: Vec::new(),
            threads: Vec::new(),
            handles: Vec::new(),
            files: Vec::new(),
            volumes: Vec::new(),
            process_names: HashMap::new(),
            thread_names: HashMap::new(),
            handle_names: HashMap::new(),
            paths: HashMap::new(),
            volume_handles: HashMap::new(),
            mappings: Vec::new(),
            tokens: HashMap::new(),
            transactions: Vec::new(),
            requests: HashSet::new(),
            outstanding: Vec::new(),
            later_names: Vec::new(),
            filters: Vec::new(),
            unsettled: false,
            quiet: true,
            // What is there first is there before the driver.
            loaded: false,
            connected: true,
        };
        world.insert_process(SYSTEM, SYSTEM_PID, SYSTEM, true);
        world.insert_thread(0, SYSTEM, 0);
        for volume in &scenario.volumes {
            world.add_volume(volume)?;
        }
        for process in &scenario.processes {
            world.start_process(process)?;
        }
        world.loaded = true;
        Ok(world)
    }

    pub(super) fn has_kernel_copy(&self) -> bool {
        self.windows >= WindowsVersion::Win11_22H2
    }

    /// Whether a step is of the one lane that no process has: what comes before it there is over, and what others do is
    /// not, until the machine settles.
    fn is_of_the_machine(action: &Action) -> bool {
        match action {
            Action::Create(create) => create.thread == SYSTEM && create.path.starts_with(VOLUME_PREFIX),
            Action::OnHandle { what: HandleAction::Dismount, .. }
            | Action::Settle
            | Action::Filter(_)
            | Action::ReleaseHeld
            | Action::AddVolume(_)
            | Action::Advance(_)
            | Action::Connect
            | Action::Disconnect
            | Action::Consumer(_)
            | Action::Load
            | Action::Unload => true,
            _ => false,
        }
    }

    /// Applies a step; returns what it writes.
    pub(super) fn apply(&mut self, action: &Action) -> Result<Vec<Truth>, Invalid> {
        let by_the_machine = Self::is_of_the_machine(action);
        ensure(!self.unsettled || by_the_machine)?;
        self.quiet = match action {
            Action::Settle => true,
            _ => self.quiet && by_the_machine,
        };
        match action {
            Action::StartProcess(process) => self.start_process(process)?,
            Action::StartThread { process, thread } => {
                let process = self.living_process(process)?;
                self.start_thread(process, thread)?;
            }
            Action::ExitProcess(name) => self.exit_process(self.living_process(name)?)?,
            Action::ExitThread(name) => self.exit_thread(self.living_thread(name)?)?,
            Action::Attach { thread, process } => self.attach(thread, process)?,
            Action::Detach(thread) => self.detach(thread)?,
            Action::BeginTransaction(name) => self.begin_transaction(name)?,
            Action::EndTransaction { transaction, commit } => self.end_transaction(transaction, *commit)?,
            Action::Create(create) => self.create(create)?,
            Action::Write(write) => return self.write(write),
            Action::Read { thread, handle, offset, length } => {
                let handle = self.own_handle(thread, handle)?;
                let KnownHandle { file, read, .. } = self.handles[handle];
                ensure(read && *length > 0 && *offset < self.files[file].size)?;
            }
            Action::Close { thread, handle } => self.close_own(thread, handle)?,
            Action::CopyFile { thread, from, to, size, chunk } => {
                return self.copy_file(thread, (from, to), *size, *chunk);
            }
            Action::CopyChunk { thread, from, to, from_offset, to_offset, length } => {
                return self.copy_chunk(thread, (from, *from_offset), (to, *to_offset), *length);
            }
            Action::OnHandle { handle, what: HandleAction::Dismount, .. } => self.dismount(handle)?,
            Action::OnHandle { thread, handle, what } => {
                let handle = self.own_handle(thread, handle)?;
                self.on_handle(handle, what)?;
            }
            Action::Share(share) => self.share(share)?,
            Action::Impersonate { thread, client } => self.impersonate(thread, client)?,
            Action::Revert(thread) => {
                self.living_thread(thread)?;
            }
            Action::Memory(memory) => return self.memory(memory),
            Action::Clone(clone) => self.clone_blocks(clone)?,
            Action::OffloadRead(read) => self.offload_read(read)?,
            Action::OffloadWrite(write) => self.offload_write(write)?,
            Action::StartWrite(start) => return self.start_write(start),
            Action::StartCopyChunk(start) => return self.start_copy_chunk(start),
            Action::Complete(request) => self.complete(request)?,
            Action::Filter(filter) => {
                ensure(self.filters.iter().all(|known| known.altitude != filter.altitude))?;
                self.filters.push(filter.clone());
                self.unsettled = true;
            }
            Action::Load => {
                ensure(!self.loaded)?;
                self.loaded = true;
                for file in &mut self.files {
                    file.named = false;
                }
                for process in &mut self.processes {
                    process.met = false;
                }
            }
            Action::Unload => {
                ensure(self.loaded)?;
                self.loaded = false;
                self.connected = false;
            }
            Action::AddVolume(volume) => {
                self.add_volume(volume)?;
                self.unsettled = true;
            }
            Action::Settle => self.unsettled = false,
            Action::Connect => {
                ensure(self.loaded && !self.connected)?;
                self.connected = true;
            }
            Action::Disconnect => {
                ensure(self.connected)?;
                self.connected = false;
            }
            Action::Advance(_) | Action::Consumer(_) | Action::ReleaseHeld => {}
        }
        Ok(Vec::new())
    }
}

fn ensure(holds: bool) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(Invalid) }
}
