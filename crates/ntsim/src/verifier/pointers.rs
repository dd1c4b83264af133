//! Pointers that a driver was given for the duration of a callback (rule 22), or that may be NULL (rule 29).

use std::sync::Arc;

use super::Rule;
use crate::abi::Ptr;
use crate::ke::{Cpu, Entry};
use crate::ps::{Process, Thread};

/// Reports a pointer at which there is no object of that kind, or none any more. An address is never used twice, so that
/// one that is not NULL was valid once, or never came from the system.
pub(crate) fn unknown(cpu: &Cpu, object: Ptr, what: &str) {
    let (rule, detail) = if !object.is_null() {
        (Rule::Retained, format!("{object:?} is no {what} (any more)"))
    } else if cpu.has_thread() {
        (Rule::InvalidParameter, format!("NULL is no {what}"))
    } else {
        (Rule::ThreadNull, format!("NULL is no {what}: the operation has no thread"))
    };
    cpu.violation(rule, detail);
}

/// Checks that a driver may use a pointer to a thread: it is the current one, an operation's in progress, or referenced.
pub(crate) fn check_thread(cpu: &Cpu, thread: &Arc<Thread>) {
    let is_it = |other: &Arc<Thread>| Arc::ptr_eq(other, thread);
    let given = is_it(&cpu.thread())
        || cpu.any_operation(|operation| operation.thread.as_ref().is_some_and(is_it))
        || cpu.kernel().objects.is_referenced(thread.ptr());
    if !given {
        let detail = format!(
            "uses the pointer to thread {} after the callback that gave it, without a reference",
            thread.tid()
        );
        cpu.violation(Rule::Retained, detail);
    }
}

/// The same for a process, which its threads keep as well.
pub(crate) fn check_process(cpu: &Cpu, process: &Arc<Process>) {
    let is_it = |other: &Arc<Process>| Arc::ptr_eq(other, process);
    let objects = &cpu.kernel().objects;
    let given = process.is_system()
        || is_it(cpu.thread().process())
        || matches!(cpu.entry(), Some(Entry::ProcessNotify))
        || cpu.any_operation(|operation| {
            operation.requestor.as_ref().is_some_and(is_it)
                || operation.thread.as_ref().is_some_and(|thread| is_it(thread.process()))
        })
        || objects.is_referenced(process.ptr())
        || objects.has_referenced_thread_of(process);
    if !given {
        let detail = format!(
            "uses the pointer to process {} after the callback that gave it, without a reference",
            process.pid()
        );
        cpu.violation(Rule::Retained, detail);
    }
}
