//! Playing a scenario.

use std::collections::HashMap;
use std::time::Duration;

use ntsim::{
    Access, ChunkSpec, CopyIntent, CopySpec, CreateOptions, CreateSpec, Disposition, FastIo, FileSystem,
    Handle, Mode, NtStatus, Process, ProcessKind, ProcessSpec, ReadSpec, Thread, VolumeSpec, WriteOffset,
    WriteSpec,
};

use super::machine::{BareMachine, Machine, failed_with};
use crate::failure::Failure;
use crate::model::Offset;
use crate::output::explain::{SYSTEM_PID, Truth, Who};
use crate::place::{BadInput, Place};
use crate::scenario::{SYSTEM, Scenario, model};

/// Time that passes before each step, whatever the scenario says.
const BETWEEN_STEPS: Duration = Duration::from_micros(1);

/// A thread and who it is.
struct KnownThread {
    thread: Thread,
    who: Who,
    kernel: bool,
}

/// The things that a scenario has named.
struct Stage<'s> {
    file: &'s str,
    processes: HashMap<&'s str, Process>,
    threads: HashMap<&'s str, KnownThread>,
    handles: HashMap<&'s str, Handle>,
}

/// Sets the machine up as the scenario has it, and plays it.
pub(super) fn play(file: &str, scenario: &Scenario, bare: BareMachine<'_>) -> Result<Machine, Failure> {
    let mut stage =
        Stage { file, processes: HashMap::new(), threads: HashMap::new(), handles: HashMap::new() };
    for volume in &scenario.volumes {
        bare.add_volume(volume_spec(volume)).map_err(|error| stage.unusable(volume.place, &error))?;
    }
    let mut images = vec![(SYSTEM_PID, SYSTEM_NAME.to_owned())];
    let system = bare.sim.system_thread();
    stage.processes.insert(SYSTEM, bare.sim.system());
    let who = Who { pid: SYSTEM_PID, tid: 0, image: SYSTEM_NAME.to_owned() };
    stage.threads.insert(SYSTEM, KnownThread { thread: system, who, kernel: true });
    for process in &scenario.processes {
        stage.start_process(&bare.sim, process)?;
        images.push((process.pid, process.image.clone()));
    }
    let mut machine = bare.start(free_pid(scenario))?;
    for (pid, image) in images {
        machine.name_process(pid, &image);
    }
    for step in &scenario.steps {
        // As on any machine, no two things happen at the same moment.
        machine.sim.advance(BETWEEN_STEPS);
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

fn volume_spec(volume: &model::Volume) -> VolumeSpec {
    let file_system = match volume.file_system {
        model::FileSystem::Ntfs => FileSystem::Ntfs,
        model::FileSystem::Fat => FileSystem::Fat,
        model::FileSystem::ExFat => FileSystem::ExFat,
        model::FileSystem::Refs => FileSystem::Refs,
        model::FileSystem::Network => FileSystem::Lanman,
    };
    VolumeSpec {
        dos: volume.drive.clone(),
        guid: volume.guid.clone(),
        ..VolumeSpec::new(&volume.device).file_system(file_system)
    }
}

impl<'s> Stage<'s> {
    /// What the scenario asks for cannot be.
    fn unusable(&self, place: Place, error: &impl ToString) -> Failure {
        BadInput::new(self.file, error.to_string()).at(place).into()
    }

    /// What the scenario asks for did not work.
    fn broken(&self, place: Place, message: String) -> Failure {
        Failure::Broken(BadInput::new(self.file, message).at(place).to_string())
    }

    fn start_process(&mut self, sim: &ntsim::Sim, process: &'s model::Process) -> Result<(), Failure> {
        let spec = ProcessSpec::new(&process.image).pid(process.pid).session(process.session);
        let user = match &process.user {
            None => spec.user.clone(),
            Some(user) => user.parse().map_err(|error| self.unusable(process.place, &error))?,
        };
        let kind = if process.minimal { ProcessKind::Minimal } else { ProcessKind::User };
        let spec = ProcessSpec { parent: process.parent, user, kind, ..spec };
        let started = sim.add_process(spec).map_err(|error| self.unusable(process.place, &error))?;
        self.processes.insert(&process.name, started);
        for thread in &process.threads {
            self.start_thread(sim, &process.name, thread, || {
                (process.pid, process.image.clone(), process.minimal)
            })?;
        }
        Ok(())
    }

    fn start_thread(
        &mut self,
        sim: &ntsim::Sim,
        process: &str,
        thread: &'s model::Thread,
        of: impl FnOnce() -> (u32, String, bool),
    ) -> Result<(), Failure> {
        let started = sim
            .add_thread(self.processes[process], Some(thread.tid))
            .map_err(|error| self.unusable(thread.place, &error))?;
        let (pid, image, kernel) = of();
        let who = Who { pid, tid: thread.tid, image };
        self.threads.insert(&thread.name, KnownThread { thread: started, who, kernel });
        Ok(())
    }

    /// The thread of that name, whose operations come next.
    fn act(&self, machine: &Machine, name: &str) -> Thread {
        let KnownThread { thread, who, kernel } = &self.threads[name];
        machine.set_truth(|| if *kernel { Truth::Kernel(who.clone()) } else { Truth::User(who.clone()) });
        *thread
    }

    fn step(&mut self, machine: &mut Machine, step: &'s model::Step) -> Result<(), Failure> {
        use model::Action;
        let place = step.place;
        let sim = machine.sim.clone();
        match &step.action {
            Action::StartProcess(process) => {
                machine.name_process(process.pid, &process.image);
                self.start_process(&sim, process)?;
            }
            Action::StartThread { process, thread } => {
                let info = sim.process_info(self.processes[process.as_str()]);
                self.start_thread(&sim, process, thread, || {
                    info.map_or((0, String::new(), false), |info| (info.pid, info.image, false))
                })?;
            }
            Action::ExitProcess(name) => sim
                .exit_process(self.processes[name.as_str()])
                .map_err(|error| self.broken(place, error.to_string()))?,
            Action::ExitThread(name) => sim
                .exit_thread(self.threads[name.as_str()].thread)
                .map_err(|error| self.broken(place, error.to_string()))?,
            Action::Create(create) => {
                let thread = self.act(machine, &create.thread);
                let handle = sim
                    .create(thread, &create_spec(create))
                    .map_err(|status| self.broken(place, failed_with("create", status)))?;
                self.handles.insert(&create.handle, handle);
            }
            Action::Write(write) => {
                let thread = self.act(machine, &write.thread);
                let refused = write.fast_io == model::FastIo::RefusedOnly;
                match sim.write(thread, self.handles[write.handle.as_str()], &self.write_spec(write)) {
                    Err(NtStatus::FLT_DISALLOW_FAST_IO) if refused => {}
                    Err(status) => return Err(self.broken(place, failed_with("write", status))),
                    Ok(_) => {}
                }
            }
            Action::Read { thread, handle, offset, length } => {
                let thread = self.act(machine, thread);
                sim.read(thread, self.handles[handle.as_str()], &ReadSpec::at(*offset, *length))
                    .map_err(|status| self.broken(place, failed_with("read", status)))?;
            }
            Action::Close { thread, handle } => {
                let thread = self.act(machine, thread);
                sim.close(thread, self.handles[handle.as_str()])
                    .map_err(|status| self.broken(place, failed_with("close", status)))?;
            }
            Action::CopyFile { thread, from, to, size, chunk } => {
                let thread = self.act(machine, thread);
                sim.copy_file2(thread, &CopySpec::new(from, to, *size).chunk(*chunk))
                    .map_err(|status| self.broken(place, failed_with("copy-file", status)))?;
            }
            Action::CopyChunk { thread, from, to, from_offset, to_offset, length } => {
                let thread = self.act(machine, thread);
                let spec = ChunkSpec {
                    source: self.handles[from.as_str()],
                    destination: self.handles[to.as_str()],
                    source_offset: *from_offset,
                    destination_offset: *to_offset,
                    length: *length,
                };
                sim.copy_file_chunk(thread, &spec)
                    .map_err(|status| self.broken(place, failed_with("copy-chunk", status)))?;
            }
            Action::Advance(microseconds) => sim.advance(Duration::from_micros(*microseconds)),
            Action::Settle => machine.settle()?,
            Action::Connect => machine.connect()?,
            Action::Disconnect => machine.disconnect(),
            Action::Load | Action::Unload | Action::AddVolume(_) | Action::Consumer(_) => {
                let message = "only a scenario that a torture run left (`torture` in `scenario`) has this";
                return Err(self.unusable(place, &message));
            }
        }
        Ok(())
    }

    fn write_spec(&self, write: &model::Write) -> WriteSpec {
        let model::Write {
            thread: _,
            handle: _,
            offset,
            length,
            non_cached,
            write_through,
            paging,
            synchronous_paging,
            fast_io,
            kernel_mode,
            executor,
            no_thread,
            requestor,
            generated,
            reissued,
        } = write;
        let offset = match offset {
            Offset::At(offset) => WriteOffset::At(*offset),
            Offset::EndOfFile => WriteOffset::EndOfFile,
            Offset::FilePointer => WriteOffset::FilePointer,
        };
        WriteSpec {
            non_cached: *non_cached,
            write_through: *write_through,
            paging: *paging,
            synchronous_paging: *synchronous_paging,
            fast_io: match fast_io {
                model::FastIo::No => FastIo::No,
                model::FastIo::Accepted => FastIo::Accepted,
                model::FastIo::Refused => FastIo::RefusedThenIrp,
                model::FastIo::RefusedOnly => FastIo::Refused,
            },
            mode: mode(*kernel_mode),
            executor: executor.as_ref().map(|name| self.threads[name.as_str()].thread),
            thread_null: *no_thread,
            requestor: requestor.as_ref().map(|name| self.processes[name.as_str()]),
            generated: *generated,
            reissued: *reissued,
            ..WriteSpec::new(offset, *length)
        }
    }
}

fn create_spec(create: &model::Create) -> CreateSpec {
    let model::Create {
        thread: _,
        handle: _,
        path,
        access: model::Access { read, write, append },
        disposition,
        copy,
        kernel_mode,
        non_cached,
        write_through,
    } = create;
    let mut access = Access::SYNCHRONIZE;
    access.set(Access::GENERIC_READ, *read);
    access.set(Access::GENERIC_WRITE, *write);
    access.set(Access::APPEND_DATA, *append || *write);
    let mut spec =
        CreateSpec::new(path).mode(mode(*kernel_mode)).access(access).disposition(match disposition {
            model::Disposition::Supersede => Disposition::Supersede,
            model::Disposition::Open => Disposition::Open,
            model::Disposition::Create => Disposition::Create,
            model::Disposition::OpenIf => Disposition::OpenIf,
            model::Disposition::Overwrite => Disposition::Overwrite,
            model::Disposition::OverwriteIf => Disposition::OverwriteIf,
        });
    spec.options.set(CreateOptions::NO_INTERMEDIATE_BUFFERING, *non_cached);
    spec.options.set(CreateOptions::WRITE_THROUGH, *write_through);
    match copy {
        None => spec,
        Some(model::CopyIntent::Source) => spec.copy(CopyIntent::Source),
        Some(model::CopyIntent::Destination) => spec.copy(CopyIntent::Destination),
    }
}

fn mode(kernel: bool) -> Mode {
    if kernel { Mode::Kernel } else { Mode::User }
}
