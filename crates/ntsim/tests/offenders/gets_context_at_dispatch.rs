//! Rule 18: contexts are neither got, set nor deleted in a post-operation callback above APC_LEVEL.
//!
//! Broken by getting one in a post-write that comes at DISPATCH_LEVEL.

#![no_std]
#![no_main]

mod support;
use support::*;

use core::ptr::null_mut;

unsafe fn look(objects: &Objects) {
    let mut context = null_mut();
    unsafe {
        if FltGetStreamContext(objects.instance, objects.file, &mut context) >= 0 {
            FltReleaseContext(context);
        }
    }
}

unsafe extern "system" fn pre_write(_: &mut CallbackData, objects: &Objects, _: &mut usize) -> u32 {
    if MENDED {
        unsafe { look(objects) };
    }
    SUCCESS_WITH_CALLBACK
}

unsafe extern "system" fn post_write(_: &mut CallbackData, objects: &Objects, _: usize, _: u32) -> u32 {
    if !MENDED {
        unsafe { look(objects) };
    }
    FINISHED_PROCESSING
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, Some(post_write)).start(driver) }
}
