//! Playing the steps of one lane.

use std::collections::HashMap;

use ntsim::{
    CopySpec, Handle, NtStatus, OffloadToken, Process, ProcessKind, ProcessSpec, ReadSpec, Request, Section,
    Sim, SpecError, Thread, Transaction, View,
};

use super::shared::{Issued, Shared};
use super::step_failed;
use crate::scenario::SYSTEM;
use crate::scenario::model::{self, Action};
use crate::simulate::scenario::handle;
use crate::simulate::scenario::specs::{create_spec, ends_as_told, write_spec};
use crate::torture::generate::LANES;
use crate::torture::oracle::Fault;
use crate::torture::world::Truth;

/// TIDs of the lanes' System threads; no workload has them.
const FIRST_SYSTEM_WORKER: u32 = 900_000;

/// The names of one lane.
pub(super) struct Lane<'s> {
    pub(super) number: usize,
    pub(super) shared: &'s Shared,
    pub(super) processes: HashMap<&'s str, Process>,
    pub(super) threads: HashMap<&'s str, Thread>,
    pub(super) handles: HashMap<&'s str, Handle>,
    /// The process of each handle.
    pub(super) owners: HashMap<&'s str, Process>,
    /// The processes of each thread: its own, and those that it is attached to.
    pub(super) places: HashMap<&'s str, Vec<Process>>,
    pub(super) tokens: HashMap<&'s str, OffloadToken>,
    pub(super) transactions: HashMap<&'s str, Transaction>,
    pub(super) sections: HashMap<&'s str, Section>,
    pub(super) views: HashMap<&'s str, View>,
    /// Requests that have not been found complete, and which write is theirs.
    pub(super) requests: HashMap<&'s str, (Request, Option<usize>)>,
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
    pub(super) fn new(shared: &'s Shared, number: usize, system: Process, worker: Thread) -> Self {
        Self {
            number,
            shared,
            processes: HashMap::from([(SYSTEM, system)]),
            threads: HashMap::from([(SYSTEM, worker)]),
            handles: HashMap::new(),
            owners: HashMap::new(),
            places: HashMap::from([(SYSTEM, vec![system])]),
            tokens: HashMap::new(),
            transactions: HashMap::new(),
            sections: HashMap::new(),
            views: HashMap::new(),
            requests: HashMap::new(),
            issued: Vec::new(),
            played: 0,
        }
    }

    pub(super) fn start_process(&mut self, process: &'s model::Process) -> Result<(), Fault> {
        let kind = if process.minimal { ProcessKind::Minimal } else { ProcessKind::User };
        let spec = ProcessSpec::new(&process.image).pid(process.pid).session(process.session).kind(kind);
        let started = self.shared.sim.add_process(spec).map_err(|error| step_failed("process", &error))?;
        self.processes.insert(&process.name, started);
        process.threads.iter().try_for_each(|thread| self.start_thread(&process.name, thread))
    }

    pub(super) fn start_thread(&mut self, process: &str, thread: &'s model::Thread) -> Result<(), Fault> {
        let started = self.shared.sim.add_thread(self.processes[process], Some(thread.tid));
        self.places.insert(&thread.name, vec![self.processes[process]]);
        self.threads.insert(&thread.name, started.map_err(|error| step_failed("thread", &error))?);
        Ok(())
    }

    pub(super) fn step(&mut self, action: &'s Action, truths: Vec<Truth>) -> Result<(), Fault> {
        self.shared.begins(self.number, action);
        self.act(action, truths)?;
        self.shared.ends(self.number);
        self.played += 1;
        Ok(())
    }

    fn act(&mut self, action: &'s Action, truths: Vec<Truth>) -> Result<(), Fault> {
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
                let mut spec = create_spec(create);
                if let Some(transaction) = &create.transaction {
                    spec = spec.transaction(self.transactions[transaction.as_str()]);
                }
                let handle = sim.create(thread, &spec).map_err(failed("create"))?;
                self.handles.insert(&create.handle, handle);
                self.owners.insert(&create.handle, self.acts_in(&create.thread));
            }
            Action::Write(write) => {
                let spec = write_spec(
                    write,
                    write.executor.as_ref().map(|name| self.threads[name.as_str()]),
                    write.requestor.as_ref().map(|name| self.processes[name.as_str()]),
                );
                let handle = self.handles[write.handle.as_str()];
                let written = sim.write(self.threads[write.thread.as_str()], handle, &spec);
                ends_as_told(write, written).map_err(failed("write"))?;
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
            Action::Share(share) => self.share(share)?,
            Action::Impersonate { thread, client } => {
                sim.impersonate(self.threads[thread.as_str()], self.processes[client.as_str()])
                    .map_err(|error| step_failed("impersonate", &error))?;
            }
            Action::Revert(thread) => {
                sim.revert(self.threads[thread.as_str()]).map_err(|error| step_failed("revert", &error))?;
            }
            Action::Memory(memory) => self.memory(memory)?,
            Action::CopyFile { thread, from, to, size, chunk } => {
                let spec = CopySpec::new(from, to, *size).chunk(*chunk);
                sim.copy_file2(self.threads[thread.as_str()], &spec).map_err(failed("copy-file"))?;
            }
            Action::CopyChunk { thread, from, to, from_offset, to_offset, length } => {
                let spec = self.chunk_spec((from, *from_offset), (to, *to_offset), *length);
                sim.copy_file_chunk(self.threads[thread.as_str()], &spec).map_err(failed("copy-chunk"))?;
            }
            Action::StartWrite(_) | Action::StartCopyChunk(_) | Action::Complete(_) => {
                self.request(action, &truths)?;
            }
            Action::Clone(_) | Action::OffloadRead(_) | Action::OffloadWrite(_) => self.clusters(action)?,
            Action::Attach { .. }
            | Action::Detach(_)
            | Action::BeginTransaction(_)
            | Action::EndTransaction { .. } => self.people(action)?,
            _ => return Err(Fault::new("invalid", "a step that no torture run makes")),
        }
        let to = self.shared.now();
        self.issued.extend(truths.into_iter().map(|truth| Issued { truth, from, to }));
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
