//! Rule 32: no panic is reachable.
//!
//! Broken by dividing by the length of a write.

#![no_std]
#![no_main]

mod support;
use support::*;

/// What a checked division does.
#[inline(never)]
fn blocks(length: u32, of: u32) -> u32 {
    assert!(of != 0);
    length / of
}

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    let length = iopb(data).parameters.length;
    if !MENDED || length != 0 {
        core::hint::black_box(blocks(65536, length));
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
