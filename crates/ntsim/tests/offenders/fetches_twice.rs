//! Rule 23: a user's buffer is fetched once, within its length.
//!
//! Broken by checking a length in a message and fetching it again to use it.

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

const LIMIT: u32 = 16;

unsafe extern "system" fn message(
    _: Opaque,
    input: *const u8,
    bytes: u32,
    _: *mut u8,
    _: u32,
    returned: &mut u32,
) -> Status {
    *returned = 0;
    if (bytes as usize) < size_of::<u32>() {
        return UNSUCCESSFUL;
    }
    let length = input.cast::<u32>();
    unsafe {
        let checked = length.read_volatile();
        if checked > LIMIT {
            return UNSUCCESSFUL;
        }
        let used = if MENDED { checked } else { length.read_volatile() };
        if used > LIMIT { UNSUCCESSFUL } else { SUCCESS }
    }
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
