//! Rule 3: SUCCESS_WITH_CALLBACK and SYNCHRONIZE are returned only with a post-operation callback.
//!
//! Broken by returning SUCCESS_WITH_CALLBACK from pre-write, without a post-write.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    if MENDED { SUCCESS_NO_CALLBACK } else { SUCCESS_WITH_CALLBACK }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
