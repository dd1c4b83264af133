//! Flags of requests and file objects, under the headers' names.

/// `FLTFL_CALLBACK_DATA_*`
pub(crate) mod callback_data {
    pub(crate) const IRP_OPERATION: u32 = 0x0000_0001;
    pub(crate) const FAST_IO_OPERATION: u32 = 0x0000_0002;
    pub(crate) const FS_FILTER_OPERATION: u32 = 0x0000_0004;
    pub(crate) const GENERATED_IO: u32 = 0x0001_0000;
    pub(crate) const REISSUED_IO: u32 = 0x0002_0000;
    pub(crate) const POST_OPERATION: u32 = 0x0008_0000;
}

/// `IRP_*`
pub(crate) mod irp {
    pub(crate) const NOCACHE: u32 = 0x0001;
    pub(crate) const PAGING_IO: u32 = 0x0002;
    pub(crate) const SYNCHRONOUS_API: u32 = 0x0004;
    pub(crate) const BUFFERED_IO: u32 = 0x0010;
    pub(crate) const DEALLOCATE_BUFFER: u32 = 0x0020;
    /// The same bit as `SYNCHRONOUS_PAGING_IO`, of other requests: there is an output buffer.
    pub(crate) const INPUT_OPERATION: u32 = 0x0040;
    pub(crate) const SYNCHRONOUS_PAGING_IO: u32 = 0x0040;
    pub(crate) const CREATE_OPERATION: u32 = 0x0080;
    pub(crate) const READ_OPERATION: u32 = 0x0100;
    pub(crate) const WRITE_OPERATION: u32 = 0x0200;
    pub(crate) const CLOSE_OPERATION: u32 = 0x0400;
    pub(crate) const DEFER_IO_COMPLETION: u32 = 0x0800;
}

/// `SL_*`
pub(crate) mod stack_location {
    pub(crate) const WRITE_THROUGH: u8 = 0x04;
}

/// `FO_*`
pub(crate) mod file_object {
    pub(crate) const FILE_OPEN: u32 = 0x0000_0001;
    pub(crate) const SYNCHRONOUS_IO: u32 = 0x0000_0002;
    pub(crate) const NO_INTERMEDIATE_BUFFERING: u32 = 0x0000_0008;
    pub(crate) const WRITE_THROUGH: u32 = 0x0000_0010;
    pub(crate) const SEQUENTIAL_ONLY: u32 = 0x0000_0020;
    pub(crate) const CACHE_SUPPORTED: u32 = 0x0000_0040;
    pub(crate) const FILE_MODIFIED: u32 = 0x0000_1000;
    pub(crate) const CLEANUP_COMPLETE: u32 = 0x0000_4000;
    pub(crate) const DELETE_ON_CLOSE: u32 = 0x0001_0000;
    pub(crate) const HANDLE_CREATED: u32 = 0x0004_0000;
    pub(crate) const FILE_OPEN_CANCELLED: u32 = 0x0020_0000;
    pub(crate) const VOLUME_OPEN: u32 = 0x0040_0000;
}
