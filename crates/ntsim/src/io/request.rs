//! The I/O manager's part of every request.

use std::sync::Arc;

use super::file::File;
use crate::abi::{IoStatusBlock, Ptr};
use crate::kernel::Kernel;
use crate::ob::{Object, SYSTEM};
use crate::ps::Thread;
use crate::sim::{Handle, Outcome};
use crate::status::NtStatus;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IoStatus {
    pub(crate) status: NtStatus,
    pub(crate) information: usize,
}

impl IoStatus {
    pub(crate) fn new(status: NtStatus, information: usize) -> Self {
        Self { status, information }
    }

    /// A status without information.
    pub(crate) fn plain(status: NtStatus) -> Self {
        Self::new(status, 0)
    }

    /// Tells the caller of a routine in its status block; returns the status.
    pub(crate) fn tell(self, block: Ptr<IoStatusBlock>) -> NtStatus {
        block.write(IoStatusBlock { status: self.status.0, information: self.information });
        self.status
    }

    /// `IoStatus.Information` as a number of bytes, if the operation succeeded.
    pub(crate) fn bytes(self) -> Result<u32, NtStatus> {
        self.status.ok()?;
        u32::try_from(self.information).map_err(|_| NtStatus::INVALID_PARAMETER)
    }
}

/// Lets the file system decide, unless the caller does.
pub(super) fn decide(
    outcome: Outcome,
    model: impl FnOnce() -> IoStatus,
    played: impl FnOnce() -> IoStatus,
) -> IoStatus {
    match outcome {
        Outcome::Model => model(),
        Outcome::Given(status) if status.is_success() => IoStatus { status, ..played() },
        Outcome::Given(status) => IoStatus::plain(status),
        Outcome::Bytes(bytes) => IoStatus::new(NtStatus::SUCCESS, bytes as usize),
    }
}

/// The file behind a handle of the thread's process.
pub(crate) fn file_of(kernel: &Kernel, thread: &Thread, handle: Handle) -> Result<Arc<File>, NtStatus> {
    let file =
        kernel.file_handles.get(&thread.current_process(), handle.0).ok_or(NtStatus::INVALID_HANDLE)?;
    if file.volume().is_dismounted() {
        return Err(NtStatus::VOLUME_DISMOUNTED);
    }
    if file.transaction().is_some_and(|transaction| transaction.has_ended()) {
        // What was opened under a transaction is worth nothing after it [inf].
        return Err(NtStatus::HANDLE_NO_LONGER_VALID);
    }
    Ok(file)
}

/// A pending request keeps its thread, and through it the process, even if both have ended or end meanwhile.
///
/// While this lives, a driver may use the pointers to them.
pub(crate) struct KeptThread<'a> {
    kernel: &'a Kernel,
    kept: [Ptr; 3],
}

impl<'a> KeptThread<'a> {
    pub(crate) fn new(kernel: &'a Kernel, thread: &Arc<Thread>) -> Self {
        let process = thread.process();
        let objects = [
            (thread.ptr(), Object::Thread(Arc::clone(thread))),
            (process.ptr(), Object::Process(Arc::clone(process))),
            (process.token().ptr(), Object::Token(Arc::clone(process.token()))),
        ];
        Self { kernel, kept: objects.map(|(ptr, object)| kernel.objects.keep(ptr, object)) }
    }
}

impl Drop for KeptThread<'_> {
    fn drop(&mut self) {
        for object in self.kept {
            self.kernel.objects.dereference(object, SYSTEM);
        }
    }
}
