//! `FLT_CALLBACK_DATA` and what hangs on it.

use wdk_sys::{IO_STATUS_BLOCK, KPROCESSOR_MODE, LIST_ENTRY, PETHREAD, PFILE_OBJECT, PVOID, UCHAR, ULONG};

use super::{FLT_PARAMETERS, PFLT_INSTANCE, PFLT_TAG_DATA_BUFFER};

pub type FLT_CALLBACK_DATA_FLAGS = ULONG;
pub const FLTFL_CALLBACK_DATA_IRP_OPERATION: FLT_CALLBACK_DATA_FLAGS = 0x0000_0001;
pub const FLTFL_CALLBACK_DATA_FAST_IO_OPERATION: FLT_CALLBACK_DATA_FLAGS = 0x0000_0002;
pub const FLTFL_CALLBACK_DATA_FS_FILTER_OPERATION: FLT_CALLBACK_DATA_FLAGS = 0x0000_0004;
pub const FLTFL_CALLBACK_DATA_SYSTEM_BUFFER: FLT_CALLBACK_DATA_FLAGS = 0x0000_0008;
pub const FLTFL_CALLBACK_DATA_GENERATED_IO: FLT_CALLBACK_DATA_FLAGS = 0x0001_0000;
pub const FLTFL_CALLBACK_DATA_REISSUED_IO: FLT_CALLBACK_DATA_FLAGS = 0x0002_0000;
pub const FLTFL_CALLBACK_DATA_DRAINING_IO: FLT_CALLBACK_DATA_FLAGS = 0x0004_0000;
pub const FLTFL_CALLBACK_DATA_POST_OPERATION: FLT_CALLBACK_DATA_FLAGS = 0x0008_0000;
pub const FLTFL_CALLBACK_DATA_NEW_SYSTEM_BUFFER: FLT_CALLBACK_DATA_FLAGS = 0x0010_0000;
pub const FLTFL_CALLBACK_DATA_DIRTY: FLT_CALLBACK_DATA_FLAGS = 0x8000_0000;

/// One operation as a callback sees it.
#[repr(C)]
pub struct FLT_CALLBACK_DATA {
    pub Flags: FLT_CALLBACK_DATA_FLAGS,
    /// The thread that initiated the operation; may be NULL.
    pub Thread: PETHREAD,
    pub Iopb: PFLT_IO_PARAMETER_BLOCK,
    pub IoStatus: IO_STATUS_BLOCK,
    pub TagData: PFLT_TAG_DATA_BUFFER,
    pub Anonymous: FLT_CALLBACK_DATA_CONTEXT,
    pub RequestorMode: KPROCESSOR_MODE,
}
pub type PFLT_CALLBACK_DATA = *mut FLT_CALLBACK_DATA;

/// The unnamed union of [`FLT_CALLBACK_DATA`].
#[repr(C)]
#[derive(Clone, Copy)]
pub union FLT_CALLBACK_DATA_CONTEXT {
    pub Queue: FLT_CALLBACK_DATA_QUEUE,
    pub FilterContext: [PVOID; 4],
}

/// The unnamed structure in the union of [`FLT_CALLBACK_DATA`].
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_CALLBACK_DATA_QUEUE {
    pub QueueLinks: LIST_ENTRY,
    pub QueueContext: [PVOID; 2],
}

/// What the operation asks for.
#[repr(C)]
pub struct FLT_IO_PARAMETER_BLOCK {
    pub IrpFlags: ULONG,
    pub MajorFunction: UCHAR,
    pub MinorFunction: UCHAR,
    pub OperationFlags: UCHAR,
    pub Reserved: UCHAR,
    pub TargetFileObject: PFILE_OBJECT,
    pub TargetInstance: PFLT_INSTANCE,
    pub Parameters: FLT_PARAMETERS,
}
pub type PFLT_IO_PARAMETER_BLOCK = *mut FLT_IO_PARAMETER_BLOCK;

/// Where a write of `NtCopyFileChunk` takes its data from (Windows 11 22H2 and later).
#[repr(C)]
pub struct COPY_INFORMATION {
    /// Valid during the callback only.
    pub SourceFileObject: PFILE_OBJECT,
    pub SourceFileOffset: wdk_sys::LONGLONG,
}
pub type PCOPY_INFORMATION = *mut COPY_INFORMATION;
