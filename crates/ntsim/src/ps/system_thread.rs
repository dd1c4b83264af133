//! Threads that drivers make.

use std::sync::Arc;

use super::{ThreadKind, lifecycle};
use crate::abi::{ClientId, ObjectAttributes, Ptr};
use crate::ke::crash::Exit;
use crate::ke::{Cpu, Entry, Frame, dispatcher};
use crate::ob::Object;
use crate::ob::routines::OBJ_KERNEL_HANDLE;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `PsCreateSystemThread`, for threads of System.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn create(
    cpu: &Cpu,
    handle: Ptr<usize>,
    _access: u32,
    attributes: Ptr<ObjectAttributes>,
    process: usize,
    client_id: Ptr<ClientId>,
    start: Ptr,
    context: usize,
) -> NtStatus {
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    if process != 0 {
        cpu.violation(Rule::InvalidParameter, "a driver's thread belongs to System: ProcessHandle is NULL");
        return NtStatus::INVALID_PARAMETER;
    }
    let is_kernel_handle =
        attributes.non_null().is_some_and(|attributes| attributes.read().attributes & OBJ_KERNEL_HANDLE != 0);
    if !is_kernel_handle && !cpu.thread().process().is_system() {
        cpu.violation(
            Rule::InvalidParameter,
            "makes a thread without OBJ_KERNEL_HANDLE in the context of a user process",
        );
    }
    let kernel = cpu.kernel();
    let Ok(thread) = lifecycle::start_thread(cpu, &kernel.system, None, ThreadKind::Driver) else {
        return NtStatus::INSUFFICIENT_RESOURCES;
    };
    kernel.objects.reference(thread.ptr(), cpu.owner());
    handle.write(kernel.handles.open(Object::Thread(Arc::clone(&thread)), cpu.owner()));
    client_id
        .write_if_given(ClientId { process: thread.process().pid() as usize, thread: thread.tid() as usize });
    driver.thread_started();
    let name = format!("{} thread {}", driver.service(), thread.tid());
    let kernel = Arc::clone(kernel);
    cpu.kernel().scheduler.start(cpu, name, move |baton| {
        // Such a thread begins inside a critical region.
        thread.set_critical_regions(1);
        let cpu = Cpu::new(Arc::clone(&kernel), Arc::clone(&thread), Some(baton));
        cpu.execute(|cpu| {
            let frame = Frame { driver: Arc::clone(&driver), entry: Entry::SystemThread, operation: None };
            if let Ok(_) | Err(Exit::ThreadEnd) = cpu.try_call_driver(frame, start, &[context]) {
                lifecycle::end_thread(cpu, &thread);
                driver.thread_ended();
                dispatcher::signal(cpu, thread.ptr().address());
            }
        });
    });
    NtStatus::SUCCESS
}

/// `PsTerminateSystemThread`.
pub(crate) fn terminate(cpu: &Cpu, _status: u32) -> NtStatus {
    let thread = cpu.thread();
    if thread.kind() != ThreadKind::Driver {
        cpu.violation(Rule::InvalidParameter, "ends a thread that is not a driver's own");
        return NtStatus::INVALID_PARAMETER;
    }
    if thread.push_locks() > 0 {
        cpu.violation(Rule::PushLock, "ends a thread that holds a push lock");
    }
    drop(thread);
    cpu.leave(Exit::ThreadEnd)
}
