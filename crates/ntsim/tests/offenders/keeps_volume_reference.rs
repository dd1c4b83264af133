//! Rule 19: references are balanced before FltUnregisterFilter returns.
//!
//! Broken by referencing the volume in pre-write and never letting it go.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(_: &mut CallbackData, objects: &Objects, _: &mut usize) -> u32 {
    unsafe {
        if FltObjectReference(objects.volume) >= 0 && MENDED {
            FltObjectDereference(objects.volume);
        }
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
