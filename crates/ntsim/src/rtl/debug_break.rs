//! Breakpoints in code: nobody debugs the simulated machine.

use crate::ke::Cpu;
use crate::ke::crash::Crash;

/// `KMODE_EXCEPTION_NOT_HANDLED`
const NOT_HANDLED: u32 = 0x1E;
/// `STATUS_BREAKPOINT`
const BREAKPOINT: usize = 0x8000_0003;

/// `DbgBreakPoint`: without a debugger the system stops.
pub(crate) fn break_point(cpu: &Cpu) {
    break_with_status(cpu, 0);
}

/// `DbgBreakPointWithStatus`.
pub(crate) fn break_with_status(cpu: &Cpu, status: u32) {
    cpu.crash(Crash::BugCheck { code: NOT_HANDLED, parameters: [BREAKPOINT, 0, status as usize, 0] })
}

/// `KeMemoryBarrier`, which compilers that do not know it as an intrinsic call: this processor's own order is enough,
/// and a fence makes sure of it.
pub(crate) fn memory_barrier(_cpu: &Cpu) {
    // SeqCst: the routine is a full barrier.
    std::sync::atomic::fence(std::sync::atomic::Ordering::SeqCst);
}
