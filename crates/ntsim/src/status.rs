//! `NTSTATUS`, and the values that ntsim returns.

use std::fmt;

/// An `NTSTATUS` value.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct NtStatus(pub u32);

/// Severity bits of a status: error.
const SEVERITY_ERROR: u32 = 3;

macro_rules! statuses {
    ($($name:ident = $value:literal),* $(,)?) => {
        impl NtStatus {
            $(#[doc = concat!("`STATUS_", stringify!($name), "`")] pub const $name: Self = Self($value);)*

            /// The header's name of the value without `STATUS_`, if ntsim knows it.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

statuses! {
    SUCCESS = 0x0000_0000,
    TIMEOUT = 0x0000_0102,
    SOME_NOT_MAPPED = 0x0000_0107,
    PENDING = 0x0000_0103,
    OBJECTID_NOT_FOUND = 0xC000_02F0,
    NOT_A_REPARSE_POINT = 0xC000_0275,
    INVALID_PARAMETER_4 = 0xC000_00F2,
    FLT_ALREADY_ENLISTED = 0xC01C_001B,
    NO_MORE_ENTRIES = 0x8000_001A,
    NO_MORE_FILES = 0x8000_0006,
    NOT_LOCKED = 0xC000_002A,
    NO_TOKEN = 0xC000_007C,
    OBJECT_NAME_EXISTS = 0x4000_0000,
    FILE_DELETED = 0xC000_0123,
    EAS_NOT_SUPPORTED = 0xC000_004F,
    NO_EAS_ON_FILE = 0xC000_0052,
    REPARSE = 0x0000_0104,
    FLT_DISALLOW_FAST_IO = 0xC01C_0004,
    BUFFER_OVERFLOW = 0x8000_0005,
    UNWIND = 0xC000_0027,
    BAD_STACK = 0xC000_0028,
    INTEGER_DIVIDE_BY_ZERO = 0xC000_0094,
    DATATYPE_MISALIGNMENT = 0x8000_0002,
    UNSUCCESSFUL = 0xC000_0001,
    NOT_IMPLEMENTED = 0xC000_0002,
    INVALID_INFO_CLASS = 0xC000_0003,
    INFO_LENGTH_MISMATCH = 0xC000_0004,
    ACCESS_VIOLATION = 0xC000_0005,
    INVALID_HANDLE = 0xC000_0008,
    INVALID_CID = 0xC000_000B,
    INVALID_PARAMETER = 0xC000_000D,
    NO_SUCH_DEVICE = 0xC000_000E,
    INVALID_PARAMETER_8 = 0xC000_00F6,
    INVALID_PARAMETER_9 = 0xC000_00F7,
    NO_SUCH_FILE = 0xC000_000F,
    INVALID_DEVICE_REQUEST = 0xC000_0010,
    END_OF_FILE = 0xC000_0011,
    NOT_SAME_DEVICE = 0xC000_00D4,
    NO_MEMORY = 0xC000_0017,
    ACCESS_DENIED = 0xC000_0022,
    BUFFER_TOO_SMALL = 0xC000_0023,
    OBJECT_TYPE_MISMATCH = 0xC000_0024,
    OBJECT_NAME_INVALID = 0xC000_0033,
    OBJECT_NAME_NOT_FOUND = 0xC000_0034,
    OBJECT_NAME_COLLISION = 0xC000_0035,
    PORT_DISCONNECTED = 0xC000_0037,
    OBJECT_PATH_NOT_FOUND = 0xC000_003A,
    OBJECT_PATH_SYNTAX_BAD = 0xC000_003B,
    DELETE_PENDING = 0xC000_0056,
    NOT_MAPPED_VIEW = 0xC000_0019,
    INVALID_FILE_FOR_SECTION = 0xC000_0020,
    SECTION_TOO_BIG = 0xC000_0040,
    MAPPED_FILE_SIZE_ZERO = 0xC000_011E,
    USER_MAPPED_FILE = 0xC000_0243,
    TRANSACTION_NOT_ACTIVE = 0xC019_0003,
    TRANSACTIONS_UNSUPPORTED_REMOTE = 0xC019_000A,
    HANDLE_NO_LONGER_VALID = 0xC019_0028,
    UNKNOWN_REVISION = 0xC000_0058,
    REVISION_MISMATCH = 0xC000_0059,
    INVALID_ACL = 0xC000_0077,
    INVALID_SID = 0xC000_0078,
    INVALID_SECURITY_DESCR = 0xC000_0079,
    ALLOTTED_SPACE_EXCEEDED = 0xC000_0099,
    BAD_DESCRIPTOR_FORMAT = 0xC000_00E7,
    KEY_DELETED = 0xC000_017C,
    INVALID_TOKEN = 0xC000_0465,
    VOLUME_DISMOUNTED = 0xC000_026E,
    CANNOT_DELETE = 0xC000_0121,
    SHARING_VIOLATION = 0xC000_0043,
    FILE_LOCK_CONFLICT = 0xC000_0054,
    LOCK_NOT_GRANTED = 0xC000_0055,
    RANGE_NOT_LOCKED = 0xC000_007E,
    INVALID_LOCK_RANGE = 0xC000_01A1,
    PROCEDURE_NOT_FOUND = 0xC000_007A,
    DISK_FULL = 0xC000_007F,
    INSUFFICIENT_RESOURCES = 0xC000_009A,
    FILE_IS_A_DIRECTORY = 0xC000_00BA,
    NOT_SUPPORTED = 0xC000_00BB,
    PROCESS_IS_TERMINATING = 0xC000_010A,
    CANCELLED = 0xC000_0120,
    CONNECTION_REFUSED = 0xC000_0236,
    CONNECTION_COUNT_LIMIT = 0xC000_0246,
    NOT_FOUND = 0xC000_0225,
    INVALID_BUFFER_SIZE = 0xC000_0206,
    FLT_NO_HANDLER_DEFINED = 0xC01C_0001,
    FLT_CONTEXT_ALREADY_DEFINED = 0xC01C_0002,
    FLT_INVALID_ASYNCHRONOUS_REQUEST = 0xC01C_0003,
    FLT_INVALID_NAME_REQUEST = 0xC01C_0005,
    FLT_NOT_SAFE_TO_POST_OPERATION = 0xC01C_0006,
    FLT_NOT_INITIALIZED = 0xC01C_0007,
    FLT_FILTER_NOT_READY = 0xC01C_0008,
    FLT_POST_OPERATION_CLEANUP = 0xC01C_0009,
    FLT_INTERNAL_ERROR = 0xC01C_000A,
    FLT_DELETING_OBJECT = 0xC01C_000B,
    FLT_MUST_BE_NONPAGED_POOL = 0xC01C_000C,
    FLT_DUPLICATE_ENTRY = 0xC01C_000D,
    FLT_CBDQ_DISABLED = 0xC01C_000E,
    FLT_DO_NOT_ATTACH = 0xC01C_000F,
    FLT_DO_NOT_DETACH = 0xC01C_0010,
    FLT_INSTANCE_ALTITUDE_COLLISION = 0xC01C_0011,
    FLT_INSTANCE_NAME_COLLISION = 0xC01C_0012,
    FLT_FILTER_NOT_FOUND = 0xC01C_0013,
    FLT_VOLUME_NOT_FOUND = 0xC01C_0014,
    FLT_INSTANCE_NOT_FOUND = 0xC01C_0015,
    FLT_CONTEXT_ALLOCATION_NOT_FOUND = 0xC01C_0016,
    FLT_INVALID_CONTEXT_REGISTRATION = 0xC01C_0017,
    FLT_NAME_CACHE_MISS = 0xC01C_0018,
    FLT_NO_DEVICE_OBJECT = 0xC01C_0019,
    FLT_CONTEXT_ALREADY_LINKED = 0xC01C_001C,
    FLT_NO_WAITER_FOR_REPLY = 0xC01C_0020,
    FLT_REGISTRATION_BUSY = 0xC01C_0023,
}

impl NtStatus {
    /// `NT_SUCCESS`: neither a warning nor an error.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 < 0x8000_0000
    }

    /// `NT_ERROR`.
    #[must_use]
    pub const fn is_error(self) -> bool {
        self.0 >> 30 == SEVERITY_ERROR
    }

    /// `Ok` for a success or informational status.
    ///
    /// # Errors
    ///
    /// The status itself when it is a warning or an error.
    pub const fn ok(self) -> Result<(), Self> {
        if self.is_success() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "STATUS_{name} (0x{:08X})", self.0),
            None => write!(f, "status 0x{:08X}", self.0),
        }
    }
}

impl fmt::Debug for NtStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for NtStatus {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_a_success_and_a_refused_fast_io_an_error() {
        assert!(NtStatus::TIMEOUT.is_success());
        assert!(NtStatus::FLT_DISALLOW_FAST_IO.is_error());
        assert_eq!(NtStatus::BUFFER_OVERFLOW.ok(), Err(NtStatus::BUFFER_OVERFLOW));
    }

    #[test]
    fn a_status_shows_its_name() {
        assert_eq!(NtStatus::ACCESS_DENIED.to_string(), "STATUS_ACCESS_DENIED (0xC0000022)");
        assert_eq!(NtStatus(0xC0AB_0001).to_string(), "status 0xC0AB0001");
    }
}
