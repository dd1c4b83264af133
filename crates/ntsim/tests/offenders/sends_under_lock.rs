//! Rule 28: no lock that callbacks take is held over what can bring a callback about.
//!
//! Broken by sending a message to its consumer with the lock held that pre-write takes as well.

#![no_std]
#![no_main]

mod support;
use support::*;

use core::ptr::null_mut;

static PORT: Global<Opaque> = Global::new(null_mut());
static CLIENT: Global<Opaque> = Global::new(null_mut());

unsafe extern "system" fn connect(client: Opaque, _: Opaque, _: *const u8, _: u32, _: &mut Opaque) -> Status {
    CLIENT.set(client);
    SUCCESS
}

unsafe extern "system" fn disconnect(_: Opaque) {
    unsafe { FltCloseClientPort(FILTER.get(), CLIENT.ptr()) };
}

static LOCK: Global<usize> = Global::new(0);

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    const SECOND: i64 = -10_000_000;
    let message = [0_u8; 16];
    unsafe {
        FltAcquirePushLockExclusive(LOCK.ptr());
        if MENDED {
            FltReleasePushLock(LOCK.ptr());
        }
        if !CLIENT.get().is_null() {
            FltSendMessage(FILTER.get(), CLIENT.ptr(), message.as_ptr(), 16, null_mut(), null_mut(), &SECOND);
        }
        if !MENDED {
            FltReleasePushLock(LOCK.ptr());
        }
    }
    SUCCESS_NO_CALLBACK
}

unsafe extern "system" fn unload(flags: u32) -> Status {
    unsafe {
        FltCloseCommunicationPort(PORT.get());
        let status = unregister(flags);
        FltDeletePushLock(LOCK.ptr());
        status
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe {
        FltInitializePushLock(LOCK.ptr());
        let status = Driver::new().on(WRITE, pre_write, None).unload(unload).register(driver);
        if status < 0 {
            return status;
        }
        let (status, port) = open_port(connect, disconnect, None);
        if status < 0 {
            FltUnregisterFilter(FILTER.get());
            return status;
        }
        PORT.set(port);
        FltStartFiltering(FILTER.get())
    }
}
