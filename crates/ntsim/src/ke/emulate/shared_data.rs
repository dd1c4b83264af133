//! `KUSER_SHARED_DATA`, which every address space of Windows has at the same two addresses.
//!
//! Fields and their meaning: "`KUSER_SHARED_DATA` structure (ntddk.h)" of the Windows driver documentation, and that
//! header's offsets, which have not changed since the fields were introduced.

use super::instruction;
use crate::abi::{Address, Ptr};
use crate::ke::crash::Fault;
use crate::ke::fault::Handled;
use crate::ke::registers::Registers;
use crate::ke::{Cpu, host_thread, time};
use crate::kernel::Kernel;

/// `KI_USER_SHARED_DATA`: where the kernel reads it, and where user mode does.
const KERNEL_ADDRESS: Address = 0xFFFF_F780_0000_0000;
const USER_ADDRESS: Address = 0x7FFE_0000;
const PAGE_BYTES: usize = 4096;

/// `TickCountMultiplier` of a clock that ticks every 15.625 ms: milliseconds per tick, as a fixed-point number with 24
/// fractional bits.
const TICK_MULTIPLIER: u32 = 0x0FA0_0000;
/// `IMAGE_FILE_MACHINE_AMD64`, the images that the system runs.
const MACHINE: u16 = 0x8664;
/// `PROCESSOR_ARCHITECTURE_AMD64`
const ARCHITECTURE: u16 = 9;
const LARGE_PAGE_BYTES: u32 = 2 << 20;
/// `NtProductWinNt`
const WORKSTATION: u32 = 1;
/// Windows 10 and 11 are both version 10.0.
const MAJOR_VERSION: u32 = 10;
/// Memory of the machine, in pages.
const PHYSICAL_PAGES: u32 = (8 << 30) / 4096;
const SYSTEM_ROOT: &str = r"C:\Windows";

/// `PF_*`: what every x64 processor has that runs these versions of Windows. In order: CMPXCHG8B, MMX, SSE, RDTSC, PAE,
/// SSE2, no-execute, SSE3, CMPXCHG16B, XSAVE, fast fail.
const FEATURES: [usize; 11] = [2, 3, 6, 8, 9, 10, 12, 13, 14, 17, 23];

/// A read of the page by driver code executes on a copy.
pub(super) fn read(cpu: &Cpu, registers: &mut Registers<'_>, fault: &Fault) -> Handled {
    let page = fault.address & !(PAGE_BYTES - 1);
    if !matches!(page, KERNEL_ADDRESS | USER_ADDRESS) || fault.write || fault.fetch {
        return Handled::No;
    }
    let copy = host_thread::shared_data();
    fill(cpu.kernel(), copy);
    let target = copy + (fault.address - page);
    instruction::read_elsewhere(cpu.kernel(), registers, fault.instruction, fault.address, target)
}

/// Makes the page as it is now.
fn fill(kernel: &Kernel, page: Address) {
    let write_u32 = |offset: usize, value: u32| Ptr::at(page + offset).write(value);
    let write_u16 = |offset: usize, value: u16| Ptr::at(page + offset).write(value);
    // `KSYSTEM_TIME`: the high part is there twice, so that readers notice a change in between.
    let write_time = |offset: usize, value: u64| {
        Ptr::at(page + offset).write(value);
        write_u32(offset + 8, u32::try_from(value >> 32).unwrap_or(u32::MAX));
    };
    let ticks = time::ticks(kernel);
    write_u32(0x004, TICK_MULTIPLIER); // TickCountMultiplier
    write_time(0x008, time::interrupt_time(kernel)); // InterruptTime
    write_time(0x014, time::system_time(kernel)); // SystemTime
    write_time(0x020, 0); // TimeZoneBias: local time is UTC
    write_u16(0x02C, MACHINE); // ImageNumberLow
    write_u16(0x02E, MACHINE); // ImageNumberHigh
    let root: Vec<u16> = SYSTEM_ROOT.encode_utf16().collect();
    Ptr::<u16>::at(page + 0x030).write_slice(&root); // NtSystemRoot
    write_u32(0x244, LARGE_PAGE_BYTES); // LargePageMinimum
    write_u32(0x260, kernel.config.windows.build()); // NtBuildNumber
    write_u32(0x264, WORKSTATION); // NtProductType
    Ptr::<u8>::at(page + 0x268).write(1); // ProductTypeIsValid
    write_u16(0x26A, ARCHITECTURE); // NativeProcessorArchitecture
    write_u32(0x26C, MAJOR_VERSION); // NtMajorVersion
    write_u32(0x270, 0); // NtMinorVersion
    for feature in FEATURES {
        Ptr::<u8>::at(page + 0x274 + feature).write(1); // ProcessorFeatures
    }
    write_u32(0x2D0, 0x100); // SuiteMask: VER_SUITE_SINGLEUSERTS
    write_u32(0x2D8, 1); // ActiveConsoleId
    write_u32(0x2E8, PHYSICAL_PAGES); // NumberOfPhysicalPages
    Ptr::<u64>::at(page + 0x300).write(time::PERFORMANCE_FREQUENCY); // QpcFrequency
    write_time(0x320, ticks); // TickCount
    write_u32(0x3C0, kernel.config.processors); // ActiveProcessorCount
    Ptr::<u8>::at(page + 0x3C4).write(1); // ActiveGroupCount
}
