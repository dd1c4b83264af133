//! What there is while a workload goes on, and who really makes each write: without a look at the driver.
//!
//! A step is applied before it is played. One that cannot be played where it stands is refused, which is how a
//! workload stays valid when steps are taken out of it. What a write must be recorded as follows from Windows' rules
//! (docs/driver.md, "A write"), never from what was recorded.

mod copies;
mod files;
mod known;
mod processes;
mod share;
mod truth;
mod writes;

use std::collections::HashMap;
use std::sync::Arc;

pub(super) use self::known::{KnownFile, KnownHandle, KnownProcess, KnownThread, KnownVolume};
pub(super) use self::truth::{Author, Named, Program, Truth};
use crate::scenario::SYSTEM;
use crate::scenario::model::{Action, FileSystem, Filter, Memory, Scenario, Volume};
use crate::windows_version::WindowsVersion;

/// Every write has a length of its own: its number times this, which is also what uncached writes are a multiple of.
pub(super) const SECTOR: u32 = 512;
/// The driver's altitude, as its INF has it.
const ALTITUDE: f64 = 385_971.0;
/// PID of System.
const SYSTEM_PID: u32 = 4;

/// Why a step cannot be played where it stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Invalid;

/// See the module.
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
    filters: Vec<Filter>,
    /// Whether a filter or a volume has come that not all lanes know of.
    unsettled: bool,
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
            filters: Vec::new(),
            unsettled: false,
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

    /// Applies a step; returns what it writes.
    pub(super) fn apply(&mut self, action: &Action) -> Result<Vec<Truth>, Invalid> {
        if self.unsettled {
            let touches_files = matches!(
                action,
                Action::Create(_)
                    | Action::Write(_)
                    | Action::CopyFile { .. }
                    | Action::CopyChunk { .. }
                    | Action::Memory(Memory::MdlWrite { .. })
            );
            ensure(!touches_files)?;
        }
        match action {
            Action::StartProcess(process) => self.start_process(process)?,
            Action::StartThread { process, thread } => {
                let process = self.living_process(process)?;
                self.start_thread(process, thread)?;
            }
            Action::ExitProcess(name) => {
                let process = self.living_process(name)?;
                ensure(process != 0)?;
                self.exit_process(process);
            }
            Action::ExitThread(name) => {
                let thread = self.living_thread(name)?;
                ensure(thread != 0)?;
                self.threads[thread].alive = false;
            }
            Action::Create(create) => self.create(create)?,
            Action::Write(write) => return self.write(write),
            Action::Read { thread, handle, offset, length } => {
                let handle = self.own_handle(thread, handle)?;
                let KnownHandle { file, read, .. } = self.handles[handle];
                ensure(read && *length > 0 && *offset < self.files[file].size)?;
            }
            Action::Close { thread, handle } => {
                let handle = self.own_handle(thread, handle)?;
                self.close(handle);
            }
            Action::CopyFile { thread, from, to, size, chunk } => {
                return self.copy_file(thread, (from, to), *size, *chunk);
            }
            Action::CopyChunk { thread, from, to, from_offset, to_offset, length } => {
                return self.copy_chunk(thread, (from, *from_offset), (to, *to_offset), *length);
            }
            Action::OnHandle { thread, handle, what } => {
                let handle = self.own_handle(thread, handle)?;
                self.on_handle(handle, what)?;
            }
            Action::Share(share) => self.share(share)?,
            Action::Impersonate { thread, client } => self.impersonate(thread, client)?,
            Action::Revert(thread) => {
                self.living_thread(thread)?;
            }
            Action::Memory(Memory::MdlWrite { thread, handle, offset, length, fast_io: false }) => {
                return self.mdl_write(thread, handle, *offset, *length);
            }
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
            Action::Advance(_)
            | Action::Consumer(_)
            | Action::Memory(Memory::LazyWrite | Memory::ModifiedWrite) => {}
            _ => return Err(Invalid),
        }
        Ok(Vec::new())
    }

    fn add_volume(&mut self, volume: &Volume) -> Result<(), Invalid> {
        let drive: Arc<str> = volume.drive.as_deref().ok_or(Invalid)?.into();
        ensure(self.volumes.iter().all(|known| known.drive != drive))?;
        let refs = volume.file_system == FileSystem::Refs;
        self.volumes.push(KnownVolume {
            drive,
            refs,
            zeroes: refs || volume.file_system == FileSystem::Ntfs,
        });
        Ok(())
    }
}

fn ensure(holds: bool) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(Invalid) }
}
