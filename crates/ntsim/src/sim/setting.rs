//! What `NtSetInformationFile` can set.

/// A class of `NtSetInformationFile`. Renaming and linking have methods of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setting {
    /// `FileBasicInformation`: time stamps and attributes, all unchanged.
    Basic,
    /// `FileEndOfFileInformation`: the size in bytes.
    EndOfFile(u64),
    /// `FileAllocationInformation`: the space in bytes; less than the size truncates the file.
    Allocation(u64),
    /// `FileValidDataLengthInformation`: how many bytes count as written, at most the size.
    ValidDataLength(u64),
    /// `FilePositionInformation`: the file pointer of a synchronous handle.
    Position(u64),
    /// `FileDispositionInformation`: whether the file is deleted when its last handle goes.
    Disposition {
        /// `DeleteFile`
        delete: bool,
    },
    /// `FileDispositionInformationEx`.
    DispositionEx {
        /// `FILE_DISPOSITION_DELETE`
        delete: bool,
        /// `FILE_DISPOSITION_POSIX_SEMANTICS`: the name goes with this handle, even if others are open.
        posix: bool,
    },
}
