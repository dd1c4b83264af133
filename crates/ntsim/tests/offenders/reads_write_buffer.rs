//! Rule 23: the buffer of an operation is not dereferenced.
//!
//! Broken by reading the first byte of what is written, at a user's address.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    if !MENDED {
        unsafe { iopb(data).parameters.buffer.read_volatile() };
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
