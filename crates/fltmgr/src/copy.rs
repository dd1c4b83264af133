//! What a write of `NtCopyFileChunk` copies from.

use core::marker::PhantomData;
use core::mem;
use core::ptr;

use crate::irql::{self, DISPATCH_LEVEL};
use crate::raw::{COPY_INFORMATION, FLT_GET_COPY_INFORMATION_FROM_CALLBACK_DATA, FltGetRoutineAddress};
use crate::{CallbackData, FileObject, NtStatus};

/// `FltGetCopyInformationFromCallbackData`, which exists since Windows 11 22H2.
#[derive(Clone, Copy)]
pub struct CopyInformationRoutine(FLT_GET_COPY_INFORMATION_FROM_CALLBACK_DATA);

impl CopyInformationRoutine {
    /// The routine, where this Windows has it.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`FltGetRoutineAddress` function (fltkernel.h)").
    #[must_use]
    pub fn find() -> Option<Self> {
        irql::assert_at_most(DISPATCH_LEVEL);
        let name = c"FltGetCopyInformationFromCallbackData";
        // SAFETY: the name is a terminated string that lives through the call.
        let address = unsafe { FltGetRoutineAddress(name.as_ptr().cast()) };
        if address.is_null() {
            return None;
        }
        // SAFETY: the Filter Manager exports under this name a routine of this type, and stays loaded.
        Some(Self(unsafe {
            mem::transmute::<wdk_sys::PVOID, FLT_GET_COPY_INFORMATION_FROM_CALLBACK_DATA>(address)
        }))
    }

    /// The source of the data, when the operation is part of a copy.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`FltGetCopyInformationFromCallbackData` function (fltkernel.h)").
    #[inline]
    #[must_use]
    pub fn query(self, data: CallbackData<'_>) -> Option<CopyInformation<'_>> {
        irql::assert_at_most(DISPATCH_LEVEL);
        let mut information = COPY_INFORMATION { SourceFileObject: ptr::null_mut(), SourceFileOffset: 0 };
        // SAFETY: the callback data is valid, and the result goes to a variable of its type.
        let status = unsafe { (self.0)(data.as_raw(), &raw mut information) };
        NtStatus::from_raw(status)
            .is_success()
            .then_some(CopyInformation { information, callback: PhantomData })
    }
}

/// Where a copy's write takes its data from, known during the callback only.
pub struct CopyInformation<'cb> {
    information: COPY_INFORMATION,
    callback: PhantomData<&'cb ()>,
}

impl<'cb> CopyInformation<'cb> {
    /// The file that is copied.
    #[inline]
    #[must_use]
    pub fn source(&self) -> Option<FileObject<'cb>> {
        // SAFETY: the Filter Manager keeps the source for the callback, and 'cb is no longer.
        unsafe { FileObject::from_raw(self.information.SourceFileObject) }
    }

    /// Where in the source this write's data begins, in bytes.
    #[inline]
    #[must_use]
    pub fn source_offset(&self) -> i64 {
        self.information.SourceFileOffset
    }
}
