//! Input and output of file system controls, which the layout table does not cover: after their reference pages.

use super::Ptr;

/// Bytes of a `STORAGE_OFFLOAD_TOKEN` (ntifs, `FSCTL_OFFLOAD_READ_OUTPUT`: "Token").
pub(crate) const OFFLOAD_TOKEN_BYTES: usize = 512;

/// `FILE_ZERO_DATA_INFORMATION` (winioctl).
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ZeroDataInformation {
    pub(crate) file_offset: i64,
    pub(crate) beyond_final_zero: i64,
}

/// `DUPLICATE_EXTENTS_DATA` (ntifs).
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct DuplicateExtentsData {
    pub(crate) file_handle: Ptr,
    pub(crate) source_file_offset: i64,
    pub(crate) target_file_offset: i64,
    pub(crate) byte_count: i64,
}

/// `DUPLICATE_EXTENTS_DATA_EX` (ntifs).
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct DuplicateExtentsDataEx {
    pub(crate) size: usize,
    pub(crate) file_handle: Ptr,
    pub(crate) source_file_offset: i64,
    pub(crate) target_file_offset: i64,
    pub(crate) byte_count: i64,
    pub(crate) flags: u32,
    pub(crate) alignment: u32,
}

/// `FSCTL_OFFLOAD_READ_INPUT` (ntifs).
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct OffloadReadInput {
    pub(crate) size: u32,
    pub(crate) flags: u32,
    pub(crate) token_time_to_live: u32,
    pub(crate) reserved: u32,
    pub(crate) file_offset: u64,
    pub(crate) copy_length: u64,
}

/// `FSCTL_OFFLOAD_READ_OUTPUT` (ntifs).
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct OffloadReadOutput {
    pub(crate) size: u32,
    pub(crate) flags: u32,
    pub(crate) transfer_length: u64,
    pub(crate) token: [u8; OFFLOAD_TOKEN_BYTES],
}

/// `FSCTL_OFFLOAD_WRITE_INPUT` (ntifs).
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct OffloadWriteInput {
    pub(crate) size: u32,
    pub(crate) flags: u32,
    pub(crate) file_offset: u64,
    pub(crate) copy_length: u64,
    pub(crate) transfer_offset: u64,
    pub(crate) token: [u8; OFFLOAD_TOKEN_BYTES],
}

/// `FSCTL_OFFLOAD_WRITE_OUTPUT` (ntifs).
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct OffloadWriteOutput {
    pub(crate) size: u32,
    pub(crate) flags: u32,
    pub(crate) length_written: u64,
}

const _: () = {
    assert!(size_of::<ZeroDataInformation>() == 16);
    assert!(size_of::<DuplicateExtentsData>() == 32);
    assert!(size_of::<DuplicateExtentsDataEx>() == 48);
    assert!(size_of::<OffloadReadInput>() == 32);
    assert!(size_of::<OffloadReadOutput>() == 528);
    assert!(size_of::<OffloadWriteInput>() == 544);
    assert!(size_of::<OffloadWriteOutput>() == 16);
};
