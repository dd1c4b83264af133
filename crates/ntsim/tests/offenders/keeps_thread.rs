//! Rule 22: pointers that a callback is given are not kept beyond it without a reference.
//!
//! Broken by keeping `Thread` of one write and asking for its id in the next, by another thread.

#![no_std]
#![no_main]

mod support;
use support::*;

use core::ptr::null_mut;

static THREAD: Global<Opaque> = Global::new(null_mut());

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    unsafe {
        if !THREAD.get().is_null() {
            PsGetThreadId(THREAD.get());
        } else if !data.thread.is_null() {
            THREAD.set(data.thread);
            if MENDED {
                ObfReferenceObject(data.thread);
            }
        }
    }
    SUCCESS_NO_CALLBACK
}

unsafe extern "system" fn unload(flags: u32) -> Status {
    unsafe {
        if MENDED && !THREAD.get().is_null() {
            ObfDereferenceObject(THREAD.get());
        }
        unregister(flags)
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).unload(unload).start(driver) }
}
