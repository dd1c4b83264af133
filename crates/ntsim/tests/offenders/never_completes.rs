//! Rule 4: only an IRP is pended, and what is pended completes exactly once.
//!
//! Broken by pending a write in pre-write and forgetting it.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    if MENDED || data.flags & IRP_OPERATION == 0 { SUCCESS_NO_CALLBACK } else { PENDING }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
