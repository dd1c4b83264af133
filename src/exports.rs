//! Routines newer than the oldest Windows that the driver runs on: looked up, never imported.

use core::mem;

use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::{CopyInformationRoutine, FileObject, unicode_string, utf16};
use wdk_sys::ntddk::MmGetSystemRoutineAddress;
use wdk_sys::{BOOLEAN, PFILE_OBJECT, PVOID};

const OPENED_AS_COPY_SOURCE: [u16; 35] = utf16("IoCheckFileObjectOpenedAsCopySource");

type CheckFileObject = unsafe extern "C" fn(PFILE_OBJECT) -> BOOLEAN;

/// What this Windows has of them.
pub(crate) struct Exports {
    /// `FltGetCopyInformationFromCallbackData` (Windows 11 22H2).
    pub(crate) copy_information: Option<CopyInformationRoutine>,
    /// `IoCheckFileObjectOpenedAsCopySource` (Windows 11 22H2).
    opened_as_copy_source: Option<CheckFileObject>,
}

impl Exports {
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`MmGetSystemRoutineAddress` function (wdm.h)").
    pub(crate) fn find() -> Self {
        assert_at_most(PASSIVE_LEVEL);
        let mut name = unicode_string(&OPENED_AS_COPY_SOURCE);
        // SAFETY: the name lives through the call.
        let address = unsafe { MmGetSystemRoutineAddress(&raw mut name) };
        let opened_as_copy_source = (!address.is_null()).then(|| {
            // SAFETY: the kernel exports under this name a routine of this type.
            unsafe { mem::transmute::<PVOID, CheckFileObject>(address) }
        });
        Self { copy_information: CopyInformationRoutine::find(), opened_as_copy_source }
    }

    /// Whether files can be opened as the source of a copy by the kernel.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn has_copy_sources(&self) -> bool {
        self.opened_as_copy_source.is_some()
    }

    /// Whether a file was opened with the intent to copy it, which any process may claim.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`IoCheckFileObjectOpenedAsCopySource` function (ntifs.h)").
    pub(crate) fn is_opened_as_copy_source(&self, file: FileObject<'_>) -> bool {
        assert_at_most(PASSIVE_LEVEL);
        self.opened_as_copy_source.is_some_and(|check| {
            // SAFETY: the file object is borrowed from a running callback.
            unsafe { check(file.as_raw()) != 0 }
        })
    }
}
