//! Rule 27: pool is not touched after its end.
//!
//! Broken by reading a block that it has freed.

#![no_std]
#![no_main]

mod support;
use support::*;

#[inline(never)]
unsafe fn read(block: *const u8) {
    unsafe { block.read_volatile() };
}

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    unsafe {
        let block = ExAllocatePool2(NON_PAGED, 64, TAG);
        if !block.is_null() {
            if MENDED {
                read(block);
            }
            ExFreePoolWithTag(block, TAG);
            if !MENDED {
                read(block);
            }
        }
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
