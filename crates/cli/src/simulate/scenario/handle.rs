//! What is done with a handle, beyond reading and writing.

use ntsim::{CloneSpec, Handle, NtStatus, OffloadWriteSpec, Setting, Sim, Thread};

use super::Stage;
use crate::scenario::model::{BlockClone, HandleAction, OffloadWrite, Share};

/// Does it; if it fails, what it was and how.
pub(crate) fn act(
    sim: &Sim,
    thread: Thread,
    handle: Handle,
    what: &HandleAction,
) -> Result<(), (&'static str, NtStatus)> {
    let set = |setting| sim.set_information(thread, handle, setting);
    let (name, result) = match what {
        HandleAction::Rename(path) => ("rename", sim.rename(thread, handle, path)),
        HandleAction::Link(path) => ("link", sim.link(thread, handle, path)),
        HandleAction::EndOfFile(size) => ("set-end-of-file", set(Setting::EndOfFile(*size))),
        HandleAction::Allocation(size) => ("set-allocation", set(Setting::Allocation(*size))),
        HandleAction::ValidData(size) => ("set-valid-data", set(Setting::ValidDataLength(*size))),
        HandleAction::Basic => ("set-basic", set(Setting::Basic)),
        HandleAction::Delete { posix: false } => ("delete", set(Setting::Disposition { delete: true })),
        HandleAction::Delete { posix: true } => {
            ("delete", set(Setting::DispositionEx { delete: true, posix: true }))
        }
        HandleAction::Undelete => ("undelete", set(Setting::Disposition { delete: false })),
        HandleAction::Zero { offset, length } => {
            ("zero", sim.zero_data(thread, handle, *offset, offset.saturating_add(*length)))
        }
        HandleAction::Flush => ("flush", sim.flush(thread, handle)),
        HandleAction::Query => ("query", sim.query_size(thread, handle).map(|_| ())),
        HandleAction::QueryDirectory => ("query-directory", sim.query_directory(thread, handle)),
        HandleAction::Lock { offset, length } => ("lock", sim.lock(thread, handle, *offset, *length)),
        HandleAction::Unlock { offset, length } => ("unlock", sim.unlock(thread, handle, *offset, *length)),
        HandleAction::Dismount => ("dismount", sim.dismount(thread, handle)),
        HandleAction::Control(code) => ("control", sim.fs_control(thread, handle, *code)),
    };
    result.map_err(|status| (name, status))
}

impl Stage<'_> {
    pub(super) fn clone_blocks(&self, sim: &Sim, thread: Thread, clone: &BlockClone) -> Result<(), NtStatus> {
        let BlockClone { thread: _, from, to, from_offset, to_offset, length, extended } = clone;
        let spec = CloneSpec {
            source: self.handle(from),
            source_offset: *from_offset,
            target_offset: *to_offset,
            length: *length,
            extended: *extended,
        };
        sim.duplicate_extents(thread, self.handle(to), &spec)
    }

    pub(super) fn offload_write(
        &self,
        sim: &Sim,
        thread: Thread,
        write: &OffloadWrite,
    ) -> Result<(), NtStatus> {
        let OffloadWrite { token, thread: _, handle, token_offset, offset, length } = write;
        let spec = OffloadWriteSpec {
            token: self.tokens[token.as_str()],
            token_offset: *token_offset,
            offset: *offset,
            length: *length,
        };
        sim.offload_write(thread, self.handle(handle), &spec).map(|_| ())
    }

    /// The handle that another process gets.
    pub(super) fn share(&self, sim: &Sim, share: &Share) -> Result<Handle, NtStatus> {
        let Share { thread, from, handle: _, process } = share;
        let to = self.processes[process.as_str()];
        let handle = self.handle(from);
        match thread {
            Some(thread) => sim.duplicate_handle(self.threads[thread.as_str()].thread, handle, to),
            None => sim.inherit_handle(self.handles[from.as_str()].process, handle, to).map(|()| handle),
        }
    }
}
