//! The time of day.

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
    let mut time = LARGE_INTEGER { QuadPart: 0 };
    // SAFETY: the result goes to a variable of its type.
    unsafe { KeQuerySystemTimePrecise(&raw mut time) };
    // SAFETY: every bit pattern is an integer.
    unsafe { time.QuadPart }.cast_unsigned()
}
