//! Rule 14: a file name is not asked for where that is forbidden, except of the cache.
//!
//! Broken by asking for it in the pre-write of a paging write.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    let mut name = core::ptr::null_mut();
    let options = if MENDED { NAME_FROM_CACHE } else { NAME_NORMALIZED };
    unsafe {
        if FltGetFileNameInformation(data, options, &mut name) >= 0 {
            FltReleaseFileNameInformation(name);
        }
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
