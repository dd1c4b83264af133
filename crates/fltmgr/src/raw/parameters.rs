//! `FLT_PARAMETERS`: one member for each kind of operation.
//!
//! The header aligns some 32-bit members as pointers (`POINTER_ALIGNMENT`); here the gap before them is a
//! field of its own. Members that a minifilter of this crate has not yet needed are reached through
//! [`FLT_PARAMETERS::Others`].

use wdk_sys::{
    BOOLEAN, HANDLE, LARGE_INTEGER, PFILE_OBJECT, PIO_SECURITY_CONTEXT, PMDL, PVOID, ULONG, USHORT,
};

/// `FILE_INFORMATION_CLASS`, as the integer it is.
pub type FILE_INFORMATION_CLASS_VALUE = ULONG;

#[repr(C)]
#[derive(Clone, Copy)]
pub union FLT_PARAMETERS {
    pub Create: FLT_PARAMETERS_CREATE,
    pub Read: FLT_PARAMETERS_READ,
    pub Write: FLT_PARAMETERS_WRITE,
    pub QueryFileInformation: FLT_PARAMETERS_QUERY_FILE_INFORMATION,
    pub SetFileInformation: FLT_PARAMETERS_SET_FILE_INFORMATION,
    pub FileSystemControl: FLT_PARAMETERS_FILE_SYSTEM_CONTROL,
    pub AcquireForSectionSynchronization: FLT_PARAMETERS_ACQUIRE_FOR_SECTION_SYNCHRONIZATION,
    pub PrepareMdlWrite: FLT_PARAMETERS_PREPARE_MDL_WRITE,
    pub Others: FLT_PARAMETERS_OTHERS,
}

/// `IRP_MJ_CREATE`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_PARAMETERS_CREATE {
    pub SecurityContext: PIO_SECURITY_CONTEXT,
    /// The disposition in the high 8 bits, the create options in the low 24.
    pub Options: ULONG,
    pub AlignFileAttributes: ULONG,
    pub FileAttributes: USHORT,
    pub ShareAccess: USHORT,
    pub AlignEaLength: ULONG,
    pub EaLength: ULONG,
    pub EaBuffer: PVOID,
    pub AllocationSize: LARGE_INTEGER,
}

/// `IRP_MJ_READ`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_PARAMETERS_READ {
    pub Length: ULONG,
    pub AlignKey: ULONG,
    pub Key: ULONG,
    pub ByteOffset: LARGE_INTEGER,
    pub ReadBuffer: PVOID,
    pub MdlAddress: PMDL,
}

/// `IRP_MJ_WRITE`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_PARAMETERS_WRITE {
    pub Length: ULONG,
    pub AlignKey: ULONG,
    pub Key: ULONG,
    pub ByteOffset: LARGE_INTEGER,
    /// May be an address of the caller's process: not to be touched.
    pub WriteBuffer: PVOID,
    pub MdlAddress: PMDL,
}

/// `IRP_MJ_QUERY_INFORMATION`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_PARAMETERS_QUERY_FILE_INFORMATION {
    pub Length: ULONG,
    pub AlignFileInformationClass: ULONG,
    pub FileInformationClass: FILE_INFORMATION_CLASS_VALUE,
    pub InfoBuffer: PVOID,
}

/// `IRP_MJ_SET_INFORMATION`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_PARAMETERS_SET_FILE_INFORMATION {
    pub Length: ULONG,
    pub AlignFileInformationClass: ULONG,
    pub FileInformationClass: FILE_INFORMATION_CLASS_VALUE,
    pub ParentOfTarget: PFILE_OBJECT,
    pub Anonymous: FLT_PARAMETERS_SET_FILE_INFORMATION_ARGUMENT,
    pub InfoBuffer: PVOID,
}

/// The unnamed union of [`FLT_PARAMETERS_SET_FILE_INFORMATION`].
#[repr(C)]
#[derive(Clone, Copy)]
pub union FLT_PARAMETERS_SET_FILE_INFORMATION_ARGUMENT {
    pub Rename: FLT_PARAMETERS_SET_FILE_INFORMATION_RENAME,
    pub ClusterCount: ULONG,
    pub DeleteHandle: HANDLE,
}

/// The unnamed structure in the union of [`FLT_PARAMETERS_SET_FILE_INFORMATION`].
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_PARAMETERS_SET_FILE_INFORMATION_RENAME {
    pub ReplaceIfExists: BOOLEAN,
    pub AdvanceOnly: BOOLEAN,
}

/// `IRP_MJ_FILE_SYSTEM_CONTROL`
#[repr(C)]
#[derive(Clone, Copy)]
pub union FLT_PARAMETERS_FILE_SYSTEM_CONTROL {
    pub Buffered: FLT_PARAMETERS_FILE_SYSTEM_CONTROL_BUFFERED,
}

/// `METHOD_BUFFERED`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_PARAMETERS_FILE_SYSTEM_CONTROL_BUFFERED {
    pub OutputBufferLength: ULONG,
    pub AlignInputBufferLength: ULONG,
    pub InputBufferLength: ULONG,
    pub AlignFsControlCode: ULONG,
    pub FsControlCode: ULONG,
    /// Not to be touched unless the code says `METHOD_BUFFERED`.
    pub SystemBuffer: PVOID,
}

/// `IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_PARAMETERS_ACQUIRE_FOR_SECTION_SYNCHRONIZATION {
    /// `FS_FILTER_SECTION_SYNC_TYPE`
    pub SyncType: ULONG,
    pub PageProtection: ULONG,
    pub OutputInformation: PVOID,
    pub Flags: ULONG,
    pub AllocationAttributes: ULONG,
}

/// `SyncTypeCreateSection`
pub const SYNC_TYPE_CREATE_SECTION: ULONG = 1;

/// `IRP_MJ_PREPARE_MDL_WRITE`
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_PARAMETERS_PREPARE_MDL_WRITE {
    pub FileOffset: LARGE_INTEGER,
    pub Length: ULONG,
    pub AlignKey: ULONG,
    pub Key: ULONG,
    pub MdlChain: *mut PMDL,
}

/// Any other operation.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_PARAMETERS_OTHERS {
    pub Argument1: PVOID,
    pub Argument2: PVOID,
    pub Argument3: PVOID,
    pub Argument4: PVOID,
    pub Argument5: PVOID,
    pub Argument6: LARGE_INTEGER,
}
