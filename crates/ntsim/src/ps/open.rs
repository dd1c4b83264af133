//! Processes and tokens by handle: `ZwOpenProcess`, `ZwOpenProcessTokenEx`, `ZwOpenThreadTokenEx`.

use std::sync::Arc;

use super::query;
use crate::abi::{ClientId, ObjectAttributes, Ptr};
use crate::ke::Cpu;
use crate::ob::Object;
use crate::ob::routines::OBJ_KERNEL_HANDLE;
use crate::se::Token;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `NtCurrentThread()`
const CURRENT_THREAD: usize = usize::MAX - 1;

/// Opens a handle in the name of the driver, which keeps the object as a reference does.
fn open(cpu: &Cpu, attributes: u32, object: Object, at: Ptr, handle: Ptr<usize>) -> NtStatus {
    if attributes & OBJ_KERNEL_HANDLE == 0 && !cpu.thread().process().is_system() {
        let detail = "opens a handle without OBJ_KERNEL_HANDLE in the context of a user process";
        cpu.violation(Rule::InvalidParameter, detail);
    }
    let (kernel, owner) = (cpu.kernel(), cpu.owner());
    if kernel.objects.reference(at, owner).is_none() {
        return NtStatus::PROCESS_IS_TERMINATING;
    }
    handle.write(kernel.handles.open(object, owner));
    NtStatus::SUCCESS
}

/// `ZwOpenProcess`: by its number, or by that of one of its threads.
pub(crate) fn open_process(
    cpu: &Cpu,
    handle: Ptr<usize>,
    _access: u32,
    attributes: Ptr<ObjectAttributes>,
    client_id: Ptr<ClientId>,
) -> NtStatus {
    let attributes = attributes.read();
    let Some(ids) = client_id.non_null().map(Ptr::read) else { return NtStatus::INVALID_PARAMETER };
    if !attributes.object_name.is_null() {
        // The page on the routine: "OBJECT_ATTRIBUTES.ObjectName must be NULL" where a client identifier is given.
        return NtStatus::INVALID_PARAMETER;
    }
    let processes = &cpu.kernel().processes;
    let number = |id: usize| u32::try_from(id).ok().filter(|id| *id != 0);
    let of_thread = || Some(Arc::clone(processes.thread_by_tid(number(ids.thread)?)?.process()));
    let found = match number(ids.process) {
        Some(pid) => processes.process_by_pid(pid),
        None => of_thread(),
    };
    match found {
        Some(found) => {
            let at = found.ptr();
            open(cpu, attributes.attributes, Object::Process(found), at, handle)
        }
        None => NtStatus::INVALID_CID,
    }
}

fn open_token(cpu: &Cpu, attributes: u32, token: Arc<Token>, handle: Ptr<usize>) -> NtStatus {
    let at = token.ptr();
    open(cpu, attributes, Object::Token(token), at, handle)
}

/// `ZwOpenProcessTokenEx`.
pub(crate) fn open_process_token(
    cpu: &Cpu,
    process: usize,
    _access: u32,
    attributes: u32,
    handle: Ptr<usize>,
) -> NtStatus {
    match query::find(cpu, process) {
        Ok(process) => open_token(cpu, attributes, Arc::clone(process.token()), handle),
        Err(status) => status,
    }
}

/// `ZwOpenThreadTokenEx`: that of the client that the thread impersonates, if it does.
pub(crate) fn open_thread_token(
    cpu: &Cpu,
    thread: usize,
    _access: u32,
    _as_self: u8,
    attributes: u32,
    handle: Ptr<usize>,
) -> NtStatus {
    let thread = match cpu.kernel().handles.get(thread) {
        _ if thread == CURRENT_THREAD => cpu.thread(),
        Some(Object::Thread(thread)) => thread,
        Some(_) => return NtStatus::OBJECT_TYPE_MISMATCH,
        None => {
            cpu.violation(Rule::ObjectReference, format!("uses handle 0x{thread:X}, which is not open"));
            return NtStatus::INVALID_HANDLE;
        }
    };
    match thread.io().client() {
        Some(token) => open_token(cpu, attributes, token, handle),
        None => NtStatus::NO_TOKEN,
    }
}
