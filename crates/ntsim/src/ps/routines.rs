//! Routines that look at processes and threads.

use std::sync::Arc;

use super::{Process, Thread};
use crate::abi::Ptr;
use crate::ke::Cpu;
use crate::sim::ProcessKind;
use crate::status::NtStatus;
use crate::verifier::pointers;

/// The process at a driver's pointer, complaining if there is none (any more).
pub(crate) fn process_at(cpu: &Cpu, process: Ptr) -> Option<Arc<Process>> {
    let found = cpu.kernel().objects.process(process);
    match &found {
        Some(found) => pointers::check_process(cpu, found),
        None => pointers::unknown(cpu, process, "process"),
    }
    found
}

/// The thread at a driver's pointer, complaining if there is none (any more).
pub(crate) fn thread_at(cpu: &Cpu, thread: Ptr) -> Option<Arc<Thread>> {
    let found = cpu.kernel().objects.thread(thread);
    match &found {
        Some(found) => pointers::check_thread(cpu, found),
        None => pointers::unknown(cpu, thread, "thread"),
    }
    found
}

/// `IoThreadToProcess`.
pub(crate) fn thread_to_process(cpu: &Cpu, thread: Ptr) -> Ptr {
    thread_at(cpu, thread).map_or(Ptr::NULL, |thread| thread.process().ptr())
}

/// `IoGetCurrentProcess`, which is also `PsGetCurrentProcess`.
pub(crate) fn current_process(cpu: &Cpu) -> Ptr {
    cpu.thread().current_process().ptr()
}

/// `PsGetCurrentThread`, which is also `KeGetCurrentThread`.
pub(crate) fn current_thread(cpu: &Cpu) -> Ptr {
    cpu.thread().ptr()
}

/// `PsGetCurrentProcessId`: of the process that owns the thread, whatever that is attached to.
pub(crate) fn current_process_id(cpu: &Cpu) -> usize {
    cpu.thread().process().pid() as usize
}

/// `PsGetCurrentThreadId`.
pub(crate) fn current_thread_id(cpu: &Cpu) -> usize {
    cpu.thread().tid() as usize
}

/// `PsGetProcessId`.
pub(crate) fn process_id(cpu: &Cpu, process: Ptr) -> usize {
    process_at(cpu, process).map_or(0, |process| process.pid() as usize)
}

/// `PsGetThreadId`.
pub(crate) fn thread_id(cpu: &Cpu, thread: Ptr) -> usize {
    thread_at(cpu, thread).map_or(0, |thread| thread.tid() as usize)
}

/// `PsGetThreadProcessId`.
pub(crate) fn thread_process_id(cpu: &Cpu, thread: Ptr) -> usize {
    thread_at(cpu, thread).map_or(0, |thread| thread.process().pid() as usize)
}

/// `PsGetProcessStartKey`.
pub(crate) fn process_start_key(cpu: &Cpu, process: Ptr) -> usize {
    process_at(cpu, process).map_or(0, |process| as_usize(process.start_key()))
}

/// `PsGetProcessCreateTimeQuadPart`.
pub(crate) fn process_create_time(cpu: &Cpu, process: Ptr) -> usize {
    process_at(cpu, process).map_or(0, |process| as_usize(process.created()))
}

fn as_usize(value: u64) -> usize {
    usize::from_ne_bytes(value.to_ne_bytes())
}

/// `PsIsSystemThread`.
pub(crate) fn is_system_thread(cpu: &Cpu, thread: Ptr) -> u8 {
    u8::from(thread_at(cpu, thread).is_some_and(|thread| thread.is_system()))
}

/// `PsLookupProcessByProcessId`.
pub(crate) fn lookup_process_by_process_id(cpu: &Cpu, pid: usize, process: Ptr<Ptr>) -> NtStatus {
    let found = u32::try_from(pid).ok().and_then(|pid| cpu.kernel().processes.process_by_pid(pid));
    give(cpu, found, process)
}

/// Gives a driver a reference to a process that was found. It may have ended since.
pub(crate) fn give(cpu: &Cpu, found: Option<Arc<Process>>, process: Ptr<Ptr>) -> NtStatus {
    let objects = &cpu.kernel().objects;
    match found.filter(|found| objects.reference(found.ptr(), cpu.owner()).is_some()) {
        Some(found) => {
            process.write(found.ptr());
            NtStatus::SUCCESS
        }
        None => NtStatus::INVALID_CID,
    }
}

/// `PsIsThreadTerminating`.
pub(crate) fn is_thread_terminating(cpu: &Cpu, thread: Ptr) -> u8 {
    u8::from(thread_at(cpu, thread).is_some_and(|thread| thread.is_terminating()))
}

/// `PsLookupThreadByThreadId`.
pub(crate) fn lookup_thread_by_thread_id(cpu: &Cpu, tid: usize, thread: Ptr<Ptr>) -> NtStatus {
    let kernel = cpu.kernel();
    match u32::try_from(tid).ok().and_then(|tid| kernel.processes.thread_by_tid(tid)) {
        Some(found) => {
            kernel.objects.reference(found.ptr(), cpu.owner());
            thread.write(found.ptr());
            NtStatus::SUCCESS
        }
        None => NtStatus::INVALID_PARAMETER,
    }
}

/// `PsGetThreadProcess`.
pub(crate) fn thread_process(cpu: &Cpu, thread: Ptr) -> Ptr {
    thread_to_process(cpu, thread)
}

/// `PsGetCurrentThreadProcess`: the thread's own, whatever it is attached to.
pub(crate) fn current_thread_process(cpu: &Cpu) -> Ptr {
    cpu.thread().process().ptr()
}

/// `PsGetProcessInheritedFromUniqueProcessId`.
pub(crate) fn parent_process_id(cpu: &Cpu, process: Ptr) -> usize {
    process_at(cpu, process).map_or(0, |process| process.parent() as usize)
}

/// `PsGetProcessSessionId`, `PsGetProcessSessionIdEx`.
pub(crate) fn process_session(cpu: &Cpu, process: Ptr) -> u32 {
    process_at(cpu, process).map_or(0, |process| process.session())
}

/// `PsGetCurrentProcessSessionId`.
pub(crate) fn current_process_session(cpu: &Cpu) -> u32 {
    cpu.thread().current_process().session()
}

/// `PsGetProcessExitStatus`: every process here ends with success.
pub(crate) fn process_exit_status(cpu: &Cpu, process: Ptr) -> NtStatus {
    let is_alive = process_at(cpu, process).is_some_and(|process| process.is_alive());
    if is_alive { NtStatus::PENDING } else { NtStatus::SUCCESS }
}

/// `PsIsProtectedProcess`, `PsIsProtectedProcessLight`: none but System, and the minimal processes, is.
pub(crate) fn is_protected(cpu: &Cpu, process: Ptr) -> u8 {
    let found = process_at(cpu, process);
    u8::from(found.is_some_and(|process| process.is_system() || process.kind() == ProcessKind::Minimal))
}

/// `PsGetProcessImageFileName`: at most so many bytes of the file's name, as far as it is in ASCII.
pub(crate) fn process_image_name(cpu: &Cpu, process: Ptr) -> Ptr {
    process_at(cpu, process).map_or(Ptr::NULL, |process| process.short_name().cast())
}
