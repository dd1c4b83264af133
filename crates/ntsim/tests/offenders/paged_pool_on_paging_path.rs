//! Rule 13: in the path of paging I/O there is neither paged pool, nor pageable code, nor a wait.
//!
//! Broken by allocating paged pool in the pre-write of a paging write.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn pre_write(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    let paging = iopb(data).irp_flags & PAGING_IO != 0;
    unsafe {
        let block = ExAllocatePool2(if MENDED && paging { NON_PAGED } else { PAGED }, 64, TAG);
        if !block.is_null() {
            ExFreePoolWithTag(block, TAG);
        }
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(WRITE, pre_write, None).start(driver) }
}
