//! `NTSTATUS` as a type of its own.

use core::fmt;

use wdk_sys::NTSTATUS;

/// An `NTSTATUS`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct NtStatus(NTSTATUS);

/// The outcome of a routine that returns an `NTSTATUS`; the error is one that `NT_SUCCESS` denies.
pub type Result<T> = core::result::Result<T, NtStatus>;

impl NtStatus {
    /// `STATUS_SUCCESS`
    pub const SUCCESS: Self = Self(0);
    /// `STATUS_TIMEOUT`: a success code, which is what `FltSendMessage` returns when nobody took the message
    /// in time.
    pub const TIMEOUT: Self = Self(0x0000_0102);
    /// `STATUS_REPARSE`: a success code of creates that did not open a file.
    pub const REPARSE: Self = Self(0x0000_0104);
    /// `STATUS_NOT_SUPPORTED`
    pub const NOT_SUPPORTED: Self = Self::from_code(0xC000_00BB);
    /// `STATUS_NOT_FOUND`
    pub const NOT_FOUND: Self = Self::from_code(0xC000_0225);
    /// `STATUS_OBJECT_NAME_NOT_FOUND`
    pub const OBJECT_NAME_NOT_FOUND: Self = Self::from_code(0xC000_0034);
    /// `STATUS_BUFFER_OVERFLOW`: a warning
    pub const BUFFER_OVERFLOW: Self = Self::from_code(0x8000_0005);
    /// `STATUS_BUFFER_TOO_SMALL`
    pub const BUFFER_TOO_SMALL: Self = Self::from_code(0xC000_0023);
    /// `STATUS_INSUFFICIENT_RESOURCES`
    pub const INSUFFICIENT_RESOURCES: Self = Self::from_code(0xC000_009A);
    /// `STATUS_INVALID_PARAMETER`
    pub const INVALID_PARAMETER: Self = Self::from_code(0xC000_000D);
    /// `STATUS_PORT_DISCONNECTED`
    pub const PORT_DISCONNECTED: Self = Self::from_code(0xC000_0037);
    /// `STATUS_CONNECTION_COUNT_LIMIT`
    pub const CONNECTION_COUNT_LIMIT: Self = Self::from_code(0xC000_0246);
    /// `STATUS_DEVICE_NOT_READY`
    pub const DEVICE_NOT_READY: Self = Self::from_code(0xC000_00A3);
    /// `STATUS_FILE_DELETED`: the file has no name any more.
    pub const FILE_DELETED: Self = Self::from_code(0xC000_0123);
    /// `STATUS_INTERNAL_ERROR`
    pub const INTERNAL_ERROR: Self = Self::from_code(0xC000_00E5);
    /// `STATUS_FLT_DISALLOW_FAST_IO`: the file system refused the fast I/O, which comes again as an IRP.
    pub const FLT_DISALLOW_FAST_IO: Self = Self(crate::raw::STATUS_FLT_DISALLOW_FAST_IO);
    /// `STATUS_FLT_DO_NOT_ATTACH`
    pub const FLT_DO_NOT_ATTACH: Self = Self(crate::raw::STATUS_FLT_DO_NOT_ATTACH);
    /// `STATUS_FLT_CONTEXT_ALREADY_DEFINED`
    pub const FLT_CONTEXT_ALREADY_DEFINED: Self = Self(crate::raw::STATUS_FLT_CONTEXT_ALREADY_DEFINED);

    /// The status that the headers write as this unsigned number.
    #[must_use]
    #[expect(clippy::cast_possible_wrap, reason = "the headers write status codes as unsigned numbers")]
    pub const fn from_code(code: u32) -> Self {
        Self(code as NTSTATUS)
    }

    /// The status a routine returned.
    #[must_use]
    pub const fn from_raw(status: NTSTATUS) -> Self {
        Self(status)
    }

    /// The status as callbacks return it.
    #[must_use]
    pub const fn as_raw(self) -> NTSTATUS {
        self.0
    }

    /// `NT_SUCCESS`: success and informational codes.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 >= 0
    }

    /// Success codes as `Ok`, warnings and errors as `Err`.
    ///
    /// # Errors
    ///
    /// The status itself, when `NT_SUCCESS` denies it.
    pub const fn ok(self) -> Result<Self> {
        if self.is_success() { Ok(self) } else { Err(self) }
    }
}

impl fmt::Debug for NtStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "NTSTATUS {:#010X}", self.0)
    }
}
