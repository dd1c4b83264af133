//! Sections, views and the cache.

/// `PAGE_*` protection of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    ReadOnly,
    ReadWrite,
    WriteCopy,
    ExecuteRead,
    ExecuteReadWrite,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) enum Memory {
    /// `NtCreateSection`
    Section { name: String, thread: String, handle: String, protection: Protection, size: Option<u64> },
    /// `DuplicateHandle` of a section.
    Share { name: String, thread: String, from: String, process: String },
    /// `NtMapViewOfSection`
    Map { view: String, thread: String, section: String },
    /// The thread writes to memory of a view.
    Dirty { view: String, thread: String, offset: u64, length: u64 },
    /// `FlushViewOfFile`
    FlushView { view: String, thread: String, offset: u64, length: u64 },
    /// `NtUnmapViewOfSection`
    Unmap { view: String, thread: String },
    /// `NtClose`
    Close { section: String, thread: String },
    /// The lazy writer writes what is dirty in the cache.
    LazyWrite,
    /// The modified page writer writes what is dirty in views.
    ModifiedWrite,
    /// `CcPrepareMdlWrite` and its completion.
    MdlWrite { thread: String, handle: String, offset: u64, length: u32, fast_io: bool },
}
