//! Rule 27: pool is not touched outside its bounds.
//!
//! Broken by writing one byte behind a block.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    const BYTES: usize = 64;
    unsafe {
        let block = ExAllocatePool2(NON_PAGED, BYTES, TAG);
        if !block.is_null() {
            block.add(if MENDED { BYTES - 1 } else { BYTES }).write_volatile(1);
            ExFreePoolWithTag(block, TAG);
        }
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
