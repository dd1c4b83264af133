//! Threads that are attached to another process's address space.

use std::sync::Arc;

use super::routines::process_at;
use super::{Process, Thread};
use crate::abi::Ptr;
use crate::ke::Cpu;
use crate::verifier::Rule;

impl Thread {
    /// The process in whose address space it runs: its own, or the one it is attached to (`PsGetCurrentProcess`).
    pub(crate) fn current_process(&self) -> Arc<Process> {
        self.attached_to().unwrap_or_else(|| Arc::clone(self.process()))
    }

    /// The process that it is attached to.
    pub(crate) fn attached_to(&self) -> Option<Arc<Process>> {
        self.io().attached_to()
    }
}

/// `KeStackAttachProcess`.
pub(crate) fn stack_attach_process(cpu: &Cpu, process: Ptr, _state: Ptr) {
    if let Some(process) = process_at(cpu, process) {
        cpu.thread().io().attach(process);
    }
}

/// `KeUnstackDetachProcess`.
pub(crate) fn unstack_detach_process(cpu: &Cpu, _state: Ptr) {
    if !cpu.thread().io().detach() {
        cpu.violation(Rule::InvalidParameter, "detaches a thread that is not attached");
    }
}
