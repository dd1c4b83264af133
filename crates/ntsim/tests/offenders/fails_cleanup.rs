//! Rule 8: what a callback completes gets a status: not pending, and no failure of a cleanup or close.
//!
//! Broken by completing a cleanup with an error.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_cleanup(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    if MENDED {
        return SUCCESS_NO_CALLBACK;
    }
    data.io_status.status = UNSUCCESSFUL;
    COMPLETE
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(CLEANUP, pre_cleanup, None).start(driver) }
}
