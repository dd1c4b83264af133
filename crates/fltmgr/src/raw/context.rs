//! Contexts: memory of the minifilter's own that the Filter Manager keeps at an object.

use wdk_sys::{PVOID, SIZE_T, ULONG, USHORT};

pub type PFLT_CONTEXT = PVOID;

pub type FLT_CONTEXT_TYPE = USHORT;
pub const FLT_VOLUME_CONTEXT: FLT_CONTEXT_TYPE = 0x0001;
pub const FLT_INSTANCE_CONTEXT: FLT_CONTEXT_TYPE = 0x0002;
pub const FLT_FILE_CONTEXT: FLT_CONTEXT_TYPE = 0x0004;
pub const FLT_STREAM_CONTEXT: FLT_CONTEXT_TYPE = 0x0008;
pub const FLT_STREAMHANDLE_CONTEXT: FLT_CONTEXT_TYPE = 0x0010;
pub const FLT_TRANSACTION_CONTEXT: FLT_CONTEXT_TYPE = 0x0020;
pub const FLT_SECTION_CONTEXT: FLT_CONTEXT_TYPE = 0x0040;
pub const FLT_CONTEXT_END: FLT_CONTEXT_TYPE = 0xFFFF;

pub type FLT_CONTEXT_REGISTRATION_FLAGS = USHORT;
pub const FLTFL_CONTEXT_REGISTRATION_NO_EXACT_SIZE_MATCH: FLT_CONTEXT_REGISTRATION_FLAGS = 0x0001;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_CONTEXT_REGISTRATION {
    pub ContextType: FLT_CONTEXT_TYPE,
    pub Flags: FLT_CONTEXT_REGISTRATION_FLAGS,
    pub ContextCleanupCallback: PFLT_CONTEXT_CLEANUP_CALLBACK,
    pub Size: SIZE_T,
    pub PoolTag: ULONG,
    pub ContextAllocateCallback: PFLT_CONTEXT_ALLOCATE_CALLBACK,
    pub ContextFreeCallback: PFLT_CONTEXT_FREE_CALLBACK,
    pub Reserved1: PVOID,
}

pub type PFLT_CONTEXT_CLEANUP_CALLBACK =
    Option<unsafe extern "C" fn(Context: PFLT_CONTEXT, ContextType: FLT_CONTEXT_TYPE)>;
pub type PFLT_CONTEXT_ALLOCATE_CALLBACK = Option<
    unsafe extern "C" fn(PoolType: POOL_TYPE_VALUE, Size: SIZE_T, ContextType: FLT_CONTEXT_TYPE) -> PVOID,
>;
pub type PFLT_CONTEXT_FREE_CALLBACK =
    Option<unsafe extern "C" fn(Pool: PVOID, ContextType: FLT_CONTEXT_TYPE)>;

/// `POOL_TYPE`, as the integer it is.
pub type POOL_TYPE_VALUE = i32;
pub const NON_PAGED_POOL_NX: POOL_TYPE_VALUE = 512;

pub type FLT_SET_CONTEXT_OPERATION = i32;
pub const FLT_SET_CONTEXT_REPLACE_IF_EXISTS: FLT_SET_CONTEXT_OPERATION = 0;
pub const FLT_SET_CONTEXT_KEEP_IF_EXISTS: FLT_SET_CONTEXT_OPERATION = 1;
