//! What there is while a workload goes on, and who really makes each write: without a look at the driver.
//!
//! A step is applied before it is played. One that cannot be played where it stands is refused, which is how a
//! workload stays valid when steps are taken out of it. What a write must be recorded as follows from Windows' rules
//! (docs/driver.md, "A write"), never from what was recorded.

mod share;

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::Offset;
use crate::scenario::SYSTEM;
use crate::scenario::model::{
    Act, Action, CopyIntent, Create, Disposition, FastIo, FileSystem, Filter, HandleAction, Memory,
    Operation, Process, Scenario, Thread, Volume, Write,
};
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

/// Who really makes a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// A thread of a user's process.
    Thread { tid: u32, process: Program },
    /// The system names this process, but no thread.
    Requestor(Program),
    /// Nobody can tell.
    Unknown,
}

/// A process as a record may name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) pid: u32,
    pub(super) image: Arc<str>,
    /// Whether the driver has met it alive: it saw it start, or open a file.
    pub(super) met: bool,
}

/// A file as a record may name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    /// What it was called since it was opened, the present name last: a stream that stays open keeps the name by which
    /// it was met until it is opened again.
    pub(super) paths: Vec<Arc<str>>,
    /// Whether the driver can know it: it saw the stream being opened for writing, or to be copied.
    pub(super) known: bool,
}

/// A write that the driver must record, or may.
#[derive(Clone, Debug)]
pub(super) struct Truth {
    pub(super) length: u32,
    /// `None` where the file pointer decides.
    pub(super) offset: Option<Offset>,
    pub(super) author: Author,
    pub(super) file: Named,
    pub(super) volume: usize,
    pub(super) kernel_mode: bool,
    /// PID of the thread that runs, where it is not the author's.
    pub(super) executor: Option<u32>,
    pub(super) source: Option<(Named, i64)>,
    /// Whether it need not be a write at all on this Windows (a clone).
    pub(super) optional: bool,
}

pub(super) struct KnownProcess {
    pub(super) name: Arc<str>,
    pub(super) pid: u32,
    image: Arc<str>,
    /// Whether its threads are the kernel's.
    kernel: bool,
    met: bool,
    pub(super) alive: bool,
}

pub(super) struct KnownThread {
    pub(super) name: Arc<str>,
    tid: u32,
    pub(super) process: usize,
    pub(super) alive: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a property of the handle")]
pub(super) struct KnownHandle {
    pub(super) name: Arc<str>,
    pub(super) process: usize,
    pub(super) file: usize,
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) append: bool,
    pub(super) delete: bool,
    pub(super) non_cached: bool,
    pub(super) open: bool,
}

pub(super) struct KnownFile {
    pub(super) path: Arc<str>,
    /// What it was called before, while it stayed open.
    earlier: Vec<Arc<str>>,
    /// Whether it goes with its last handle.
    deleting: bool,
    pub(super) volume: usize,
    pub(super) exists: bool,
    /// At least this many bytes, unless others truncate it at the same time.
    pub(super) size: i64,
    open: u32,
    /// Whether the driver has seen it opened in a way that makes it ask for the name.
    named: bool,
}

