//! What a thread can do with a handle, beyond reading and writing.

/// See the module.
#[derive(Clone, Debug)]
pub(crate) enum HandleAction {
    /// `FileRenameInformation`, to a path.
    Rename(String),
    /// `FileLinkInformation`, to a path.
    Link(String),
    /// `FileEndOfFileInformation`, in bytes.
    EndOfFile(u64),
    /// `FileAllocationInformation`, in bytes.
    Allocation(u64),
    /// `FileValidDataLengthInformation`, in bytes.
    ValidData(u64),
    /// `FileBasicInformation`
    Basic,
    /// `FileDispositionInformationEx`, or without POSIX semantics the one without Ex.
    Delete { posix: bool },
    /// `FileDispositionInformation`, which takes it back.
    Undelete,
    /// `FSCTL_SET_ZERO_DATA`
    Zero { offset: u64, length: u64 },
    /// `NtFlushBuffersFile`
    Flush,
    /// `NtQueryInformationFile`
    Query,
    /// `NtQueryDirectoryFile`
    QueryDirectory,
    /// `NtLockFile`
    Lock { offset: u64, length: u64 },
    /// `NtUnlockFile`
    Unlock { offset: u64, length: u64 },
    /// `FSCTL_DISMOUNT_VOLUME`, by a handle of the volume.
    Dismount,
    /// `NtFsControlFile` with some other code.
    Control(u32),
}

/// From one file to another, by its clusters: a block clone.
#[derive(Clone, Debug)]
pub(crate) struct BlockClone {
    pub(crate) thread: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) from_offset: u64,
    pub(crate) to_offset: u64,
    pub(crate) length: u64,
    /// `FSCTL_DUPLICATE_EXTENTS_TO_FILE_EX`
    pub(crate) extended: bool,
}

/// `FSCTL_OFFLOAD_READ`, which gives a token.
#[derive(Clone, Debug)]
pub(crate) struct OffloadRead {
    pub(crate) token: String,
    pub(crate) thread: String,
    pub(crate) handle: String,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// `FSCTL_OFFLOAD_WRITE` of what a token stands for.
#[derive(Clone, Debug)]
pub(crate) struct OffloadWrite {
    pub(crate) token: String,
    pub(crate) thread: String,
    pub(crate) handle: String,
    pub(crate) token_offset: u64,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// A handle that a process gets of what another has open.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    /// The thread that calls `DuplicateHandle`; none if the handle is inherited.
    pub(crate) thread: Option<String>,
    pub(crate) from: String,
    pub(crate) handle: String,
    pub(crate) process: String,
}
