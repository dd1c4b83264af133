//! Rule 13: in the path of paging I/O there is neither paged pool, nor pageable code, nor a wait.
//!
//! Broken by a pre-write in a pageable section, which paging writes come to as well.

#![no_std]
#![no_main]

mod support;
use support::*;

#[cfg_attr(not(mended), unsafe(link_section = "PAGE"))]
unsafe extern "system" fn pre_write(_: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
