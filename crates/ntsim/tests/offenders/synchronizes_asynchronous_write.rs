//! Rule 7: SYNCHRONIZE is returned for IRPs only, and neither for a create nor for an asynchronous read or write.
//!
//! Broken by returning it from pre-write whatever the handle.

#![no_std]
#![no_main]

mod support;
use support::*;

const SYNCHRONOUS_API: u32 = 0x4;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    let synchronous = iopb(data).irp_flags & SYNCHRONOUS_API != 0;
    if MENDED && !synchronous { SUCCESS_WITH_CALLBACK } else { SYNCHRONIZE }
}

unsafe extern "system" fn post_write(_: &mut CallbackData, _: &Objects, _: usize, _: u32) -> u32 {
    FINISHED_PROCESSING
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, Some(post_write)).start(driver) }
}
