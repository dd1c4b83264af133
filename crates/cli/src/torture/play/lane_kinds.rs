//! Steps of a lane that leave something behind: handles of others, sections and views, requests, transactions, tokens.

use ntsim::{ChunkSpec, CloneSpec, MdlWriteSpec, Notice, NtStatus, OffloadWriteSpec, Process, SectionSpec};

use super::lane::Lane;
use super::step_failed;
use crate::scenario::model::{self, Action, Memory, Share, StartCopyChunk, StartWrite};
use crate::simulate::scenario::memory::protection_of;
use crate::simulate::scenario::specs::write_spec;
use crate::torture::oracle::Fault;
use crate::torture::world::Truth;

fn failed(step: &'static str) -> impl Fn(NtStatus) -> Fault {
    move |status| step_failed(step, &status)
}

impl<'s> Lane<'s> {
    /// The process whose handles a thread uses.
    pub(super) fn acts_in(&self, thread: &str) -> Process {
        let places = &self.places[thread];
        places[places.len() - 1]
    }

    pub(super) fn chunk_spec(&self, from: (&str, i64), to: (&str, i64), length: u32) -> ChunkSpec {
        ChunkSpec {
            source: self.handles[from.0],
            destination: self.handles[to.0],
            source_offset: from.1,
            destination_offset: to.1,
            length,
        }
    }

    pub(super) fn share(&mut self, share: &'s Share) -> Result<(), Fault> {
        let Share { thread, from, handle, process } = share;
        let sim = &self.shared.sim;
        let (source, to) = (self.handles[from.as_str()], self.processes[process.as_str()]);
        let shared = if let Some(thread) = thread {
            sim.duplicate_handle(self.threads[thread.as_str()], source, to).map_err(failed("duplicate"))?
        } else {
            sim.inherit_handle(self.owners[from.as_str()], source, to).map_err(failed("inherit"))?;
            source
        };
        self.handles.insert(handle, shared);
        self.owners.insert(handle, to);
        Ok(())
    }

