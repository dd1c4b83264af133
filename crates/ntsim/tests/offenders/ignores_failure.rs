//! Rule 15: the failure of any routine that can fail is handled.
//!
//! Broken by writing to pool that it did not get.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    unsafe {
        let block = ExAllocatePool2(NON_PAGED, 64, TAG);
        if MENDED && block.is_null() {
            return SUCCESS_NO_CALLBACK;
        }
        block.write_volatile(1);
        ExFreePoolWithTag(block, TAG);
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
