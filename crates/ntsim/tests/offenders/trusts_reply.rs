//! Rule 31: nothing that a consumer sends makes the driver touch memory out of bounds.
//!
//! Broken by taking an index out of a reply and using it as it is.

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

const ENTRIES: usize = 64;
static TABLE: Global<*mut u8> = Global::new(null_mut());

#[inline(never)]
unsafe fn count(index: usize) {
    let entry = TABLE.get().wrapping_add(index);
    unsafe { entry.write_volatile(entry.read_volatile().wrapping_add(1)) };
}

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    const SECOND: i64 = -10_000_000;
    let message = [0_u8; 16];
    let mut reply = [0_u8; 4];
    let mut bytes = 4;
    unsafe {
        if CLIENT.get().is_null() {
            return SUCCESS_NO_CALLBACK;
        }
        let status = FltSendMessage(
            FILTER.get(),
            CLIENT.ptr(),
            message.as_ptr(),
            16,
            reply.as_mut_ptr(),
            &mut bytes,
            &SECOND,
        );
        let index = u32::from_le_bytes(reply) as usize;
        if status == SUCCESS && bytes == 4 && (!MENDED || index < ENTRIES) {
            count(index);
        }
    }
    SUCCESS_NO_CALLBACK
}

unsafe extern "system" fn unload(flags: u32) -> Status {
    unsafe {
        FltCloseCommunicationPort(PORT.get());
        let status = unregister(flags);
        ExFreePoolWithTag(TABLE.get(), TAG);
        status
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe {
        let table = ExAllocatePool2(NON_PAGED, ENTRIES, TAG);
        if table.is_null() {
            return INSUFFICIENT_RESOURCES;
        }
        TABLE.set(table);
        let status = Driver::new().on(WRITE, pre_write, None).unload(unload).register(driver);
        if status < 0 {
            ExFreePoolWithTag(table, TAG);
            return status;
        }
        let (status, port) = open_port(connect, disconnect, None);
        if status < 0 {
            FltUnregisterFilter(FILTER.get());
            ExFreePoolWithTag(table, TAG);
            return status;
        }
        PORT.set(port);
        FltStartFiltering(FILTER.get())
    }
}
