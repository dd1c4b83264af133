//! Requests whose callers do not wait for them.

use ntsim::{ChunkSpec, Notice};

use super::specs::write_spec;
use super::{Stage, Trouble};
use crate::model::Offset;
use crate::scenario::model::{self, Action, StartCopyChunk, StartWrite};
use crate::simulate::machine::Machine;
use crate::simulate::observe::Means;

impl<'s> Stage<'s> {
    /// Plays a step of this kind.
    pub(super) fn request(&mut self, machine: &mut Machine, action: &'s Action) -> Result<(), Trouble> {
        let sim = machine.sim.clone();
        match action {
            Action::StartWrite(StartWrite { request, notice, write }) => {
                let thread = self.act(machine, &write.thread);
                if let Offset::At(offset) = write.offset {
                    let path = self.handles[write.handle.as_str()].path;
                    let range = (offset, write.length.into());
                    self.claim(machine, &write.thread, path, range, Means::Write);
                }
                let notice = match notice {
                    model::Notice::Event => Notice::Event,
                    model::Notice::Apc => Notice::Apc,
                    model::Notice::Port => Notice::Port,
                };
                let started = sim
                    .start_write(thread, self.handle(&write.handle), &write_spec(write, None, None), notice)
                    .map_err(Trouble::of("start-write"))?;
                self.requests.insert(request, started);
                self.amid = true;
            }
            Action::StartCopyChunk(start) => {
                let StartCopyChunk { request, thread: name, from, to, from_offset, to_offset, length } =
                    start;
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
                let started = sim.start_copy_chunk(thread, &spec).map_err(Trouble::of("start-copy-chunk"))?;
                self.requests.insert(request, started);
                self.amid = true;
            }
            Action::Complete(name) => {
                self.amid = false;
                match sim.request_result(self.requests[name.as_str()]) {
                    Some(Ok(_)) => {}
                    Some(Err(status)) => return Err(Trouble::of("the request")(status)),
                    None => return Err(Trouble::Failed(format!("the request `{name}` is not complete"))),
                }
            }
            other => return Err(Trouble::Failed(format!("no way to play {other:?}"))),
        }
        Ok(())
    }
}
