//! `FLT_REGISTRATION`: all that a minifilter tells the Filter Manager about itself.

use wdk_sys::{NTSTATUS, PVOID, ULONG, USHORT};

use super::{
    FLT_CONTEXT_REGISTRATION, FLT_OPERATION_REGISTRATION, PFLT_INSTANCE_QUERY_TEARDOWN_CALLBACK,
    PFLT_INSTANCE_SETUP_CALLBACK, PFLT_INSTANCE_TEARDOWN_CALLBACK,
};

/// The version since Windows 8, with the section notification callback.
pub const FLT_REGISTRATION_VERSION: USHORT = 0x0203;

pub type FLT_REGISTRATION_FLAGS = ULONG;
pub const FLTFL_REGISTRATION_DO_NOT_SUPPORT_SERVICE_STOP: FLT_REGISTRATION_FLAGS = 0x1;
pub const FLTFL_REGISTRATION_SUPPORT_NPFS_MSFS: FLT_REGISTRATION_FLAGS = 0x2;
pub const FLTFL_REGISTRATION_SUPPORT_DAX_VOLUME: FLT_REGISTRATION_FLAGS = 0x4;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct FLT_REGISTRATION {
    pub Size: USHORT,
    pub Version: USHORT,
    pub Flags: FLT_REGISTRATION_FLAGS,
    pub ContextRegistration: *const FLT_CONTEXT_REGISTRATION,
    pub OperationRegistration: *const FLT_OPERATION_REGISTRATION,
    pub FilterUnloadCallback: PFLT_FILTER_UNLOAD_CALLBACK,
    pub InstanceSetupCallback: PFLT_INSTANCE_SETUP_CALLBACK,
    pub InstanceQueryTeardownCallback: PFLT_INSTANCE_QUERY_TEARDOWN_CALLBACK,
    pub InstanceTeardownStartCallback: PFLT_INSTANCE_TEARDOWN_CALLBACK,
    pub InstanceTeardownCompleteCallback: PFLT_INSTANCE_TEARDOWN_CALLBACK,
    /// `PFLT_GENERATE_FILE_NAME`; no type yet.
    pub GenerateFileNameCallback: PVOID,
    /// `PFLT_NORMALIZE_NAME_COMPONENT`; no type yet.
    pub NormalizeNameComponentCallback: PVOID,
    /// `PFLT_NORMALIZE_CONTEXT_CLEANUP`; no type yet.
    pub NormalizeContextCleanupCallback: PVOID,
    /// `PFLT_TRANSACTION_NOTIFICATION_CALLBACK`; no type yet.
    pub TransactionNotificationCallback: PVOID,
    /// `PFLT_NORMALIZE_NAME_COMPONENT_EX`; no type yet.
    pub NormalizeNameComponentExCallback: PVOID,
    /// `PFLT_SECTION_CONFLICT_NOTIFICATION_CALLBACK`; no type yet.
    pub SectionNotificationCallback: PVOID,
}

pub type FLT_FILTER_UNLOAD_FLAGS = ULONG;
pub const FLTFL_FILTER_UNLOAD_MANDATORY: FLT_FILTER_UNLOAD_FLAGS = 0x1;

pub type PFLT_FILTER_UNLOAD_CALLBACK =
    Option<unsafe extern "C" fn(Flags: FLT_FILTER_UNLOAD_FLAGS) -> NTSTATUS>;
