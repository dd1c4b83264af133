//! Rule 29: `Thread` may be NULL.
//!
//! Broken by asking for the process of whatever `Thread` a write has.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    if !MENDED || !data.thread.is_null() {
        unsafe { IoThreadToProcess(data.thread) };
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