    pub(super) fn people(&mut self, action: &'s Action) -> Result<(), Fault> {
        let sim = &self.shared.sim;
        match action {
            Action::Attach { thread, process } => {
                let process = self.processes[process.as_str()];
                sim.attach_thread(self.threads[thread.as_str()], process)
                    .map_err(|error| step_failed("attach", &error))?;
                self.places.entry(thread).or_default().push(process);
            }
            Action::Detach(thread) => {
                sim.detach_thread(self.threads[thread.as_str()])
                    .map_err(|error| step_failed("detach", &error))?;
                self.places.entry(thread).or_default().pop();
            }
            Action::BeginTransaction(name) => {
                self.transactions.insert(name, sim.begin_transaction());
            }
            Action::EndTransaction { transaction, commit } => {
                let transaction = self.transactions[transaction.as_str()];
                if *commit { sim.commit(transaction) } else { sim.rollback(transaction) }
                    .map_err(failed("the end of the transaction"))?;
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn clusters(&mut self, action: &'s Action) -> Result<(), Fault> {
        let sim = &self.shared.sim;
        match action {
            Action::Clone(clone) => {
                let spec = CloneSpec {
                    source: self.handles[clone.from.as_str()],
                    source_offset: clone.from_offset,
                    target_offset: clone.to_offset,
                    length: clone.length,
                    extended: clone.extended,
                };
                let thread = self.threads[clone.thread.as_str()];
                sim.duplicate_extents(thread, self.handles[clone.to.as_str()], &spec)
                    .map_err(failed("clone"))?;
            }
            Action::OffloadRead(read) => {
                let (thread, handle) =
                    (self.threads[read.thread.as_str()], self.handles[read.handle.as_str()]);
                let token = sim
                    .offload_read(thread, handle, read.offset, read.length)
                    .map_err(failed("offload-read"))?;
                self.tokens.insert(&read.token, token);
            }
            Action::OffloadWrite(write) => {
                let spec = OffloadWriteSpec {
                    token: self.tokens[write.token.as_str()],
                    token_offset: write.token_offset,
                    offset: write.offset,
                    length: write.length,
                };
                let thread = self.threads[write.thread.as_str()];
                sim.offload_write(thread, self.handles[write.handle.as_str()], &spec)
                    .map_err(failed("offload-write"))?;
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn memory(&mut self, memory: &'s Memory) -> Result<(), Fault> {
        let sim = &self.shared.sim;
        match memory {
            Memory::Section { name, thread, handle, protection, size } => {
                let spec = SectionSpec { size: *size, ..SectionSpec::new(protection_of(*protection)) };
                let section = sim
                    .create_section(self.threads[thread.as_str()], self.handles[handle.as_str()], &spec)
                    .map_err(failed("section"))?;
                self.sections.insert(name, section);
            }
            Memory::Share { name, thread, from, process } => {
                let (section, to) = (self.sections[from.as_str()], self.processes[process.as_str()]);
                let shared = sim
                    .duplicate_section(self.threads[thread.as_str()], section, to)
                    .map_err(failed("share-section"))?;
                self.sections.insert(name, shared);
            }
            Memory::Map { view, thread, section } => {
                let mapped = sim
                    .map_view(self.threads[thread.as_str()], self.sections[section.as_str()])
                    .map_err(failed("map"))?;
                self.views.insert(view, mapped);
            }
            Memory::Dirty { view, thread, offset, length } => sim
                .dirty_view(self.threads[thread.as_str()], self.views[view.as_str()], *offset, *length)
                .map_err(failed("dirty"))?,
            Memory::FlushView { view, thread, offset, length } => sim
                .flush_view(self.threads[thread.as_str()], self.views[view.as_str()], *offset, *length)
                .map_err(failed("flush-view"))?,
            Memory::Unmap { view, thread } => sim
                .unmap_view(self.threads[thread.as_str()], self.views[view.as_str()])
                .map_err(failed("unmap"))?,
            Memory::Close { section, thread } => sim
                .close_section(self.threads[thread.as_str()], self.sections[section.as_str()])
                .map_err(failed("close-section"))?,
            Memory::MdlWrite { thread, handle, offset, length, fast_io } => {
                let spec = MdlWriteSpec { offset: *offset, length: *length, fast_io: *fast_io };
                sim.mdl_write(self.threads[thread.as_str()], self.handles[handle.as_str()], &spec)
                    .map_err(failed("mdl-write"))?;
            }
            Memory::LazyWrite | Memory::ModifiedWrite => {}
        }
        Ok(())
    }

    pub(super) fn request(&mut self, action: &'s Action, truths: &[Truth]) -> Result<(), Fault> {
        let sim = &self.shared.sim;
        // The write of the request is the next one that is issued.
        let write = (!truths.is_empty()).then_some(self.issued.len());
        match action {
            Action::StartWrite(StartWrite { request, notice, write: asked }) => {
                let notice = match notice {
                    model::Notice::Event => Notice::Event,
                    model::Notice::Apc => Notice::Apc,
                    model::Notice::Port => Notice::Port,
                };
                let (thread, handle) =
                    (self.threads[asked.thread.as_str()], self.handles[asked.handle.as_str()]);
                let started = sim
                    .start_write(thread, handle, &write_spec(asked, None, None), notice)
                    .map_err(failed("start-write"))?;
                self.requests.insert(request, (started, write));
            }
            Action::StartCopyChunk(start) => {
                let StartCopyChunk { request, thread, from, to, from_offset, to_offset, length } = start;
                let spec = self.chunk_spec((from, *from_offset), (to, *to_offset), *length);
                let started = sim
                    .start_copy_chunk(self.threads[thread.as_str()], &spec)
                    .map_err(failed("start-copy-chunk"))?;
                self.requests.insert(request, (started, write));
            }
            Action::Complete(request) => {
                // A filter may hold it up still.
                if let Some((started, write)) = self.requests.get(request.as_str()).copied()
                    && self.is_complete(started, write)?
                {
                    self.requests.remove(request.as_str());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn is_complete(&mut self, request: ntsim::Request, write: Option<usize>) -> Result<bool, Fault> {
        let Some(result) = self.shared.sim.request_result(request) else { return Ok(false) };
        let cancelled = result == Err(NtStatus::CANCELLED);
        // What fails as its step says is nobody's write.
        let refused = matches!(result, Err(NtStatus::DISK_FULL | NtStatus::FILE_LOCK_CONFLICT));
        if !(cancelled || refused && write.is_none()) {
            result.map_err(failed("the request"))?;
        }
        if let Some(write) = write {
            let issued = &mut self.issued[write];
            issued.to = self.shared.now();
            // With its thread it was cancelled, perhaps before the driver saw it.
            issued.truth.optional |= cancelled;
        }
        Ok(true)
    }

    /// Whatever was begun must have come to its end.
    pub(super) fn finish_requests(&mut self) -> Result<(), Fault> {
        let mut left: Vec<_> = self.requests.drain().collect();
        left.sort_unstable_by_key(|(name, _)| *name);
        for (name, (request, write)) in left {
            if !self.is_complete(request, write)? {
                return Err(Fault::new("a request is never complete", format!("the request {name}")));
            }
        }
        Ok(())
    }
}
