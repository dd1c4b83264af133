//! Handles that reach other processes: duplicated, or inherited.

use std::sync::Arc;

use super::request::file_of;
use crate::ke::Cpu;
use crate::ps::Process;
use crate::sim::Handle;
use crate::status::NtStatus;

/// `NtDuplicateObject` by the current thread: another process gets a handle of the same file object.
pub(crate) fn duplicate(cpu: &Cpu, handle: Handle, to: &Process) -> Result<Handle, NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    if !to.is_alive() {
        return Err(NtStatus::PROCESS_IS_TERMINATING);
    }
    Ok(Handle(cpu.kernel().file_handles.open(to, file)))
}

/// A child gets its parent's handle at the same value, as one that was opened inheritable.
pub(crate) fn inherit(
    cpu: &Cpu,
    handle: Handle,
    parent: &Arc<Process>,
    child: &Process,
) -> Result<(), NtStatus> {
    if !child.is_alive() {
        return Err(NtStatus::PROCESS_IS_TERMINATING);
    }
    let given = cpu.kernel().file_handles.inherit(parent, child, handle.0);
    if given { Ok(()) } else { Err(NtStatus::INVALID_HANDLE) }
}
