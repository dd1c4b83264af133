//! Processes start and end.

use std::sync::Arc;

use super::{Process, Thread, ThreadKind};
use crate::abi::SharedText;
use crate::ke::Cpu;
use crate::sim::{Handle, ProcessSpec, SpecError};
use crate::{io, mm};

/// Starts a process and tells those who want to know, in the context of its creator.
pub(crate) fn start_process(cpu: &Cpu, spec: ProcessSpec) -> Result<Arc<Process>, SpecError> {
    let kernel = cpu.kernel();
    if !SharedText::fits(&spec.image) {
        return Err(SpecError::BadName(spec.image, "image: it is too long"));
    }
    let image = SharedText::new(kernel.volumes.nt_path(&spec.image));
    let now = kernel.clock.now();
    let process = kernel.processes.create_process(&kernel.arena, &kernel.objects, spec, image, now)?;
    let parent = kernel.processes.process_by_pid(process.parent());
    // What System starts, a worker starts in whose name nobody else acts.
    let parent = parent.filter(|parent| !parent.is_system());
    let creator = parent.and_then(|parent| kernel.processes.threads_of(&parent).into_iter().next());
    let creator = creator.unwrap_or_else(|| cpu.thread());
    let status = cpu.in_thread(&creator, || kernel.process_notify.created(cpu, &process));
    if status.is_success() {
        return Ok(process);
    }
    kernel.processes.end_process(&kernel.objects, &process);
    Err(SpecError::Refused(status))
}

/// Ends a process: its handles are closed and those who want to know are told, in the context of its last thread.
pub(crate) fn end_process(cpu: &Cpu, process: &Arc<Process>) {
    let kernel = cpu.kernel();
    let mut threads = kernel.processes.threads_of(process);
    let last = threads.pop().or_else(|| start_thread(cpu, process, None, ThreadKind::Simulated).ok());
    for thread in threads.iter().chain(&last) {
        io::in_flight::thread_ends(cpu, thread);
    }
    for thread in &threads {
        end_thread(cpu, thread);
    }
    let last: Arc<Thread> = last.unwrap_or_else(|| cpu.thread());
    cpu.in_thread(&last, || {
        tell_of_end(cpu, &last);
        for handle in kernel.file_handles.of(process) {
            // The handle was just listed, and nothing can have closed it since.
            let _ = io::close::close(cpu, Handle(handle));
        }
        mm::section::process_gone(cpu, process);
        kernel.process_notify.ended(cpu, process);
    });
    kernel.processes.end_thread(&kernel.objects, &last);
    kernel.processes.end_process(&kernel.objects, process);
}

/// Starts a thread and tells those who want to know, in the context of the thread that makes it: the one that runs, or,
/// for a thread that is not System's, the first of its process if there is one.
pub(crate) fn start_thread(
    cpu: &Cpu,
    process: &Arc<Process>,
    tid: Option<u32>,
    kind: ThreadKind,
) -> Result<Arc<Thread>, SpecError> {
    let kernel = cpu.kernel();
    let sibling = kernel.processes.threads_of(process).into_iter().next();
    let creator = sibling.filter(|_| kind == ThreadKind::Simulated).unwrap_or_else(|| cpu.thread());
    let thread = kernel.create_thread(process, tid, kind)?;
    cpu.in_thread(&creator, || kernel.thread_notify.tell(cpu, &thread, true));
    Ok(thread)
}

/// Ends a thread, after those who want to know were told in its own context.
pub(crate) fn end_thread(cpu: &Cpu, thread: &Arc<Thread>) {
    cpu.in_thread(thread, || tell_of_end(cpu, thread));
    cpu.kernel().processes.end_thread(&cpu.kernel().objects, thread);
}

/// Tells those who want to know that the thread that runs exits.
fn tell_of_end(cpu: &Cpu, thread: &Thread) {
    thread.terminate();
    cpu.kernel().thread_notify.tell(cpu, thread, false);
}
