//! File system controls that a harness can ask for.

use super::Handle;

/// `FSCTL_DUPLICATE_EXTENTS_TO_FILE` or its `_EX` form: a block clone.
#[derive(Clone, Copy, Debug)]
pub struct CloneSpec {
    /// Handle of the file to clone from, on the same volume.
    pub source: Handle,
    /// Byte offset in the source.
    pub source_offset: u64,
    /// Byte offset in the target, which must be long enough.
    pub target_offset: u64,
    /// How many bytes.
    pub length: u64,
    /// `FSCTL_DUPLICATE_EXTENTS_TO_FILE_EX`.
    pub extended: bool,
}

/// What `FSCTL_OFFLOAD_READ` gave: it stands for data as they were then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffloadToken {
    pub(crate) id: u64,
    /// How many bytes it stands for (`TransferLength`).
    pub length: u64,
}

/// `FSCTL_OFFLOAD_WRITE`.
#[derive(Clone, Copy, Debug)]
pub struct OffloadWriteSpec {
    /// The data.
    pub token: OffloadToken,
    /// Byte offset in what the token stands for.
    pub token_offset: u64,
    /// Byte offset in the file.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}
