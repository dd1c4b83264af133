//! Where a driver may call what.

use super::Rule;
use crate::exports::Routine;
use crate::ke::{Cpu, Entry, Irql};

/// Routines that get, set or delete contexts; a context may be released anywhere ("Writing postoperation callback
/// routines").
const CONTEXT_ACCESS: [&str; 4] = ["FltGet", "FltSet", "FltDelete", "FltAllocate"];

/// What a post-operation callback may call while it drains: what releases something, and what looks at the processor or
/// the clock ("Writing postoperation callback routines": it must not do completion processing, only free what it has).
const DRAINING: [&str; 23] = [
    "DbgPrintEx",
    "ExFreePool",
    "ExFreePoolWithTag",
    "FltClose",
    "FltFreeCallbackData",
    "FltFreeDeferredIoWorkItem",
    "FltFreeGenericWorkItem",
    "FltFreePoolAlignedWithTag",
    "FltObjectDereference",
    "FltReleaseContext",
    "FltReleaseContexts",
    "FltReleaseContextsEx",
    "FltReleaseFileNameInformation",
    "KeGetCurrentIrql",
    "KeGetCurrentProcessorNumberEx",
    "KeLowerIrql",
    "KeQuerySystemTimePrecise",
    "KeRaiseIrqlToDpcLevel",
    "KeSetEvent",
    "KfRaiseIrql",
    "ObfDereferenceObject",
    "PsDereferencePrimaryToken",
    "ZwClose",
];

/// Checks the place of a call: its IRQL (rules 12 and 18), and whether the operation is being drained (rule 20).
pub(crate) fn check(cpu: &Cpu, routine: &Routine) {
    if cpu.irql() > routine.max_irql {
        let in_post = matches!(cpu.entry(), Some(Entry::Post(_) | Entry::Draining(_)));
        let of_context = routine.name.contains("Context")
            && CONTEXT_ACCESS.iter().any(|beginning| routine.name.starts_with(beginning));
        let rule = if in_post && of_context { Rule::ContextInPostOperation } else { Rule::IrqlTooHigh };
        cpu.violation(
            rule,
            format!("{} may be called up to {}, not at {}", routine.name, routine.max_irql, cpu.irql()),
        );
    }
    if let Some(Entry::Draining(_)) = cpu.entry()
        && !DRAINING.contains(&routine.name)
    {
        cpu.violation(Rule::Draining, format!("calls {} while the operation is drained", routine.name));
    }
}

/// Notes a wait: none may be in the path of paging I/O, nor at `DISPATCH_LEVEL` (rule 13).
pub(crate) fn check_wait(cpu: &Cpu, what: &str) {
    if cpu.is_on_paging_path() {
        cpu.violation(Rule::PagingPath, format!("{what} in the path of paging I/O"));
    } else if cpu.irql() > Irql::APC {
        cpu.violation(Rule::Wait, format!("{what} at {}", cpu.irql()));
    }
}

/// Notes a name that is asked for where the Filter Manager refuses it, and not of the cache alone (rule 14; the page on
/// `FltGetFileNameInformation`). Above `APC_LEVEL` the call itself is wrong, and reported so.
pub(crate) fn check_name_query(cpu: &Cpu, why: &str) {
    if cpu.irql() <= Irql::APC {
        cpu.violation(Rule::NameQuery, format!("asks for a file name {why}"));
    }
}
