//! Rule 26: a DriverEntry that fails has undone everything.
//!
//! Broken by leaving its notify routine and a block of pool behind when registration fails.

#![no_std]
#![no_main]

mod support;
use support::*;

static BLOCK: Global<*mut u8> = Global::new(core::ptr::null_mut());

unsafe extern "system" fn unload(flags: u32) -> Status {
    unsafe {
        ExFreePoolWithTag(BLOCK.get(), TAG);
        unregister(flags)
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe {
        let block = ExAllocatePool2(NON_PAGED, 64, TAG);
        if block.is_null() {
            return INSUFFICIENT_RESOURCES;
        }
        BLOCK.set(block);
        let status = Driver::new().unload(unload).start(driver);
        if MENDED && status < 0 {
            ExFreePoolWithTag(block, TAG);
        }
        status
    }
}
