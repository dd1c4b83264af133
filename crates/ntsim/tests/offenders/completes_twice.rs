//! Rule 4: only an IRP is pended, and what is pended completes exactly once.
//!
//! Broken by completing a write that pre-write pends twice.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    if data.flags & IRP_OPERATION == 0 {
        return DISALLOW_FASTIO;
    }
    // It may be completed before this returns.
    unsafe {
        FltCompletePendedPreOperation(data, SUCCESS_NO_CALLBACK, 0);
        if !MENDED {
            FltCompletePendedPreOperation(data, SUCCESS_NO_CALLBACK, 0);
        }
    }
    PENDING
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
