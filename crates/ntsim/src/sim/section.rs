//! Sections and views that a harness can ask for.

/// Page protection of a section, and of the views of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Protection {
    /// `PAGE_READONLY`
    ReadOnly = 0x02,
    /// `PAGE_READWRITE`
    ReadWrite = 0x04,
    /// `PAGE_WRITECOPY`: what is written stays the process's own.
    WriteCopy = 0x08,
    /// `PAGE_EXECUTE_READ`
    ExecuteRead = 0x20,
    /// `PAGE_EXECUTE_READWRITE`
    ExecuteReadWrite = 0x40,
}

impl Protection {
    /// Whether what is written through such a view changes the file.
    #[must_use]
    pub fn shares_writes(self) -> bool {
        matches!(self, Self::ReadWrite | Self::ExecuteReadWrite)
    }
}

/// `NtCreateSection` of a data file.
#[derive(Clone, Copy, Debug)]
pub struct SectionSpec {
    /// Page protection.
    pub protection: Protection,
    /// Size in bytes; the file's when absent, and a shorter file is extended to it.
    pub size: Option<u64>,
}

impl SectionSpec {
    /// A section of the whole file.
    #[must_use]
    pub fn new(protection: Protection) -> Self {
        Self { protection, size: None }
    }

    /// The same section of this size.
    #[must_use]
    pub fn size(self, size: u64) -> Self {
        Self { size: Some(size), ..self }
    }
}

/// A process's handle of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Section(pub(crate) u64);

/// A view of a section in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct View(pub(crate) u64);

/// A write whose data are put straight into the cache, as the SMB server's are.
#[derive(Clone, Copy, Debug)]
pub struct MdlWriteSpec {
    /// Byte offset.
    pub offset: u64,
    /// How many bytes.
    pub length: u32,
    /// Try `IRP_MJ_PREPARE_MDL_WRITE` and `IRP_MJ_MDL_WRITE_COMPLETE` first.
    pub fast_io: bool,
}

/// A read that gets the cache's own pages.
#[derive(Clone, Copy, Debug)]
pub struct MdlReadSpec {
    /// Byte offset.
    pub offset: u64,
    /// How many bytes.
    pub length: u32,
    /// Try `IRP_MJ_MDL_READ` and `IRP_MJ_MDL_READ_COMPLETE` first.
    pub fast_io: bool,
}
