//! Rule 19: references are balanced before FltUnregisterFilter returns.
//!
//! Broken by looking up System in pre-write and never dereferencing it.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    let mut process = core::ptr::null_mut();
    unsafe {
        if PsLookupProcessByProcessId(4, &mut process) >= 0 && MENDED {
            ObfDereferenceObject(process);
        }
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
