//! The machine's processors.

use core::ptr;

use wdk_sys::PROCESSOR_NUMBER;
use wdk_sys::ntddk::KeQueryActiveProcessorCountEx;

// Imported like this, it is called without a detour.
#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn KeGetCurrentProcessorNumberEx(number: *mut PROCESSOR_NUMBER) -> u32;
}

const ALL_PROCESSOR_GROUPS: u16 = 0xFFFF;

/// The processor that runs this code: to be relied on at `DISPATCH_LEVEL` only.
///
/// Maximum IRQL: any ("`KeGetCurrentProcessorNumberEx` function (wdm.h)").
#[inline]
pub(crate) fn current() -> usize {
    // SAFETY: the routine allows a null pointer, for callers who do not ask for the processor's group.
    unsafe { KeGetCurrentProcessorNumberEx(ptr::null_mut()) as usize }
}

/// How many there are, those of all groups together.
///
/// Maximum IRQL: any ("`KeQueryActiveProcessorCountEx` function (wdm.h)").
pub(crate) fn count() -> usize {
    // SAFETY: the group number is one that the routine knows.
    unsafe { KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS) as usize }
}
