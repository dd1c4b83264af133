//! Rule 11: a callback returns with no lock held.
//!
//! Broken by taking a push lock in pre-write and not releasing it.

#![no_std]
#![no_main]

mod support;
use support::*;

static LOCK: Global<usize> = Global::new(0);

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    unsafe {
        FltAcquirePushLockExclusive(LOCK.ptr());
        if MENDED {
            FltReleasePushLock(LOCK.ptr());
        }
    }
    SUCCESS_NO_CALLBACK
}

unsafe extern "system" fn unload(flags: u32) -> Status {
    unsafe {
        let status = unregister(flags);
        if !MENDED {
            FltReleasePushLock(LOCK.ptr());
        }
        FltDeletePushLock(LOCK.ptr());
        status
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe {
        FltInitializePushLock(LOCK.ptr());
        Driver::new().on(WRITE, pre_write, None).unload(unload).start(driver)
    }
}
