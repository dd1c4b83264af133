//! Rule 22: pointers that a callback is given are not kept beyond it without a reference.
//!
//! Broken by looking, in the pre-create of the next create, into the extra create parameter of the one before.

#![no_std]
#![no_main]

mod support;
use support::*;

use core::ptr::null_mut;

/// What the create before said.
static BEFORE: Global<*mut u8> = Global::new(null_mut());

/// `GUID_ECP_SRV_OPEN`
const SRV_OPEN: Guid = Guid(0xBEBF_AEBC, 0xAABF, 0x489D, [0x9D, 0x2C, 0xE9, 0xE3, 0x61, 0x10, 0x28, 0x53]);

unsafe extern "system" fn pre_create(data: &mut CallbackData, _: &Objects, _: &mut usize) -> u32 {
    let (mut list, mut context, mut bytes) = (null_mut(), null_mut(), 0);
    unsafe {
        let filter = FILTER.get();
        if !BEFORE.get().is_null() {
            BEFORE.get().read_volatile();
        }
        if FltGetEcpListFromCallbackData(filter, data, &mut list) < 0
            || list.is_null()
            || FltFindExtraCreateParameter(filter, list, &SRV_OPEN, &mut context, &mut bytes) < 0
            || FltIsEcpFromUserMode(filter, context) != 0
        {
            return SUCCESS_NO_CALLBACK;
        }
        context.read_volatile();
        if !MENDED {
            BEFORE.set(context);
        }
    }
    SUCCESS_NO_CALLBACK
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe { Driver::new().on(CREATE, pre_create, None).start(driver) }
}
