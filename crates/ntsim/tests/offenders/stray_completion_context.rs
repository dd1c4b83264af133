//! Rule 2: a completion context is set only with SUCCESS_WITH_CALLBACK or SYNCHRONIZE.
//!
//! Broken by setting one in pre-write and returning SUCCESS_NO_CALLBACK.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, context: &mut usize) -> u32 {
    *context = 1;
    if MENDED { SUCCESS_WITH_CALLBACK } else { SUCCESS_NO_CALLBACK }
}

unsafe extern "system" fn post_write(_: &mut CallbackData, _: &Objects, _: usize, _: u32) -> u32 {
    FINISHED_PROCESSING
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, Some(post_write)).start(driver) }
}
