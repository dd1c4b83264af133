//! What a harness has done to files: opening, reading, writing, copying, closing.

use std::sync::Arc;

use super::{ChunkSpec, CopyReport, CopySpec, CreateSpec, Handle, ReadSpec, Replace, Sim, Thread, WriteSpec};
use crate::io;
use crate::status::NtStatus;

impl Sim {
    /// Makes a file of a given size exist, without any operation on it.
    ///
    /// # Errors
    ///
    /// `STATUS_OBJECT_PATH_NOT_FOUND` if no volume is there.
    pub fn add_file(&self, path: &str, size: u64) -> Result<(), NtStatus> {
        let size = i64::try_from(size).map_err(|_| NtStatus::INVALID_PARAMETER)?;
        self.kernel().volumes.add_file(path, size)
    }

    /// `NtCreateFile`.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn create(&self, thread: Thread, spec: &CreateSpec) -> Result<Handle, NtStatus> {
        self.as_thread(thread, |cpu| io::create::create(cpu, spec))
    }

    /// `NtWriteFile`; returns the bytes written.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn write(&self, thread: Thread, handle: Handle, spec: &WriteSpec) -> Result<u32, NtStatus> {
        let kernel = self.kernel();
        let issuer = kernel.processes.thread(thread.0).ok_or(NtStatus::INVALID_CID)?;
        let executor = match spec.executor {
            Some(executor) => Some(self.living_thread(executor).ok_or(NtStatus::INVALID_CID)?),
            None => None,
        };
        let context = Arc::clone(executor.as_ref().unwrap_or(&issuer));
        self.enter(context, |cpu| {
            let current = cpu.thread();
            // Who names System's worker acts as one of its own: no thread runs in two places.
            let (issuer, executor) =
                if executor.is_some() { (&issuer, Some(&current)) } else { (&current, None) };
            io::transfer::write(cpu, issuer, executor, handle, spec)
        })
    }

    /// `NtReadFile`; returns the bytes read.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn read(&self, thread: Thread, handle: Handle, spec: &ReadSpec) -> Result<u32, NtStatus> {
        self.as_thread(thread, |cpu| io::transfer::read(cpu, &cpu.thread(), handle, spec))
    }

    /// `NtClose`: the file is cleaned up, and closed when nothing else refers to it.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_HANDLE`.
    pub fn close(&self, thread: Thread, handle: Handle) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::close::close(cpu, handle))
    }

    /// Renames a file by a handle that was opened with `DELETE` access, to a path on its volume that is free.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn rename(&self, thread: Thread, handle: Handle, path: &str) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::set_information::rename(cpu, handle, path, Replace::Never))
    }

    /// Renames a file as [`Sim::rename`] does, in place of what has the name already.
    ///
    /// # Errors
    ///
    /// The status of the failed operation: `STATUS_ACCESS_DENIED` if what is there cannot be replaced.
    pub fn rename_replacing(
        &self,
        thread: Thread,
        handle: Handle,
        path: &str,
        replace: Replace,
    ) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::set_information::rename(cpu, handle, path, replace))
    }

    /// `NtCopyFileChunk`; returns the bytes written.
    ///
    /// # Errors
    ///
    /// The status of the failed read or write; `STATUS_NOT_IMPLEMENTED` before Windows 11 22H2.
    pub fn copy_file_chunk(&self, thread: Thread, spec: &ChunkSpec) -> Result<u32, NtStatus> {
        self.as_thread(thread, |cpu| io::copy_chunk::copy(cpu, spec))
    }

    /// A whole `CopyFile2` as this Windows version does it.
    ///
    /// # Errors
    ///
    /// The status of the step that failed.
    pub fn copy_file2(&self, thread: Thread, spec: &CopySpec) -> Result<CopyReport, NtStatus> {
        self.as_thread(thread, |cpu| io::copy::copy_file2(cpu, spec))
    }
}
