//! Rule 23: a user's buffer is fetched once, within its length.
//!
//! Broken by reading eight bytes of a message without looking at how long it is.

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

unsafe extern "system" fn message(
    _: Opaque,
    input: *const u8,
    bytes: u32,
    _: *mut u8,
    _: u32,
    returned: &mut u32,
) -> Status {
    *returned = 0;
    if MENDED && (bytes as usize) < size_of::<u64>() {
        return UNSUCCESSFUL;
    }
    unsafe { input.cast::<u64>().read_volatile() };
    SUCCESS
}

unsafe extern "system" fn unload(flags: u32) -> Status {
    unsafe {
        FltCloseCommunicationPort(PORT.get());
        unregister(flags)
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe {
        let status = Driver::new().unload(unload).register(driver);
        if status < 0 {
            return status;
        }
        let (status, port) = open_port(connect, disconnect, Some(message));
        if status < 0 {
            FltUnregisterFilter(FILTER.get());
            return status;
        }
        PORT.set(port);
        FltStartFiltering(FILTER.get())
    }
}
