//! Rule 11: a callback returns at the IRQL, and with the APC state, at which it was entered.
//!
//! Broken by raising the IRQL in pre-write for good.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    unsafe {
        let irql = KeRaiseIrqlToDpcLevel();
        if MENDED {
            KeLowerIrql(irql);
        }
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
