//! The small routines of the kernel's core: IRQL, critical regions, processors, time, bug checks.

use super::cpu::Cpu;
use super::crash::Crash;
use super::irql::Irql;
use crate::abi::{ProcessorNumber, Ptr};
use crate::verifier::Rule;

/// `ALL_PROCESSOR_GROUPS`.
const ALL_PROCESSOR_GROUPS: u16 = 0xFFFF;

/// `KeGetCurrentIrql`.
pub(crate) fn current_irql(cpu: &Cpu) -> u8 {
    cpu.irql().0
}

/// `KeRaiseIrqlToDpcLevel`.
pub(crate) fn raise_irql_to_dpc_level(cpu: &Cpu) -> u8 {
    raise_irql(cpu, Irql::DISPATCH.0)
}

/// `KfRaiseIrql`.
pub(crate) fn raise_irql(cpu: &Cpu, level: u8) -> u8 {
    let old = cpu.irql();
    if level < old.0 {
        cpu.violation(Rule::IrqlChange, format!("raises the IRQL from {old} to {}", Irql(level)));
    }
    cpu.set_irql(Irql(level));
    old.0
}

/// `KeLowerIrql`.
pub(crate) fn lower_irql(cpu: &Cpu, level: u8) {
    let old = cpu.irql();
    if level > old.0 {
        cpu.violation(Rule::IrqlChange, format!("lowers the IRQL from {old} to {}", Irql(level)));
    }
    cpu.set_irql(Irql(level));
}

/// `KeEnterCriticalRegion`.
pub(crate) fn enter_critical_region(cpu: &Cpu) {
    let thread = cpu.thread();
    thread.set_critical_regions(thread.critical_regions() + 1);
}

/// `KeLeaveCriticalRegion`.
pub(crate) fn leave_critical_region(cpu: &Cpu) {
    let thread = cpu.thread();
    if thread.critical_regions() == 0 {
        cpu.violation(Rule::IrqlReturn, "leaves a critical region that it never entered");
        return;
    }
    thread.set_critical_regions(thread.critical_regions() - 1);
}

/// `KeGetCurrentProcessorNumberEx`.
pub(crate) fn current_processor_number(cpu: &Cpu, number: Ptr<ProcessorNumber>) -> u32 {
    let processor = cpu.thread().processor();
    let number_in_group = u8::try_from(processor).expect("a machine has one processor group");
    number.write_if_given(ProcessorNumber { group: 0, number: number_in_group, reserved: 0 });
    processor
}

/// `KeQueryActiveProcessorCountEx`.
pub(crate) fn active_processor_count(cpu: &Cpu, group: u16) -> u32 {
    if group == 0 || group == ALL_PROCESSOR_GROUPS { cpu.kernel().config.processors } else { 0 }
}

/// `KeQuerySystemTimePrecise`.
pub(crate) fn query_system_time_precise(cpu: &Cpu, time: Ptr<u64>) {
    time.write(cpu.kernel().clock.now());
}

/// `KeBugCheckEx`.
pub(crate) fn bug_check(cpu: &Cpu, code: u32, first: usize, second: usize, third: usize, fourth: usize) {
    cpu.crash(Crash::BugCheck { code, parameters: [first, second, third, fourth] })
}

/// `KeAreApcsDisabled`: of normal kernel APCs, by a critical or guarded region.
pub(crate) fn are_apcs_disabled(cpu: &Cpu) -> u8 {
    u8::from(cpu.thread().critical_regions() > 0 || are_all_apcs_disabled(cpu) != 0)
}

/// `KeAreAllApcsDisabled`: by the IRQL. (A guarded region is counted as a critical one here.)
pub(crate) fn are_all_apcs_disabled(cpu: &Cpu) -> u8 {
    u8::from(cpu.irql() >= Irql::APC)
}
