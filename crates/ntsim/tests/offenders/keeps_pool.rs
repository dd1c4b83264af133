//! Rule 27: all pool is tagged, and none is left when the driver unloads.
//!
//! Broken by a block for each write that nobody frees.

#![no_std]
#![no_main]

mod support;
use support::*;

#[inline(never)]
unsafe fn take_note() {
    unsafe {
        let block = ExAllocatePool2(NON_PAGED, 64, TAG);
        if block.is_null() {
            return;
        }
        block.write_volatile(1);
        if MENDED {
            ExFreePoolWithTag(block, TAG);
        }
    }
}

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    unsafe { take_note() };
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
