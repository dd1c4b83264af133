//! Rule 7: SYNCHRONIZE is returned for IRPs only, and neither for a create nor for an asynchronous read or write.
//!
//! Broken by returning it from pre-write for fast I/O, where it would be taken for SUCCESS_WITH_CALLBACK.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    if MENDED && data.flags & FAST_IO_OPERATION != 0 { SUCCESS_WITH_CALLBACK } else { SYNCHRONIZE }
}

unsafe extern "system" fn post_write(_: &mut CallbackData, _: &Objects, _: usize, _: u32) -> u32 {
    FINISHED_PROCESSING
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, Some(post_write)).start(driver) }
}
