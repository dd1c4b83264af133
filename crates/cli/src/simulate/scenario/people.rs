//! Processes and threads, their accounts and what they share.

use ntsim::{ProcessKind, ProcessSpec, Sim};

use super::{KnownThread, Opened, Stage, Trouble};
use crate::failure::Failure;
use crate::output::explain::Who;
use crate::scenario::model::{self, Action};
use crate::simulate::machine::Machine;

impl<'s> Stage<'s> {
    /// Plays a step of this kind.
    pub(super) fn people(&mut self, machine: &mut Machine, action: &'s Action) -> Result<(), Trouble> {
        let sim = machine.sim.clone();
        match action {
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
            Action::ExitProcess(name) => sim.exit_process(self.processes[name.as_str()])?,
            Action::ExitThread(name) => sim.exit_thread(self.threads[name.as_str()].thread)?,
            Action::Share(share) => {
                let handle = self.share(&sim, share).map_err(Trouble::of("sharing a handle"))?;
                let process = self.processes[share.process.as_str()];
                let path = self.handles[share.from.as_str()].path;
                self.handles.insert(&share.handle, Opened { handle, process, path, remote: None });
            }
            Action::Impersonate { thread, client } => {
                sim.impersonate(self.threads[thread.as_str()].thread, self.processes[client.as_str()])?;
            }
            Action::Attach { thread, process } => {
                sim.attach_thread(self.threads[thread.as_str()].thread, self.processes[process.as_str()])?;
            }
            Action::Detach(thread) => sim.detach_thread(self.threads[thread.as_str()].thread)?,
            Action::BeginTransaction(name) => {
                self.transactions.insert(name, sim.begin_transaction());
            }
            Action::EndTransaction { transaction, commit } => {
                let transaction = self.transactions[transaction.as_str()];
                if *commit { sim.commit(transaction) } else { sim.rollback(transaction) }
                    .map_err(Trouble::of("the end of the transaction"))?;
            }
            Action::Revert(thread) => sim.revert(self.threads[thread.as_str()].thread)?,
            other => return Err(Trouble::Failed(format!("no way to play {other:?}"))),
        }
        Ok(())
    }

    /// Starts a process and its threads.
    pub(super) fn start_process(&mut self, sim: &Sim, process: &'s model::Process) -> Result<(), Failure> {
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
        sim: &Sim,
        process: &str,
        thread: &'s model::Thread,
        of: impl FnOnce() -> (u32, String, bool),
    ) -> Result<(), Failure> {
        let started = sim
            .add_thread(self.processes[process], Some(thread.tid))
            .map_err(|error| self.unusable(thread.place, &error))?;
        let (pid, image, kernel) = of();
        let who = Who { pid, tid: thread.tid, image };
        self.threads.insert(
            &thread.name,
            KnownThread { thread: started, process: self.processes[process], who, kernel },
        );
        Ok(())
    }
}
