//! Rule 16: each file name information is released exactly once.
//!
//! Broken by not releasing the one that pre-write gets.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    let mut name = core::ptr::null_mut();
    unsafe {
        if FltGetFileNameInformation(data, NAME_NORMALIZED, &mut name) >= 0 && MENDED {
            FltReleaseFileNameInformation(name);
        }
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
