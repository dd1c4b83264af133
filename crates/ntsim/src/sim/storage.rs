//! What a harness can have done to files, beyond opening, reading and writing them.

use std::sync::Arc;

use super::{
    ChunkSpec, CloneSpec, Handle, MdlReadSpec, MdlWriteSpec, Notice, OffloadToken, OffloadWriteSpec, Process,
    Replace, Request, Setting, Sim, SpecError, Thread, WriteSpec,
};
use crate::status::NtStatus;
use crate::{cc, io};

impl Sim {
    /// `NtSetInformationFile`.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn set_information(&self, thread: Thread, handle: Handle, setting: Setting) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::set_information::set_information(cpu, handle, setting))
    }

    /// Gives a file one more name, which must be free (`FileLinkInformation`).
    ///
    /// # Errors
    ///
    /// The status of the failed operation; FAT and exFAT have no hard links.
    pub fn link(&self, thread: Thread, handle: Handle, path: &str) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::set_information::link(cpu, handle, path, Replace::Never))
    }

    /// Gives a file one more name, in place of what has it already.
    ///
    /// # Errors
    ///
    /// The status of the failed operation: `STATUS_ACCESS_DENIED` if what is there cannot be replaced.
    pub fn link_replacing(
        &self,
        thread: Thread,
        handle: Handle,
        path: &str,
        replace: Replace,
    ) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::set_information::link(cpu, handle, path, replace))
    }

    /// `NtQueryInformationFile` with `FileStandardInformation`; returns the size in bytes.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn query_size(&self, thread: Thread, handle: Handle) -> Result<u64, NtStatus> {
        self.as_thread(thread, |cpu| io::inquiry::query_size(cpu, handle))
    }

    /// `NtFlushBuffersFile`: what is dirty of the file is written in this thread, whoever wrote it.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn flush(&self, thread: Thread, handle: Handle) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::flush::flush(cpu, handle))
    }

    /// `FSCTL_SET_ZERO_DATA`: from an offset up to another the file reads as zeroes.
    ///
    /// # Errors
    ///
    /// The status of the failed operation; FAT and exFAT do not know it.
    pub fn zero_data(&self, thread: Thread, handle: Handle, from: u64, to: u64) -> Result<(), NtStatus> {
        let number = |value| i64::try_from(value).map_err(|_| NtStatus::INVALID_PARAMETER);
        let (from, to) = (number(from)?, number(to)?);
        self.as_thread(thread, |cpu| io::fs_control::zero_data(cpu, handle, from, to))
    }

    /// `FSCTL_DUPLICATE_EXTENTS_TO_FILE`: a block clone into the file of the handle.
    ///
    /// # Errors
    ///
    /// The status of the failed operation; only `ReFS` and a redirector can.
    pub fn duplicate_extents(
        &self,
        thread: Thread,
        handle: Handle,
        spec: &CloneSpec,
    ) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::fs_control::duplicate_extents(cpu, handle, spec))
    }

    /// `FSCTL_OFFLOAD_READ`: a token that stands for data of the file.
    ///
    /// # Errors
    ///
    /// The status of the failed operation; only NTFS and a redirector can.
    pub fn offload_read(
        &self,
        thread: Thread,
        handle: Handle,
        offset: u64,
        length: u64,
    ) -> Result<OffloadToken, NtStatus> {
        self.as_thread(thread, |cpu| io::fs_control::offload_read(cpu, handle, offset, length))
    }

    /// `FSCTL_OFFLOAD_WRITE`: the storage writes what a token stands for; returns the bytes written.
    ///
    /// # Errors
    ///
    /// The status of the failed operation; the file is not extended.
    pub fn offload_write(
        &self,
        thread: Thread,
        handle: Handle,
        spec: &OffloadWriteSpec,
    ) -> Result<u64, NtStatus> {
        self.as_thread(thread, |cpu| io::fs_control::offload_write(cpu, handle, spec))
    }

    /// `NtFsControlFile` with any other code, without buffers; the file system does nothing.
    ///
    /// # Errors
    ///
    /// The status that a filter gives.
    pub fn fs_control(&self, thread: Thread, handle: Handle, code: u32) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::fs_control::other(cpu, handle, code))
    }

    /// `NtDuplicateObject`: another process gets a handle of the same file object, with a value of its own.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_HANDLE`, or a process that has ended.
    pub fn duplicate_handle(&self, thread: Thread, handle: Handle, to: Process) -> Result<Handle, NtStatus> {
        let to = self.kernel().processes.process(to.0).ok_or(NtStatus::INVALID_CID)?;
        self.as_thread(thread, |cpu| io::handles::duplicate(cpu, handle, &to))
    }

    /// Gives a process its parent's handle, at the same value, as if it had been opened inheritable and the process been
    /// created with inheritance.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_HANDLE`, or a process that has ended.
    pub fn inherit_handle(&self, parent: Process, handle: Handle, child: Process) -> Result<(), NtStatus> {
        let find = |process: Process| self.kernel().processes.process(process.0).ok_or(NtStatus::INVALID_CID);
        let (parent, child) = (find(parent)?, find(child)?);
        self.as_system(|cpu| io::handles::inherit(cpu, handle, &parent, &child))
    }

    /// The thread acts under another process's account (`SecurityImpersonation`) until [`Sim::revert`].
    ///
    /// # Errors
    ///
    /// A thread or process that has ended.
    pub fn impersonate(&self, thread: Thread, client: Process) -> Result<(), SpecError> {
        let thread = self.living_thread(thread).ok_or(SpecError::NoSuchThread)?;
        let client = self.kernel().processes.process(client.0).filter(|process| process.is_alive());
        let client = client.ok_or(SpecError::NoSuchProcess)?;
        thread.io().impersonate(Some(Arc::clone(client.token())));
        Ok(())
    }

    /// The thread acts under its own process's account again.
    ///
    /// # Errors
    ///
    /// A thread that has ended.
    pub fn revert(&self, thread: Thread) -> Result<(), SpecError> {
        self.living_thread(thread).ok_or(SpecError::NoSuchThread)?.io().impersonate(None);
        Ok(())
    }

    /// Has the lazy writer write everything that was written through the cache, now.
    pub fn lazy_write(&self) {
        self.as_system(|cpu| {
            cc::lazy_writer::write_all_lazily(cpu);
            cpu.kernel().scheduler.settle(cpu);
        });
    }

    /// Has the modified page writer write everything that views dirtied, now.
    pub fn modified_write(&self) {
        self.as_system(|cpu| {
            cc::lazy_writer::write_all_modified(cpu);
            cpu.kernel().scheduler.settle(cpu);
        });
    }

    /// A write whose data the kernel puts straight into the cache, as the SMB server does; returns the bytes written.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn mdl_write(&self, thread: Thread, handle: Handle, spec: &MdlWriteSpec) -> Result<u32, NtStatus> {
        self.as_thread(thread, |cpu| io::mdl::write(cpu, handle, spec))
    }

    /// A read by which the kernel gets the cache's own pages, as the SMB server does; returns the bytes read.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn mdl_read(&self, thread: Thread, handle: Handle, spec: &MdlReadSpec) -> Result<u32, NtStatus> {
        self.as_thread(thread, |cpu| io::mdl_read::read(cpu, handle, spec))
    }

    /// `NtWriteFile` on an asynchronous handle, up to where it returns. What the system does about it afterwards it does
    /// with the next call (or in [`Sim::settle`]), so that the thread or process can end before.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_PARAMETER` for a synchronous handle, or why there was no request.
    pub fn start_write(
        &self,
        thread: Thread,
        handle: Handle,
        spec: &WriteSpec,
        notice: Notice,
    ) -> Result<Request, NtStatus> {
        let thread = self.living_thread(thread).ok_or(NtStatus::INVALID_CID)?;
        self.enter_briefly(thread, |cpu| io::asynchronous::start_write(cpu, handle, spec, notice))
            .map(Request)
    }

    /// `NtCopyFileChunk` up to where it returns, which depends on the handles: asynchronous both, when the read is queued;
    /// asynchronous destination only, when the write is queued; synchronous destination, when it is complete. What the
    /// system does afterwards it does with the next call (or in [`Sim::settle`]), so that the thread or process can end
    /// before the write.
    ///
    /// # Errors
    ///
    /// As [`Sim::copy_file_chunk`], if there was no request.
    pub fn start_copy_chunk(&self, thread: Thread, spec: &ChunkSpec) -> Result<Request, NtStatus> {
        let thread = self.living_thread(thread).ok_or(NtStatus::INVALID_CID)?;
        self.enter_briefly(thread, |cpu| io::copy_chunk::start(cpu, spec)).map(Request)
    }

    /// Lets the system run, and returns how a request ended, with the bytes transferred; `None` while it is pending, or if
    /// it has been told already.
    #[must_use]
    pub fn request_result(&self, request: Request) -> Option<Result<u32, NtStatus>> {
        self.settle();
        self.kernel().in_flight.take_result(request.0)
    }

    /// `NtCancelIoFile`: cancels what the thread has outstanding on the file. What a filter has pended is completed by the
    /// cancel routine that it gave; the rest ends as it would have.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_HANDLE`
    pub fn cancel_io(&self, thread: Thread, handle: Handle) -> Result<(), NtStatus> {
        let thread = self.living_thread(thread).ok_or(NtStatus::INVALID_CID)?;
        self.enter_briefly(thread, |cpu| io::cancel::cancel_io(cpu, handle))
    }

    /// `NtCancelIoFileEx`: cancels what the thread's process has outstanding on the file, or one request of that.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_HANDLE`, or `STATUS_NOT_FOUND` if nothing is outstanding that filters have seen.
    pub fn cancel_io_ex(
        &self,
        thread: Thread,
        handle: Handle,
        request: Option<Request>,
    ) -> Result<(), NtStatus> {
        let thread = self.living_thread(thread).ok_or(NtStatus::INVALID_CID)?;
        let request = request.map(|request| request.0);
        self.enter_briefly(thread, |cpu| io::cancel::cancel_io_ex(cpu, handle, request))
    }
}
