//! Rule 13: in the path of paging I/O there is neither paged pool, nor pageable code, nor a wait.
//!
//! Broken by waiting 1 ms for an event in the pre-write of a paging write.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    const MILLISECOND: i64 = -10_000;
    if MENDED && iopb(data).irp_flags & PAGING_IO != 0 {
        return SUCCESS_NO_CALLBACK;
    }
    let mut event = Event([0; 3]);
    unsafe {
        KeInitializeEvent(&mut event, 0, 0);
        KeWaitForSingleObject((&raw mut event).cast(), 0, 0, 0, &MILLISECOND);
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
