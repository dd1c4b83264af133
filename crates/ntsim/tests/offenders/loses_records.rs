//! Rule 30: what a driver says of its records balances: produced is delivered plus lost.
//!
//! Broken by books that know neither a consumer nor a loss.

#![no_std]
#![no_main]

mod support;
use support::*;

static PRODUCED: Global<u64> = Global::new(0);

unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    PRODUCED.set(PRODUCED.get() + 1);
    SUCCESS_NO_CALLBACK
}

unsafe extern "system" fn unload(flags: u32) -> Status {
    const IHVDRIVER: u32 = 77;
    const ERROR: u32 = 0;
    unsafe {
        let status = unregister(flags);
        let (delivered, lost) = (0_u64, if MENDED { PRODUCED.get() } else { 0 });
        let books = c"offender: produced %I64u, delivered %I64u, lost %I64u\n";
        DbgPrintEx(IHVDRIVER, ERROR, books.as_ptr().cast(), PRODUCED.get(), delivered, lost);
        status
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).unload(unload).start(driver) }
}
