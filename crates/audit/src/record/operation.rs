//! What can be done to a file: one table of codes, names, and what the fields of the event say.

use super::code::wire_codes;

/// A row of the table: what an operation is called, and what its event's fields mean. `–` is for what it has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperationRow {
    /// The operation.
    pub operation: Operation,
    /// Its code on the wire.
    pub code: u8,
    /// Its name in print.
    pub name: &'static str,
    /// What Windows calls it.
    pub what: &'static str,
    /// What the field `offset` says.
    pub offset: &'static str,
    /// What the field `length` says.
    pub length: &'static str,
    /// What the detail says.
    pub detail: &'static str,
    /// What the source says.
    pub source: &'static str,
}

macro_rules! operations {
    ($($variant:ident = $code:literal $name:literal: $what:literal,
        $offset:literal, $length:literal, $detail:literal, $source:literal;)+) => {
        /// What was done to the file.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation {
            $(#[doc = $what] $variant,)+
        }

        wire_codes!(Operation { $($variant = $code $name),+ });

        impl Operation {
            /// All operations, by code, and what the fields of their events say. `docs/record-format.md` has the same
            /// table.
            pub const TABLE: &'static [OperationRow] = &[$(OperationRow {
                operation: Self::$variant,
                code: $code,
                name: $name,
                what: $what,
                offset: $offset,
                length: $length,
                detail: $detail,
                source: $source,
            },)+];
        }
    };
}

operations! {
    Write = 1 "write": "`IRP_MJ_WRITE`, or its fast I/O", "where the data begin", "bytes", "–", "of a copy";
    MappedWrite = 2 "mapped-write": "a paging write of what was changed through a view", "where the data begin", "bytes", "–", "–";
    Clone = 3 "clone": "`FSCTL_DUPLICATE_EXTENTS_TO_FILE`, `…_EX`", "where the data begin", "bytes", "–", "yes";
    OffloadWrite = 4 "offload-write": "`FSCTL_OFFLOAD_WRITE`", "where the data begin", "bytes written", "–", "yes";
    Zero = 5 "zero": "`FSCTL_SET_ZERO_DATA`", "the first byte that reads as zero", "bytes", "–", "–";
    SetEndOfFile = 6 "set-end-of-file": "`FileEndOfFileInformation`", "the new end of the file", "0", "the end before", "–";
    SetAllocation = 7 "set-allocation": "`FileAllocationInformation`", "the new allocation size", "0", "the end of the file before: if that is beyond, the file was cut", "–";
    SetValidData = 8 "set-valid-data": "`FileValidDataLengthInformation`", "the new end of the valid data", "0", "–", "–";
    Create = 9 "create": "a create that made the file (`FILE_CREATED`)", "0", "0", "–", "–";
    Overwrite = 10 "overwrite": "a create that emptied the file (`FILE_OVERWRITTEN`)", "0", "0", "–", "–";
    Supersede = 11 "supersede": "a create that replaced the file (`FILE_SUPERSEDED`)", "0", "0", "–", "–";
    Rename = 12 "rename": "`FileRenameInformation`, `…Ex`", "0", "0", "file key of the new name; 0 not known", "–";
    Link = 13 "link": "`FileLinkInformation`, `…Ex`", "0", "0", "file key of the new name; 0 not known", "–";
    DeletePending = 14 "delete-pending": "`FileDispositionInformation`, `…Ex`, or an open with `FILE_DELETE_ON_CLOSE`: the file goes with a handle", "0", "0", "–", "–";
    DeleteCancelled = 15 "delete-cancelled": "the same, taken back", "0", "0", "–", "–";
    Delete = 16 "delete": "the cleanup after which the file had no name any more; the originator is who had it deleted, the executor whose cleanup it was", "0", "0", "–", "–";
    Commit = 17 "commit": "a transaction that the file was opened in was committed", "0", "0", "when the file was first opened in it", "–";
    RollBack = 18 "roll-back": "it was rolled back: what was recorded of the file since then by way of it never came to be", "0", "0", "when the file was first opened in it", "–";
}
