//! Rule 20: a post-operation callback that drains does nothing but clean up.
//!
//! Broken by asking for a stream context in post-write when the instance goes away.

#![no_std]
#![no_main]

mod support;
use support::*;

use core::ptr::null_mut;

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    SUCCESS_WITH_CALLBACK
}

unsafe extern "system" fn post_write(_: &mut CallbackData, objects: &Objects, _: usize, flags: u32) -> u32 {
    let mut context = null_mut();
    unsafe {
        let draining = flags & DRAINING != 0;
        if draining && !MENDED && FltGetStreamContext(objects.instance, objects.file, &mut context) >= 0 {
            FltReleaseContext(context);
        }
    }
    FINISHED_PROCESSING
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, Some(post_write)).start(driver) }
}
