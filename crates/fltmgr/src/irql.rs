//! Interrupt request levels.

/// `PASSIVE_LEVEL`: ordinary thread execution; anything may be called.
pub const PASSIVE_LEVEL: u8 = 0;
/// `APC_LEVEL`: asynchronous procedure calls are held off; page faults are allowed.
pub const APC_LEVEL: u8 = 1;
/// `DISPATCH_LEVEL`: no waiting, no page faults, no move to another processor.
pub const DISPATCH_LEVEL: u8 = 2;

/// Builds with debug assertions stop the machine when the current level is above `max`; release builds do
/// nothing.
///
/// Checked on x64 only: there `KeGetCurrentIrql` is an export, on ARM64 the WDK has it inline.
///
/// # Panics
///
/// In builds with debug assertions, above `max`.
#[inline]
#[track_caller]
pub fn assert_at_most(max: u8) {
    #[cfg(all(debug_assertions, target_arch = "x86_64"))]
    {
        let level = current();
        assert!(level <= max, "called at IRQL {level}, above {max}");
    }
    #[cfg(not(all(debug_assertions, target_arch = "x86_64")))]
    let _ = max;
}

#[cfg(all(debug_assertions, target_arch = "x86_64"))]
fn current() -> u8 {
    #[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
    unsafe extern "C" {
        safe fn KeGetCurrentIrql() -> wdk_sys::KIRQL;
    }
    KeGetCurrentIrql()
}
