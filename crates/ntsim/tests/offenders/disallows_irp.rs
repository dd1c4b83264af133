//! Rule 5: DISALLOW_FASTIO is returned for fast I/O only.
//!
//! Broken by returning it from pre-write for an IRP.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    if MENDED && data.flags & FAST_IO_OPERATION == 0 { SUCCESS_NO_CALLBACK } else { DISALLOW_FASTIO }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
