//! Rule 6: DISALLOW_FSFILTER_IO is returned for IRP_MJ_QUERY_OPEN only.
//!
//! Broken by returning it from pre-write.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    if MENDED { SUCCESS_NO_CALLBACK } else { DISALLOW_FSFILTER_IO }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
