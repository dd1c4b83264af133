//! A registered minifilter.

use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use wdk_sys::PDRIVER_OBJECT;

use crate::irql::{self, PASSIVE_LEVEL};
use crate::raw::{FLT_FILTER, FltRegisterFilter, FltStartFiltering, FltUnregisterFilter, PFLT_FILTER};
use crate::{NtStatus, Registration, Result};

/// A registered minifilter; dropping it unregisters it.
pub struct Filter {
    filter: NonNull<FLT_FILTER>,
}

// SAFETY: the Filter Manager lets any thread use the handle.
unsafe impl Send for Filter {}
// SAFETY: as above; its routines synchronize themselves.
unsafe impl Sync for Filter {}

impl Filter {
    /// Registers a minifilter. Its callbacks do not come before [`Filter::start`].
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` (`DriverEntry`; "`FltRegisterFilter` function (fltkernel.h)" has no
    /// lower bound).
    ///
    /// # Errors
    ///
    /// What `FltRegisterFilter` returns, such as `STATUS_OBJECT_NAME_NOT_FOUND` without altitude in the
    /// registry.
    ///
    /// # Safety
    ///
    /// `driver` is the driver object that `DriverEntry` got.
    pub unsafe fn register(driver: PDRIVER_OBJECT, registration: &'static Registration) -> Result<Self> {
        irql::assert_at_most(PASSIVE_LEVEL);
        let mut filter = ptr::null_mut();
        // SAFETY: the driver object is valid by the function's own condition, the registration lives forever.
        let status = unsafe { FltRegisterFilter(driver, registration.as_raw(), &raw mut filter) };
        NtStatus::from_raw(status).ok()?;
        NonNull::new(filter).map(|filter| Self { filter }).ok_or(NtStatus::INTERNAL_ERROR)
    }

    /// Lets callbacks come: attachment to the volumes first.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`FltStartFiltering` function (fltkernel.h)" allows `APC_LEVEL`).
    ///
    /// # Errors
    ///
    /// What `FltStartFiltering` returns. The minifilter is to be dropped then.
    pub fn start(&self) -> Result<()> {
        irql::assert_at_most(PASSIVE_LEVEL);
        // SAFETY: the minifilter is registered.
        NtStatus::from_raw(unsafe { FltStartFiltering(self.filter.as_ptr()) }).ok().map(|_| ())
    }

    /// The minifilter, borrowed.
    #[must_use]
    pub fn borrow(&self) -> FilterRef<'_> {
        FilterRef { filter: self.filter, registered: PhantomData }
    }
}

impl Drop for Filter {
    /// Waits until no callback runs; none comes afterwards. Contexts are cleaned up.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`FltUnregisterFilter` function (fltkernel.h)" allows `APC_LEVEL`).
    fn drop(&mut self) {
        irql::assert_at_most(PASSIVE_LEVEL);
        // SAFETY: the minifilter is registered, and this is the only place that unregisters it.
        unsafe { FltUnregisterFilter(self.filter.as_ptr()) };
    }
}

/// A minifilter that stays registered for `'a`.
#[derive(Clone, Copy)]
pub struct FilterRef<'a> {
    filter: NonNull<FLT_FILTER>,
    registered: PhantomData<&'a FLT_FILTER>,
}

impl FilterRef<'_> {
    /// # Safety
    ///
    /// `filter` is a minifilter that stays registered for as long as what this returns is used.
    pub(crate) unsafe fn from_raw(filter: PFLT_FILTER) -> Self {
        // SAFETY: not null, by the function's own condition.
        Self { filter: unsafe { NonNull::new_unchecked(filter) }, registered: PhantomData }
    }

    /// The handle, for routines that are not here.
    #[must_use]
    pub fn as_raw(self) -> PFLT_FILTER {
        self.filter.as_ptr()
    }
}
