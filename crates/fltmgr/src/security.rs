//! Who may connect to a port.

use core::ptr::{self, NonNull};

use wdk_sys::PSECURITY_DESCRIPTOR;

use crate::irql::{self, PASSIVE_LEVEL};
use crate::raw::{FLT_PORT_ALL_ACCESS, FltBuildDefaultSecurityDescriptor, FltFreeSecurityDescriptor};
use crate::{NtStatus, Result};

/// A security descriptor from the Filter Manager; dropping it frees it.
pub struct SecurityDescriptor {
    descriptor: NonNull<core::ffi::c_void>,
}

impl SecurityDescriptor {
    /// Everything for SYSTEM and administrators, nothing for anybody else.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`FltBuildDefaultSecurityDescriptor` function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// `STATUS_INSUFFICIENT_RESOURCES`
    pub fn for_administrators() -> Result<Self> {
        irql::assert_at_most(PASSIVE_LEVEL);
        let mut descriptor = ptr::null_mut();
        // SAFETY: the result goes to a variable of its type.
        let status = unsafe { FltBuildDefaultSecurityDescriptor(&raw mut descriptor, FLT_PORT_ALL_ACCESS) };
        NtStatus::from_raw(status).ok()?;
        NonNull::new(descriptor).map(|descriptor| Self { descriptor }).ok_or(NtStatus::INTERNAL_ERROR)
    }

    pub(crate) fn as_raw(&self) -> PSECURITY_DESCRIPTOR {
        self.descriptor.as_ptr()
    }
}

impl Drop for SecurityDescriptor {
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`FltFreeSecurityDescriptor` function (fltkernel.h)").
    fn drop(&mut self) {
        irql::assert_at_most(PASSIVE_LEVEL);
        // SAFETY: built by `FltBuildDefaultSecurityDescriptor`, and freed here alone.
        unsafe { FltFreeSecurityDescriptor(self.descriptor.as_ptr()) };
    }
}
