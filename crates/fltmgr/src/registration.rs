//! What a minifilter tells the Filter Manager about itself.

use core::ptr;

use wdk_sys::NTSTATUS;

use crate::raw::{
    DEVICE_TYPE, FLT_FILESYSTEM_TYPE, FLT_FILTER_UNLOAD_FLAGS, FLT_INSTANCE_QUERY_TEARDOWN_FLAGS,
    FLT_INSTANCE_SETUP_FLAGS, FLT_REGISTRATION, FLT_REGISTRATION_FLAGS, FLT_REGISTRATION_VERSION,
    FLTFL_FILTER_UNLOAD_MANDATORY, PCFLT_RELATED_OBJECTS,
};
use crate::{ContextRegistration, NtStatus, OperationRegistration, RelatedObjects, Result};

#[expect(clippy::cast_possible_truncation, reason = "112, says the layout table")]
const REGISTRATION_SIZE: u16 = size_of::<FLT_REGISTRATION>() as u16;

/// A minifilter's own callbacks.
pub trait Minifilter {
    /// The minifilter is about to be attached to a volume.
    ///
    /// IRQL: `PASSIVE_LEVEL` ("`PFLT_INSTANCE_SETUP_CALLBACK` callback function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// Any error keeps the minifilter off the volume; [`NtStatus::FLT_DO_NOT_ATTACH`] is the usual one.
    fn instance_setup(objects: &RelatedObjects<'_>, setup: InstanceSetup) -> Result<()>;

    /// The minifilter is to be unloaded: everything is to be undone, the [`crate::Filter`] dropped among it.
    ///
    /// IRQL: `PASSIVE_LEVEL` ("`PFLT_FILTER_UNLOAD_CALLBACK` callback function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// [`raw::STATUS_FLT_DO_NOT_DETACH`](crate::raw::STATUS_FLT_DO_NOT_DETACH) refuses, which is of no use if
    /// `mandatory`.
    fn unload(mandatory: bool) -> Result<()>;
}

/// What is known of a volume before the minifilter is attached.
#[derive(Clone, Copy)]
pub struct InstanceSetup {
    /// `FLTFL_INSTANCE_SETUP_…`
    pub flags: FLT_INSTANCE_SETUP_FLAGS,
    /// `FLT_FSTYPE_…`
    pub file_system: FLT_FILESYSTEM_TYPE,
}

/// The registration of a minifilter, for a static.
#[repr(transparent)]
pub struct Registration(FLT_REGISTRATION);

// SAFETY: its pointers are to functions and to statics that are themselves `Sync`.
unsafe impl Sync for Registration {}

impl Registration {
    /// The registration of `M`.
    ///
    /// # Panics
    ///
    /// When a table does not end with its `END`; in a static that is a compile error.
    #[must_use]
    pub const fn new<M: Minifilter>(
        flags: FLT_REGISTRATION_FLAGS,
        contexts: &'static [ContextRegistration],
        operations: &'static [OperationRegistration],
    ) -> Self {
        assert!(matches!(contexts, [.., end] if end.is_end()), "contexts must end with END");
        assert!(matches!(operations, [.., end] if end.is_end()), "operations must end with END");
        Self(FLT_REGISTRATION {
            Size: REGISTRATION_SIZE,
            Version: FLT_REGISTRATION_VERSION,
            Flags: flags,
            ContextRegistration: contexts[0].as_raw(),
            OperationRegistration: operations[0].as_raw(),
            FilterUnloadCallback: Some(unload::<M>),
            InstanceSetupCallback: Some(instance_setup::<M>),
            InstanceQueryTeardownCallback: Some(instance_query_teardown),
            InstanceTeardownStartCallback: None,
            InstanceTeardownCompleteCallback: None,
            GenerateFileNameCallback: ptr::null_mut(),
            NormalizeNameComponentCallback: ptr::null_mut(),
            NormalizeContextCleanupCallback: ptr::null_mut(),
            TransactionNotificationCallback: ptr::null_mut(),
            NormalizeNameComponentExCallback: ptr::null_mut(),
            SectionNotificationCallback: ptr::null_mut(),
        })
    }

    pub(crate) fn as_raw(&'static self) -> *const FLT_REGISTRATION {
        &raw const self.0
    }
}

fn status(result: Result<()>) -> NTSTATUS {
    result.err().unwrap_or(NtStatus::SUCCESS).as_raw()
}

unsafe extern "C" fn instance_setup<M: Minifilter>(
    objects: PCFLT_RELATED_OBJECTS,
    flags: FLT_INSTANCE_SETUP_FLAGS,
    _volume_device_type: DEVICE_TYPE,
    file_system: FLT_FILESYSTEM_TYPE,
) -> NTSTATUS {
    // SAFETY: the Filter Manager keeps the objects for the callback.
    let objects = unsafe { RelatedObjects::from_raw(objects) };
    status(M::instance_setup(&objects, InstanceSetup { flags, file_system }))
}

/// Without this callback, nobody could detach the minifilter from one volume (`fltmc detach`).
unsafe extern "C" fn instance_query_teardown(
    _objects: PCFLT_RELATED_OBJECTS,
    _flags: FLT_INSTANCE_QUERY_TEARDOWN_FLAGS,
) -> NTSTATUS {
    NtStatus::SUCCESS.as_raw()
}

unsafe extern "C" fn unload<M: Minifilter>(flags: FLT_FILTER_UNLOAD_FLAGS) -> NTSTATUS {
    status(M::unload(flags & FLTFL_FILTER_UNLOAD_MANDATORY != 0))
}
