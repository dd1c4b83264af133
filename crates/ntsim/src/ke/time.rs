//! The times that the kernel tells, all made from the one clock.

use super::cpu::Cpu;
use crate::abi::Ptr;
use crate::kernel::Kernel;

/// How long the machine has been up when the simulation starts, in 100 ns.
const UPTIME: u64 = 10 * 60 * 10_000_000;
/// `KeQueryTimeIncrement`: 15.625 ms between two ticks, in 100 ns.
const TICK: u64 = 156_250;
/// Units of the performance counter in a second: as on Windows since 10, 10 MHz.
pub(super) const PERFORMANCE_FREQUENCY: u64 = 10_000_000;

/// The system time, in 100 ns since 1601-01-01 UTC.
pub(super) fn system_time(kernel: &Kernel) -> u64 {
    kernel.clock.now()
}

/// Time since the machine was started, in 100 ns.
pub(super) fn interrupt_time(kernel: &Kernel) -> u64 {
    kernel.clock.now().saturating_sub(kernel.config.start_time).saturating_add(UPTIME)
}

/// Clock ticks since the machine was started.
pub(super) fn ticks(kernel: &Kernel) -> u64 {
    interrupt_time(kernel) / TICK
}

/// `KeQueryInterruptTime`, `KeQueryUnbiasedInterruptTime`: the machine never sleeps.
pub(crate) fn query_interrupt_time(cpu: &Cpu) -> usize {
    as_usize(interrupt_time(cpu.kernel()))
}

/// `KeQueryInterruptTimePrecise`.
pub(crate) fn query_interrupt_time_precise(cpu: &Cpu, counter: Ptr<u64>) -> usize {
    counter.write_if_given(interrupt_time(cpu.kernel()));
    query_interrupt_time(cpu)
}

/// `KeQueryTimeIncrement`.
pub(crate) fn query_time_increment(_cpu: &Cpu) -> u32 {
    u32::try_from(TICK).unwrap_or(u32::MAX)
}

/// `KeQueryPerformanceCounter`.
pub(crate) fn query_performance_counter(cpu: &Cpu, frequency: Ptr<u64>) -> usize {
    frequency.write_if_given(PERFORMANCE_FREQUENCY);
    query_interrupt_time(cpu)
}

/// `ExSystemTimeToLocalTime`, `ExLocalTimeToSystemTime`: the machine is set to UTC.
pub(crate) fn convert_local_time(_cpu: &Cpu, from: Ptr<u64>, to: Ptr<u64>) {
    to.write(from.read());
}

fn as_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
