//! Rule 25: nothing of a driver can be called after it is gone.
//!
//! Broken by not removing its process notify routine when it unloads.

#![no_std]
#![no_main]

mod support;
use support::*;

unsafe extern "system" fn notify(_: Opaque, _: usize, _: Opaque) {}

unsafe extern "system" fn unload(flags: u32) -> Status {
    unsafe {
        if MENDED {
            PsSetCreateProcessNotifyRoutineEx(notify, 1);
        }
        unregister(flags)
    }
}

#[unsafe(no_mangle)]
unsafe extern "system" fn DriverEntry(driver: Opaque, _: Opaque) -> Status {
    unsafe {
        let status = PsSetCreateProcessNotifyRoutineEx(notify, 0);
        if status < 0 {
            return status;
        }
        let status = Driver::new().unload(unload).start(driver);
        if status < 0 {
            PsSetCreateProcessNotifyRoutineEx(notify, 1);
        }
        status
    }
}
