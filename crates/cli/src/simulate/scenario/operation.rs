//! What threads do to files.

use ntsim::{ChunkSpec, CopySpec, ReadSpec};

use super::specs::{create_spec, ends_as_told, write_spec};
use super::{Opened, Stage, Trouble, handle};
use crate::model::Offset;
use crate::scenario::model::{self, Action};
use crate::simulate::machine::Machine;
use crate::simulate::observe::Means;

impl<'s> Stage<'s> {
    /// Plays a step of this kind.
    pub(super) fn operation(&mut self, machine: &mut Machine, action: &'s Action) -> Result<(), Trouble> {
        let sim = machine.sim.clone();
        match action {
            Action::Create(create) => {
                let thread = self.act(machine, &create.thread);
                let mut spec = create_spec(create);
                if let Some(transaction) = &create.transaction {
                    spec = spec.transaction(self.transactions[transaction.as_str()]);
                }
                let handle = sim.create(thread, &spec).map_err(Trouble::of("create"))?;
                let process = self.threads[create.thread.as_str()].process;
                let server = create.server_open.as_ref().filter(|open| !open.forged);
                let remote = server.map(|open| format!("{} by way of {}", open.client, open.share));
                self.handles.insert(&create.handle, Opened { handle, process, path: &create.path, remote });
            }
            Action::Write(write) => {
                let thread = self.act_on(machine, &write.thread, &write.handle);
                let (range, by) = match write.offset {
                    Offset::At(offset) => ((offset, write.written().into()), Means::Write),
                    // Wherever that is.
                    Offset::EndOfFile | Offset::FilePointer => ((0, i64::MAX), Means::Elsewhere),
                };
                let fails = matches!(write.end, model::WriteEnd::Fails(_));
                if !write.paging && !fails && self.handles[write.handle.as_str()].remote.is_none() {
                    self.claim(machine, &write.thread, self.handles[write.handle.as_str()].path, range, by);
                }
                let executor = write.executor.as_ref().map(|name| self.threads[name.as_str()].thread);
                let requestor = write.requestor.as_ref().map(|name| self.processes[name.as_str()]);
                let spec = write_spec(write, executor, requestor);
                let written = sim.write(thread, self.handle(&write.handle), &spec);
                ends_as_told(write, written).map_err(Trouble::of("write"))?;
            }
            Action::Read { thread, handle, offset, length } => {
                let thread = self.act(machine, thread);
                sim.read(thread, self.handle(handle), &ReadSpec::at(*offset, *length))
                    .map_err(Trouble::of("read"))?;
            }
            Action::Close { thread, handle } => {
                let thread = self.act(machine, thread);
                sim.close(thread, self.handle(handle)).map_err(Trouble::of("close"))?;
            }
            Action::CopyFile { thread: name, from, to, size, chunk } => {
                let thread = self.act(machine, name);
                self.claim(machine, name, to, (0, i64::MAX), Means::Elsewhere);
                sim.copy_file2(thread, &CopySpec::new(from, to, *size).chunk(*chunk))
                    .map_err(Trouble::of("copy-file"))?;
            }
            Action::CopyChunk { thread: name, from, to, from_offset, to_offset, length } => {
                let thread = self.act(machine, name);
                let range = (*to_offset, (*length).into());
                self.claim(machine, name, self.handles[to.as_str()].path, range, Means::Write);
                let spec = ChunkSpec {
                    source: self.handle(from),
                    destination: self.handle(to),
                    source_offset: *from_offset,
                    destination_offset: *to_offset,
                    length: *length,
                };
                sim.copy_file_chunk(thread, &spec).map_err(Trouble::of("copy-chunk"))?;
            }
            Action::OnHandle { thread, handle: name, what } => {
                let thread = self.act(machine, thread);
                handle::act(&sim, thread, self.handle(name), what)
                    .map_err(|(what, status)| Trouble::of(what)(status))?;
            }
            Action::Clone(clone) => {
                let thread = self.act(machine, &clone.thread);
                self.clone_blocks(&sim, thread, clone).map_err(Trouble::of("clone"))?;
            }
            Action::OffloadRead(read) => {
                let thread = self.act(machine, &read.thread);
                let token = sim
                    .offload_read(thread, self.handle(&read.handle), read.offset, read.length)
                    .map_err(Trouble::of("offload-read"))?;
                self.tokens.insert(&read.token, token);
            }
            Action::OffloadWrite(write) => {
                let thread = self.act(machine, &write.thread);
                self.offload_write(&sim, thread, write).map_err(Trouble::of("offload-write"))?;
            }
            other => return Err(Trouble::Failed(format!("no way to play {other:?}"))),
        }
        Ok(())
    }
}
