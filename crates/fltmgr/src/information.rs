//! What the file system says of an open file, asked below the minifilter.

use core::mem::MaybeUninit;

use wdk_sys::{FILE_STANDARD_INFORMATION, ULONG};

use crate::irql::{self, PASSIVE_LEVEL};
use crate::raw::FltQueryInformationFile;
use crate::{FileObject, Instance, NtStatus, Result, structure_size};

/// `FileStandardInformation`
const STANDARD: ULONG = 5;

/// `FILE_STANDARD_INFORMATION`, as far as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandardInformation {
    /// In bytes.
    pub end_of_file: i64,
    /// How many names the file has.
    pub links: u32,
}

impl Instance<'_> {
    /// The sizes of an open file.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`FltQueryInformationFile` function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// What the file system answers: [`NtStatus::FILE_DELETED`] among others.
    pub fn standard_information(self, file: FileObject<'_>) -> Result<StandardInformation> {
        irql::assert_at_most(PASSIVE_LEVEL);
        let mut information = MaybeUninit::<FILE_STANDARD_INFORMATION>::zeroed();
        let mut length = 0;
        // SAFETY: instance and file are borrowed from a running callback, and the buffer is of the size stated.
        let status = unsafe {
            FltQueryInformationFile(
                self.as_raw(),
                file.as_raw(),
                information.as_mut_ptr().cast(),
                structure_size::<FILE_STANDARD_INFORMATION>(),
                STANDARD,
                &raw mut length,
            )
        };
        NtStatus::from_raw(status).ok()?;
        // SAFETY: the structure is integers, for which zero is valid, and the file system filled it in.
        let information = unsafe { information.assume_init() };
        Ok(StandardInformation {
            // SAFETY: every bit pattern is an integer.
            end_of_file: unsafe { information.EndOfFile.QuadPart },
            links: information.NumberOfLinks,
        })
    }
}
