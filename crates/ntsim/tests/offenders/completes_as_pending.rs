//! Rule 8: what a callback completes gets a status: not pending, and no failure of a cleanup or close.
//!
//! Broken by completing a write with STATUS_PENDING.

#![no_std]
#![no_main]

mod support;
use support::*;

const STATUS_PENDING: Status = 0x103;
const ACCESS_DENIED: Status = 0xC000_0022_u32 as Status;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    data.io_status.status = if MENDED { ACCESS_DENIED } else { STATUS_PENDING };
    COMPLETE
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
