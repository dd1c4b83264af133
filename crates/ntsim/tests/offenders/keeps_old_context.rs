//! Rule 17: each context is released exactly once per reference.
//!
//! Broken by not releasing the old context that FltSetStreamContext returns when another write was first.

#![no_std]
#![no_main]

mod support;
use support::*;

use core::ptr::null_mut;

/// Sets a new stream context, unless the stream has one.
unsafe fn set_context(objects: &Objects) {
    let (mut new, mut old) = (null_mut(), null_mut());
    unsafe {
        if FltAllocateContext(FILTER.get(), STREAM_CONTEXT, CONTEXT_BYTES, NON_PAGED_POOL_NX, &mut new) < 0 {
            return;
        }
        FltSetStreamContext(objects.instance, objects.file, KEEP_IF_EXISTS, new, &mut old);
        FltReleaseContext(new);
        if MENDED && !old.is_null() {
            FltReleaseContext(old);
        }
    }
}

unsafe extern "system" fn pre_write(_: &mut CallbackData, objects: &Objects, _: &mut usize) -> u32 {
    unsafe { set_context(objects) };
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
