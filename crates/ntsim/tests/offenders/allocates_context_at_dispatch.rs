//! Rule 12: a routine is called at or below its maximum IRQL.
//!
//! Broken by calling FltAllocateContext, which is for APC_LEVEL at most, at DISPATCH_LEVEL in pre-write.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    let mut context = core::ptr::null_mut();
    unsafe {
        let irql = if MENDED { KeGetCurrentIrql() } else { KeRaiseIrqlToDpcLevel() };
        let status =
            FltAllocateContext(FILTER.get(), STREAM_CONTEXT, CONTEXT_BYTES, NON_PAGED_POOL_NX, &mut context);
        KeLowerIrql(irql);
        if status >= 0 {
            FltReleaseContext(context);
        }
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
