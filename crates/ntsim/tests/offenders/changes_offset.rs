//! Rule 10: nothing in the callback data is changed without marking it dirty.
//!
//! Broken by moving a write in pre-write without FltSetCallbackDataDirty.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    iopb(data).parameters.offset += 512;
    if MENDED {
        unsafe { FltSetCallbackDataDirty(data) };
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
