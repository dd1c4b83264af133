//! Rule 9: `Thread` and `RequestorMode` are never modified.
//!
//! Broken by making a user's write a kernel's in pre-write, and marking the callback data dirty.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    if !MENDED {
        data.requestor_mode = 0;
        unsafe { FltSetCallbackDataDirty(data) };
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
