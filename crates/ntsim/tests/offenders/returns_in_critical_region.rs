//! Rule 11: a callback returns at the IRQL, and with the APC state, at which it was entered.
//!
//! Broken by entering a critical region in pre-write and leaving it in post-write.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    unsafe {
        KeEnterCriticalRegion();
        if MENDED {
            KeLeaveCriticalRegion();
        }
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
