//! Playing the steps of one lane.

use std::collections::HashMap;

use ntsim::{
    ChunkSpec, CopySpec, Handle, MdlWriteSpec, NtStatus, Process, ProcessKind, ProcessSpec, ReadSpec, Sim,
    SpecError, Thread,
};

use super::shared::{Issued, Shared};
use super::step_failed;
use crate::scenario::model::{self, Action, FastIo, Memory};
use crate::simulate::scenario::handle;
use crate::simulate::scenario::specs::{create_spec, write_spec};
use crate::torture::generate::LANES;
use crate::torture::oracle::Fault;
use crate::torture::world::Truth;

/// TIDs of the lanes' System threads; no workload has them.
const FIRST_SYSTEM_WORKER: u32 = 900_000;

/// The names of one lane.
pub(super) struct Lane<'s> {
    pub(super) shared: &'s Shared,
    pub(super) processes: HashMap<&'s str, Process>,
    pub(super) threads: HashMap<&'s str, Thread>,
    pub(super) handles: HashMap<&'s str, Handle>,
    pub(super) issued: Vec<Issued>,
    pub(super) played: u64,
}

/// The System thread that a lane uses: one of its own, since lanes go on at once and no thread runs in two places.
pub(super) fn system_worker(sim: &Sim, lane: usize) -> Result<Thread, SpecError> {
    match u32::try_from(lane) {
        Ok(lane) if lane < LANES => sim.add_thread(sim.system(), Some(FIRST_SYSTEM_WORKER + 4 * lane)),
        _ => Ok(sim.system_thread()),
    }
}

impl<'s> Lane<'s> {
    pub(super) fn start_process(&mut self, process: &'s model::Process) -> Result<(), Fault> {
        let kind = if process.minimal { ProcessKind::Minimal } else { ProcessKind::User };
        let spec = ProcessSpec::new(&process.image).pid(process.pid).session(process.session).kind(kind);
        let started = self.shared.sim.add_process(spec).map_err(|error| step_failed("process", &error))?;
        self.processes.insert(&process.name, started);
        process.threads.iter().try_for_each(|thread| self.start_thread(&process.name, thread))
    }

    pub(super) fn start_thread(&mut self, process: &str, thread: &'s model::Thread) -> Result<(), Fault> {
        let started = self.shared.sim.add_thread(self.processes[process], Some(thread.tid));
        self.threads.insert(&thread.name, started.map_err(|error| step_failed("thread", &error))?);
        Ok(())
    }

    pub(super) fn step(&mut self, action: &'s Action, truths: Vec<Truth>) -> Result<(), Fault> {
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use ntsim::Config;

    use super::*;
    use crate::simulate::machine;
    use crate::torture::lanes;
    use crate::windows_version::WindowsVersion;

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
