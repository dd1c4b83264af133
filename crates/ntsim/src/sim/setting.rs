//! What `NtSetInformationFile` can set.

/// What becomes of what has the name already that a file is to get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Replace {
    /// It stays, and the request fails with `STATUS_OBJECT_NAME_COLLISION`.
    #[default]
    Never,
    /// It goes (`ReplaceIfExists`), unless somebody has it open: `STATUS_ACCESS_DENIED`, as of a directory.
    IfClosed,
    /// It goes even if it is open, and lives on without that name (`FILE_RENAME_POSIX_SEMANTICS`).
    Posix,
}

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
