//! Memory manager: sections and views, memory descriptor lists, and what a driver calls of it.

pub(crate) mod data_scan;
pub(crate) mod mdl;
pub(crate) mod section;

use crate::abi::{Ptr, UnicodeString};
use crate::exports::{self, Module};
use crate::ke::Cpu;
use crate::rtl;

/// `MmGetSystemRoutineAddress`: a routine or variable of the kernel, if this Windows version exports it.
pub(crate) fn system_routine_address(cpu: &Cpu, name: Ptr<UnicodeString>) -> Ptr {
    let name = rtl::read_unicode_string(name);
    let kernel = cpu.kernel();
    let found = exports::address(Module::Ntoskrnl, &name, kernel.config.windows, &kernel.cells);
    found.map_or(Ptr::NULL, Ptr::at)
}