pub(super) struct KnownVolume {
    pub(super) drive: Arc<str>,
    refs: bool,
    /// Whether it knows `FSCTL_SET_ZERO_DATA`.
    zeroes: bool,
}

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

    fn insert_process(&mut self, name: &str, pid: u32, image: &str, kernel: bool) -> usize {
        let process = self.processes.len();
        self.process_names.insert(name.to_owned(), process);
        let (name, image) = (name.into(), image.into());
        self.processes.push(KnownProcess { name, pid, image, kernel, met: self.loaded, alive: true });
        process
    }

    fn insert_thread(&mut self, process: usize, name: &str, tid: u32) {
        self.thread_names.insert(name.to_owned(), self.threads.len());
        self.threads.push(KnownThread { name: name.into(), tid, process, alive: true });
    }

    fn start_process(&mut self, process: &Process) -> Result<(), Invalid> {
        let Process { name, pid, image, minimal, threads, .. } = process;
        ensure(!self.process_names.contains_key(name) && self.is_free_pid(*pid))?;
        for (position, thread) in threads.iter().enumerate() {
            let repeated = threads[..position].iter().any(|other| other.tid == thread.tid);
            ensure(!repeated && self.is_free_tid(thread.tid))?;
        }
        let process = self.insert_process(name, *pid, image, *minimal);
        for thread in threads {
            self.start_thread(process, thread)?;
        }
        Ok(())
    }

    pub(super) fn is_free_pid(&self, pid: u32) -> bool {
        pid != SYSTEM_PID && !self.processes.iter().any(|known| known.alive && known.pid == pid)
    }

    pub(super) fn is_free_tid(&self, tid: u32) -> bool {
        !self.threads.iter().any(|known| known.alive && known.tid == tid)
    }

    fn start_thread(&mut self, process: usize, thread: &Thread) -> Result<(), Invalid> {
        ensure(!self.thread_names.contains_key(&thread.name) && self.is_free_tid(thread.tid))?;
        self.insert_thread(process, &thread.name, thread.tid);
        Ok(())
    }

    fn exit_process(&mut self, process: usize) {
        self.processes[process].alive = false;
        for thread in &mut self.threads {
            thread.alive &= thread.process != process;
        }
        for handle in 0..self.handles.len() {
            if self.handles[handle].open && self.handles[handle].process == process {
                self.close(handle);
            }
        }
    }

    fn living_process(&self, name: &str) -> Result<usize, Invalid> {
        let process = self.process_names.get(name).copied().ok_or(Invalid)?;
        ensure(self.processes[process].alive)?;
        Ok(process)
    }

    fn thread(&self, name: &str) -> Result<usize, Invalid> {
        self.thread_names.get(name).copied().ok_or(Invalid)
    }

    fn living_thread(&self, name: &str) -> Result<usize, Invalid> {
        let thread = self.thread(name)?;
        ensure(self.threads[thread].alive)?;
        Ok(thread)
    }

    /// A handle that is open in the process of a thread that lives.
    fn own_handle(&self, thread: &str, handle: &str) -> Result<usize, Invalid> {
        let thread = self.living_thread(thread)?;
        self.handle_in(self.threads[thread].process, handle)
    }

    fn handle_in(&self, process: usize, handle: &str) -> Result<usize, Invalid> {
        let handle = self.handle_names.get(handle).copied().ok_or(Invalid)?;
        let KnownHandle { open, process: owner, .. } = self.handles[handle];
        ensure(open && owner == process)?;
        Ok(handle)
    }

    /// The file of a path whose volume is there.
    fn file(&mut self, path: &str) -> Result<usize, Invalid> {
        if let Some(file) = self.paths.get(path) {
            return Ok(*file);
        }
        let volume =
            self.volumes.iter().position(|volume| path.starts_with(&*volume.drive)).ok_or(Invalid)?;
        let file = self.files.len();
        self.paths.insert(path.to_owned(), file);
        self.files.push(KnownFile {
            path: path.into(),
            earlier: Vec::new(),
            deleting: false,
            volume,
            exists: false,
            size: 0,
            open: 0,
            named: false,
        });
        Ok(file)
    }

    fn create(&mut self, create: &Create) -> Result<(), Invalid> {
        let Create { thread, handle, path, access, disposition, copy, .. } = create;
        let thread = self.living_thread(thread)?;
        ensure(!self.handle_names.contains_key(handle))?;
        let file = self.file(path)?;
        ensure(!self.files[file].deleting)?;
        self.meets(thread);
        let exists = self.files[file].exists;
        match disposition {
            Disposition::Open | Disposition::Overwrite => ensure(exists)?,
            Disposition::Create => ensure(!exists)?,
            Disposition::Supersede | Disposition::OpenIf | Disposition::OverwriteIf => {}
        }
        let copied = *copy == Some(CopyIntent::Source) && self.has_kernel_copy();
        self.opened(file, access.write || access.append || copied);
        if !matches!(disposition, Disposition::Open | Disposition::OpenIf) {
            self.files[file].size = 0;
        }
        self.handle_names.insert(handle.clone(), self.handles.len());
        self.handles.push(KnownHandle {
            name: handle.as_str().into(),
            process: self.threads[thread].process,
            file,
            read: access.read,
            write: access.write,
            append: access.append,
            delete: access.delete,
            non_cached: create.non_cached,
            open: true,
        });
        Ok(())
    }

    /// A file is opened; `named` if that makes the driver ask for its name.
    fn opened(&mut self, file: usize, named: bool) {
        let loaded = self.loaded;
        let file = &mut self.files[file];
        file.exists = true;
        file.open += 1;
        file.named |= named && loaded;
    }

    fn closed(&mut self, file: usize) {
        let file = &mut self.files[file];
        file.open -= 1;
        if file.open == 0 {
            file.named = false;
            file.earlier.clear();
            if std::mem::take(&mut file.deleting) {
                file.exists = false;
                file.size = 0;
            }
        }
    }

    fn close(&mut self, handle: usize) {
        self.handles[handle].open = false;
        self.closed(self.handles[handle].file);
    }

    fn on_handle(&mut self, handle: usize, what: &HandleAction) -> Result<(), Invalid> {
        let KnownHandle { file, write, delete, .. } = self.handles[handle];
        match what {
            HandleAction::Rename(path) => {
                ensure(delete && !self.files[file].deleting)?;
                self.rename(file, path)
            }
            HandleAction::Delete { posix: false } => {
                ensure(delete)?;
                self.files[file].deleting = true;
                Ok(())
            }
            HandleAction::EndOfFile(size) => {
                ensure(write)?;
                self.files[file].size = i64::try_from(*size).map_err(|_| Invalid)?;
                Ok(())
            }
            HandleAction::Zero { .. } => ensure(write && self.volumes[self.files[file].volume].zeroes),
            HandleAction::Flush | HandleAction::Basic => ensure(write),
            HandleAction::Query => Ok(()),
            _ => Err(Invalid),
        }
    }

    /// A file without streams gets a name that nothing has.
    fn rename(&mut self, file: usize, to: &str) -> Result<(), Invalid> {
        let from = Arc::clone(&self.files[file].path);
        let drive = &self.volumes[self.files[file].volume].drive;
        let has_streams = |path: &str| {
            let streams = format!("{path}:");
            path.matches(':').count() > 1 || self.paths.keys().any(|known| known.starts_with(&streams))
        };
        ensure(to.starts_with(&**drive) && !has_streams(&from) && !has_streams(to))?;
        let taken = self.paths.get(to).is_some_and(|other| self.files[*other].exists);
        ensure(*to != *from && !taken)?;
        self.paths.remove(&*from);
        self.paths.insert(to.to_owned(), file);
        let file = &mut self.files[file];
        file.earlier.push(std::mem::replace(&mut file.path, to.into()));
        Ok(())
    }

    /// Whether a filter above has a worker send such writes on.
    fn is_reposted(&self, file: usize) -> bool {
        let path = self.files[file].path.to_uppercase();
        self.filters.iter().any(|filter| {
            let above = filter.altitude.parse::<f64>().is_ok_and(|altitude| altitude > ALTITUDE);
            let meant = filter.path.as_ref().is_none_or(|part| path.contains(&part.to_uppercase()));
            let each = filter.every == 1 && filter.operation == Operation::Write;
            above && each && meant && matches!(filter.act, Act::Repost | Act::Hold)
        })
    }

    fn named(&self, file: usize) -> Named {
        let KnownFile { path, earlier, named, .. } = &self.files[file];
        let paths = earlier.iter().chain([path]).cloned().collect();
        Named { paths, known: *named }
    }

    fn author(&self, thread: usize) -> Option<Author> {
        let KnownThread { tid, process, .. } = self.threads[thread];
        let is_user = !self.processes[process].kernel;
        is_user.then(|| Author::Thread { tid, process: self.program(process) })
    }

    fn program(&self, process: usize) -> Program {
        let KnownProcess { pid, image, met, .. } = &self.processes[process];
        Program { pid: *pid, image: Arc::clone(image), met: *met }
    }

    /// A thread of the process opens a file, before the driver's eyes if it is loaded.
    fn meets(&mut self, thread: usize) {
        let process = self.threads[thread].process;
        self.processes[process].met |= self.loaded;
    }

    fn pid_of(&self, thread: usize) -> u32 {
        self.processes[self.threads[thread].process].pid
    }

    fn write(&mut self, write: &Write) -> Result<Vec<Truth>, Invalid> {
        let thread = self.thread(&write.thread)?;
        let executor = match &write.executor {
            Some(executor) => Some(self.living_thread(executor)?),
            None => None,
        };
        ensure(self.threads[thread].alive || executor.is_some())?;
        let handle = self.handle_in(self.threads[thread].process, &write.handle)?;
        let KnownHandle { file, write: may_write, append, .. } = self.handles[handle];
        ensure(may_write || append)?;
        let by_user = !write.generated && !write.paging;
        let to_the_end = by_user && !may_write;
        let offset = match write.offset {
            _ if to_the_end => Some(Offset::EndOfFile),
            Offset::FilePointer if by_user => None,
            offset => Some(offset),
        };
        let requestor = match &write.requestor {
            Some(requestor) => Some(self.living_process(requestor)?),
            None => None,
        };
        if !write.paging && write.fast_io != FastIo::RefusedOnly {
            let size = &mut self.files[file].size;
            *size = match offset {
                Some(Offset::At(offset)) => (*size).max(offset + i64::from(write.length)),
                Some(_) => size.saturating_add(i64::from(write.length)),
                None => *size,
            };
        }
        // Memory management writes what somebody wrote before; what was refused was not written.
        if write.paging || write.fast_io == FastIo::RefusedOnly {
            return Ok(Vec::new());
        }
        let author = match requestor {
            _ if !write.no_thread => self.author(thread),
            Some(0) if write.kernel_mode => None,
            None | Some(0) => Some(Author::Unknown),
            Some(process) => Some(Author::Requestor(self.program(process))),
        };
        let Some(author) = author else { return Ok(Vec::new()) };
        let runs = executor.unwrap_or(thread);
        let other = (write.no_thread || runs != thread).then(|| self.pid_of(runs));
        Ok(vec![Truth {
            length: write.length,
            offset,
            author,
            file: self.named(file),
            volume: self.files[file].volume,
            kernel_mode: write.kernel_mode,
            executor: if self.is_reposted(file) { Some(SYSTEM_PID) } else { other },
            source: None,
            optional: false,
        }])
    }

    fn copy_file(
        &mut self,
        thread: &str,
        (from, to): (&str, &str),
        size: u64,
        chunk: u32,
    ) -> Result<Vec<Truth>, Invalid> {
        let thread = self.living_thread(thread)?;
        self.meets(thread);
        let author = self.author(thread).ok_or(Invalid)?;
        let (from, to) = (self.file(from)?, self.file(to)?);
        let size = i64::try_from(size).map_err(|_| Invalid)?;
        ensure(!self.files[from].deleting && !self.files[to].deleting)?;
        ensure(from != to && chunk > 0 && size > 0 && size % i64::from(chunk) == 0)?;
        self.files[from].size = size;
        self.files[to].size = size;
        let kernel = self.has_kernel_copy();
        self.opened(from, kernel);
        self.opened(to, true);
        let volumes = [from, to].map(|file| self.files[file].volume);
        let refs = volumes.iter().all(|volume| self.volumes[*volume].refs) && volumes[0] == volumes[1];
        let by_worker = kernel || self.is_reposted(to);
        let truth = |offset| Truth {
            length: chunk,
            offset: Some(Offset::At(offset)),
            author: author.clone(),
            file: self.named(to),
            volume: volumes[1],
            kernel_mode: kernel,
            executor: by_worker.then_some(SYSTEM_PID),
            source: kernel.then(|| (self.named(from), offset)),
            // The file system may clone instead.
            optional: refs && self.windows >= WindowsVersion::Win11_24H2,
        };
        let offsets = (0..size / i64::from(chunk)).map(|number| number * i64::from(chunk));
        let truths = offsets.map(truth).collect();
        self.closed(to);
        self.closed(from);
        Ok(truths)
    }

    fn copy_chunk(
        &mut self,
        thread: &str,
        (from, from_offset): (&str, i64),
        (to, to_offset): (&str, i64),
        length: u32,
    ) -> Result<Vec<Truth>, Invalid> {
        ensure(self.has_kernel_copy())?;
        let (source, destination) = (self.own_handle(thread, from)?, self.own_handle(thread, to)?);
        let thread = self.thread(thread)?;
        ensure(self.handles[source].read)?;
        ensure(self.handles[destination].write || self.handles[destination].append)?;
        let [source, destination] = [source, destination].map(|handle| self.handles[handle].file);
        let end = from_offset.checked_add(i64::from(length)).ok_or(Invalid)?;
        ensure(length > 0 && end <= self.files[source].size)?;
        let author = self.author(thread).ok_or(Invalid)?;
        let size = &mut self.files[destination].size;
        *size = (*size).max(to_offset + i64::from(length));
        Ok(vec![Truth {
            length,
            offset: Some(Offset::At(to_offset)),
            author,
            file: self.named(destination),
            volume: self.files[destination].volume,
            kernel_mode: true,
            executor: Some(SYSTEM_PID),
            source: Some((self.named(source), from_offset)),
            optional: false,
        }])
    }
}

impl KnownProcess {
    /// Whether its threads are a user's.
    pub(super) fn is_user(&self) -> bool {
        !self.kernel
    }
}

fn ensure(holds: bool) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(Invalid) }
}
