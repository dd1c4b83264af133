//! Names of open files.

use core::ptr::{self, NonNull};

use wdk_sys::NTSTATUS;

use crate::irql::{self, APC_LEVEL, PASSIVE_LEVEL};
use crate::raw::{
    FLT_FILE_NAME_INFORMATION, FLT_FILE_NAME_NORMALIZED, FLT_FILE_NAME_OPENED, FLT_FILE_NAME_OPTIONS,
    FLT_FILE_NAME_QUERY_ALWAYS_ALLOW_CACHE_LOOKUP, FLT_FILE_NAME_QUERY_CACHE_ONLY,
    FLT_FILE_NAME_QUERY_DEFAULT, FltGetDestinationFileNameInformation, FltGetFileNameInformation,
    FltGetFileNameInformationUnsafe, FltReleaseFileNameInformation, PFLT_FILE_NAME_INFORMATION,
};
use crate::{CallbackData, FileObject, Instance, NewName, NtStatus, Result};

/// How a name is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameFormat {
    /// One name for each file: no short names, no alternate directories, links resolved.
    Normalized,
    /// As the file was opened.
    Opened,
}

/// Where a name may come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameQuery {
    /// The cache, or the file system where that is safe.
    Default,
    /// The cache.
    CacheOnly,
    /// As `Default`, and the cache also where asking the file system is not safe.
    AlwaysAllowCacheLookup,
}

impl NameFormat {
    const fn option(self) -> FLT_FILE_NAME_OPTIONS {
        match self {
            Self::Normalized => FLT_FILE_NAME_NORMALIZED,
            Self::Opened => FLT_FILE_NAME_OPENED,
        }
    }
}

impl NameQuery {
    const fn option(self) -> FLT_FILE_NAME_OPTIONS {
        match self {
            Self::Default => FLT_FILE_NAME_QUERY_DEFAULT,
            Self::CacheOnly => FLT_FILE_NAME_QUERY_CACHE_ONLY,
            Self::AlwaysAllowCacheLookup => FLT_FILE_NAME_QUERY_ALWAYS_ALLOW_CACHE_LOOKUP,
        }
    }
}

/// A name that the Filter Manager keeps until this is dropped.
pub struct FileNameInformation {
    information: NonNull<FLT_FILE_NAME_INFORMATION>,
}

impl FileNameInformation {
    /// The name of the file that an operation is about. May ask the file system.
    ///
    /// Maximum IRQL: `APC_LEVEL` ("`FltGetFileNameInformation` function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// `STATUS_FLT_INVALID_NAME_REQUEST` where asking is not safe, or what the file system answers.
    pub fn query(data: &CallbackData<'_>, format: NameFormat, query: NameQuery) -> Result<Self> {
        irql::assert_at_most(APC_LEVEL);
        let mut information = ptr::null_mut();
        // SAFETY: the callback data is valid, and the result goes to a variable of its type.
        let status = unsafe {
            FltGetFileNameInformation(data.as_raw(), format.option() | query.option(), &raw mut information)
        };
        NtStatus::from_raw(status).ok()?;
        NonNull::new(information).map(|information| Self { information }).ok_or(NtStatus::INTERNAL_ERROR)
    }

    /// The name of an open file. Asks the file system, if the Filter Manager does not know: the caller answers for that
    /// being safe.
    ///
    /// Maximum IRQL: `APC_LEVEL` ("`FltGetFileNameInformationUnsafe` function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// What the file system answers.
    pub fn of_file(
        instance: Instance<'_>,
        file: FileObject<'_>,
        format: NameFormat,
        query: NameQuery,
    ) -> Result<Self> {
        irql::assert_at_most(APC_LEVEL);
        Self::given(|information| {
            let options = format.option() | query.option();
            // SAFETY: instance and file live for the call, and the result goes to a variable of its type.
            unsafe { FltGetFileNameInformationUnsafe(file.as_raw(), instance.as_raw(), options, information) }
        })
    }

    /// The name that a rename or link is to give the file.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`FltGetDestinationFileNameInformation` function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// What the file system answers.
    pub fn of_destination(
        instance: Instance<'_>,
        file: FileObject<'_>,
        name: NewName<'_>,
        format: NameFormat,
    ) -> Result<Self> {
        irql::assert_at_most(PASSIVE_LEVEL);
        let length = u32::try_from(name.name.len()).map_err(|_| NtStatus::INVALID_PARAMETER)?;
        Self::given(|information| {
            // SAFETY: instance, file and name live for the call, and the result goes to a variable of its type. The root
            // is the caller's handle, or null, and the routine asks in the caller's context.
            unsafe {
                FltGetDestinationFileNameInformation(
                    instance.as_raw(),
                    file.as_raw(),
                    name.root,
                    name.name.as_ptr().cast_mut().cast(),
                    length,
                    format.option() | NameQuery::Default.option(),
                    information,
                )
            }
        })
    }

    fn given(ask: impl FnOnce(*mut PFLT_FILE_NAME_INFORMATION) -> NTSTATUS) -> Result<Self> {
        let mut information = ptr::null_mut();
        NtStatus::from_raw(ask(&raw mut information)).ok()?;
        NonNull::new(information).map(|information| Self { information }).ok_or(NtStatus::INTERNAL_ERROR)
    }

    /// The whole name, from the volume's device to the stream.
    #[must_use]
    pub fn name(&self) -> &[u16] {
        // SAFETY: the structure is valid and unchanged until it is released, by `drop`.
        let information = unsafe { self.information.as_ref() };
        // SAFETY: the Filter Manager filled in the string, which lives as long as the structure.
        unsafe { crate::unicode::units(&information.Name) }
    }
}

impl Drop for FileNameInformation {
    /// Maximum IRQL: `APC_LEVEL` ("`FltReleaseFileNameInformation` function (fltkernel.h)").
    fn drop(&mut self) {
        irql::assert_at_most(APC_LEVEL);
        // SAFETY: the reference came from `FltGetFileNameInformation` and is given back here alone.
        unsafe { FltReleaseFileNameInformation(self.information.as_ptr()) };
    }
}
