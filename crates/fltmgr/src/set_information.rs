//! The parameters of `IRP_MJ_SET_INFORMATION`.

use core::slice;

use crate::raw::FLT_PARAMETERS_SET_FILE_INFORMATION;

/// Where the name is in `FILE_RENAME_INFORMATION` and `FILE_LINK_INFORMATION`, which are laid out alike.
const ROOT_DIRECTORY: usize = 8;
const NAME_LENGTH: usize = 16;
const NAME: usize = 20;

/// The parameters of `IRP_MJ_SET_INFORMATION`. The buffer is the I/O manager's copy, or that of whoever sent the operation
/// in the kernel ("`IRP_MJ_SET_INFORMATION` (IFS)": `AssociatedIrp.SystemBuffer`).
#[derive(Clone, Copy)]
pub struct SetInformationParameters<'a> {
    pub(crate) parameters: &'a FLT_PARAMETERS_SET_FILE_INFORMATION,
}

/// Where a file is to be called what.
#[derive(Clone, Copy)]
pub struct NewName<'a> {
    /// `RootDirectory`: a handle, or null.
    pub(crate) root: wdk_sys::HANDLE,
    /// `FileName`
    pub(crate) name: &'a [u8],
}

impl<'a> SetInformationParameters<'a> {
    /// `FILE_INFORMATION_CLASS`
    #[inline]
    #[must_use]
    pub fn class(self) -> u32 {
        self.parameters.FileInformationClass
    }

    /// Whether the cache manager moves the end of the valid data on, of which users know nothing: `AdvanceOnly`.
    #[must_use]
    pub fn is_advance_only(self) -> bool {
        // SAFETY: every bit pattern is an integer.
        unsafe { self.parameters.Anonymous.Rename }.AdvanceOnly != 0
    }

    /// The buffer.
    fn buffer(self) -> &'a [u8] {
        let buffer = self.parameters.InfoBuffer.cast::<u8>();
        if buffer.is_null() {
            return &[];
        }
        // SAFETY: the buffer is in kernel memory, of the length stated, and stays for the operation.
        unsafe { slice::from_raw_parts(buffer, self.parameters.Length as usize) }
    }

    /// The number that the buffer begins with; `None` if that is shorter.
    ///
    /// Maximum IRQL: `APC_LEVEL`, for the buffer may be pageable.
    #[must_use]
    pub fn number(self) -> Option<i64> {
        self.buffer().first_chunk().map(|bytes| i64::from_le_bytes(*bytes))
    }

    /// The flags that the buffer begins with, or the byte where there is no more.
    ///
    /// Maximum IRQL: as for [`number`](Self::number).
    #[must_use]
    pub fn flags(self) -> Option<u32> {
        let buffer = self.buffer();
        match (buffer.first_chunk(), buffer.first()) {
            (Some(flags), _) => Some(u32::from_le_bytes(*flags)),
            (None, Some(byte)) => Some(u32::from(*byte)),
            (None, None) => None,
        }
    }

    /// What the buffer of a rename or link says; `None` if it is cut off.
    ///
    /// Maximum IRQL: as for [`number`](Self::number).
    #[must_use]
    pub fn new_name(self) -> Option<NewName<'a>> {
        let buffer = self.buffer();
        let root = buffer.get(ROOT_DIRECTORY..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))?;
        let length = buffer.get(NAME_LENGTH..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))?;
        let name = buffer.get(NAME..)?.get(..length as usize)?;
        Some(NewName { root: root as wdk_sys::HANDLE, name })
    }
}
