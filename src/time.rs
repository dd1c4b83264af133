//! The time of day.

use core::mem::MaybeUninit;

use wdk_sys::LARGE_INTEGER;

// Imported like this, it is called without a detour.
#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn KeQuerySystemTimePrecise(time: *mut LARGE_INTEGER);
}

/// Now, in units of 100 ns since 1601 (UTC).
///
/// Maximum IRQL: any ("`KeQuerySystemTimePrecise` function (wdm.h)").
#[inline]
pub(crate) fn now() -> u64 {
    let mut time = MaybeUninit::<LARGE_INTEGER>::uninit();
    // SAFETY: the result goes to a variable of its type.
    unsafe { KeQuerySystemTimePrecise(time.as_mut_ptr()) };
    // SAFETY: the routine has set it.
    let time = unsafe { time.assume_init() };
    // SAFETY: every bit pattern is an integer.
    unsafe { time.QuadPart }.cast_unsigned()
}
