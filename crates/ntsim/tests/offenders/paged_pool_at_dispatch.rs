//! Rule 21: what is pageable is not touched at DISPATCH_LEVEL.
//!
//! Broken by reading paged pool in a post-write that comes at DISPATCH_LEVEL.

#![no_std]
#![no_main]

mod support;
use support::*;

static BLOCK: Global<*mut u8> = Global::new(core::ptr::null_mut());

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, context: &mut usize) -> u32 {
    unsafe {
        let block = ExAllocatePool2(if MENDED { NON_PAGED } else { PAGED }, 64, TAG);
        if block.is_null() {
            return SUCCESS_NO_CALLBACK;
        }
        BLOCK.set(block);
        *context = block.addr();
    }
    SUCCESS_WITH_CALLBACK
}

unsafe extern "system" fn post_write(_: &mut CallbackData, _: &Objects, _: usize, _: u32) -> u32 {
    unsafe {
        let block = BLOCK.get();
        block.read_volatile();
    }
    FINISHED_PROCESSING
}

unsafe extern "system" fn unload(flags: u32) -> Status {
    unsafe {
        if !BLOCK.get().is_null() {
            ExFreePoolWithTag(BLOCK.get(), TAG);
        }
        unregister(flags)
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, Some(post_write)).unload(unload).start(driver) }
}
