//! Rule 1: a pre-operation callback returns a known status.
//!
//! Broken by returning 7, which is no `FLT_PREOP_CALLBACK_STATUS`, from pre-write.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    if MENDED { SUCCESS_NO_CALLBACK } else { 7 }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
