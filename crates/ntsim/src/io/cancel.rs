//! Cancelling requests: `NtCancelIoFile` and its relatives, and the end of a thread.

use std::sync::Arc;

use super::request::file_of;
use crate::fltmgr::Operation;
use crate::fltmgr::cancel::{cancel_all, is_cancellable};
use crate::ke::Cpu;
use crate::ps::Thread;
use crate::sim::Handle;
use crate::status::NtStatus;

fn is_of(operation: &Operation, thread: &Arc<Thread>) -> bool {
    is_cancellable(operation) && operation.thread.as_ref().is_some_and(|own| Arc::ptr_eq(own, thread))
}

/// `NtCancelIoFile`: what the current thread has outstanding on the file (fileapi, `CancelIo`).
pub(crate) fn cancel_io(cpu: &Cpu, handle: Handle) -> Result<(), NtStatus> {
    let thread = cpu.thread();
    let file = file_of(cpu.kernel(), &thread, handle)?;
    cancel_all(cpu, |operation| is_of(operation, &thread) && Arc::ptr_eq(&operation.file, &file));
    Ok(())
}

/// `NtCancelIoFileEx`: what the process has outstanding on the file, or one request of that (fileapi, `CancelIoEx`).
pub(crate) fn cancel_io_ex(cpu: &Cpu, handle: Handle, request: Option<u64>) -> Result<(), NtStatus> {
    let thread = cpu.thread();
    let file = file_of(cpu.kernel(), &thread, handle)?;
    let process = thread.process();
    let found = cancel_all(cpu, |operation| {
        let is_ours = |thread: &Arc<Thread>| Arc::ptr_eq(thread.process(), process);
        is_cancellable(operation)
            && operation.thread.as_ref().is_some_and(is_ours)
            && Arc::ptr_eq(&operation.file, &file)
            && request.is_none_or(|request| operation.request == Some(request))
    });
    if found == 0 { Err(NtStatus::NOT_FOUND) } else { Ok(()) }
}

/// A thread ends: what is queued to it is cancelled. What a completion port is told of is queued to the file.
pub(super) fn thread_ends(cpu: &Cpu, thread: &Arc<Thread>) {
    let in_flight = &cpu.kernel().in_flight;
    cancel_all(cpu, |operation| {
        is_of(operation, thread)
            && operation.request.is_some_and(|request| in_flight.is_queued_to_thread(request))
    });
}
