//! Pre- and post-operation callbacks.

use core::ptr;

use wdk_sys::PVOID;

use crate::raw::{
    FLT_OPERATION_REGISTRATION, FLT_POST_OPERATION_FLAGS, FLT_POSTOP_CALLBACK_STATUS,
    FLT_POSTOP_FINISHED_PROCESSING, FLT_PREOP_CALLBACK_STATUS, FLT_PREOP_SUCCESS_NO_CALLBACK,
    FLT_PREOP_SUCCESS_WITH_CALLBACK, FLTFL_OPERATION_REGISTRATION_SKIP_CACHED_IO,
    FLTFL_OPERATION_REGISTRATION_SKIP_NON_CACHED_NON_PAGING_IO,
    FLTFL_OPERATION_REGISTRATION_SKIP_NON_DASD_IO, FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO,
    FLTFL_POST_OPERATION_DRAINING, IRP_MJ_OPERATION_END, PCFLT_RELATED_OBJECTS, PFLT_CALLBACK_DATA,
};
use crate::{CallbackData, RelatedObjects};

/// What a pre-operation callback that observes decides. The operation goes on unchanged in either case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum PreOperation {
    /// Without a completion context.
    WithPost = FLT_PREOP_SUCCESS_WITH_CALLBACK,
    /// No post-operation callback.
    Done = FLT_PREOP_SUCCESS_NO_CALLBACK,
}

/// Callbacks for one major function. They observe: what changes operations is beyond this trait, see
/// [`crate::raw`].
///
/// Both callbacks are always registered, so [`PreOperation::WithPost`] is always allowed.
pub trait Operation {
    /// The major function, such as [`crate::raw::IRP_MJ_WRITE`].
    const MAJOR_FUNCTION: u8;
    /// Operations to leave out.
    const FLAGS: OperationFlags = OperationFlags::NONE;

    /// Called before the file system sees the operation.
    ///
    /// IRQL: `PASSIVE_LEVEL` or `APC_LEVEL` ("Writing preoperation callback routines"); creates at
    /// `PASSIVE_LEVEL`.
    fn pre(data: &CallbackData<'_>, objects: &RelatedObjects<'_>) -> PreOperation;

    /// Called when the operation is complete, if [`Operation::pre`] asked for it; not while the minifilter
    /// detaches from the volume, when the outcome is not known yet.
    ///
    /// IRQL: up to `DISPATCH_LEVEL`, in any thread; after a create at `PASSIVE_LEVEL` in its thread, after
    /// fast I/O in its thread ("Writing postoperation callback routines").
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>) {
        let _ = (data, objects);
    }
}

/// Operations that callbacks are not called for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OperationFlags(u32);

impl OperationFlags {
    /// Called for all.
    pub const NONE: Self = Self(0);
    /// Not for paging I/O.
    pub const SKIP_PAGING_IO: Self = Self(FLTFL_OPERATION_REGISTRATION_SKIP_PAGING_IO);
    /// Not for cached I/O.
    pub const SKIP_CACHED_IO: Self = Self(FLTFL_OPERATION_REGISTRATION_SKIP_CACHED_IO);
    /// Only for volume opens.
    pub const SKIP_NON_DASD_IO: Self = Self(FLTFL_OPERATION_REGISTRATION_SKIP_NON_DASD_IO);
    /// Not for non-cached I/O that is no paging I/O.
    pub const SKIP_NON_CACHED_NON_PAGING_IO: Self =
        Self(FLTFL_OPERATION_REGISTRATION_SKIP_NON_CACHED_NON_PAGING_IO);

    /// Both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// An entry of the operation table.
#[repr(transparent)]
pub struct OperationRegistration(FLT_OPERATION_REGISTRATION);

// SAFETY: the only pointers in it are to functions, and a reserved null.
unsafe impl Sync for OperationRegistration {}

impl OperationRegistration {
    /// What every table ends with.
    pub const END: Self = Self(FLT_OPERATION_REGISTRATION {
        MajorFunction: IRP_MJ_OPERATION_END,
        Flags: 0,
        PreOperation: None,
        PostOperation: None,
        Reserved1: ptr::null_mut(),
    });

    /// The entry for `O`.
    #[must_use]
    pub const fn of<O: Operation>() -> Self {
        Self(FLT_OPERATION_REGISTRATION {
            MajorFunction: O::MAJOR_FUNCTION,
            Flags: O::FLAGS.0,
            PreOperation: Some(pre::<O>),
            PostOperation: Some(post::<O>),
            Reserved1: ptr::null_mut(),
        })
    }

    pub(crate) const fn is_end(&self) -> bool {
        self.0.MajorFunction == IRP_MJ_OPERATION_END
    }

    pub(crate) const fn as_raw(&self) -> *const FLT_OPERATION_REGISTRATION {
        &raw const self.0
    }
}

unsafe extern "C" fn pre<O: Operation>(
    data: PFLT_CALLBACK_DATA,
    objects: PCFLT_RELATED_OBJECTS,
    _completion_context: *mut PVOID, // stays null
) -> FLT_PREOP_CALLBACK_STATUS {
    // SAFETY: the Filter Manager keeps the data for the callback.
    let data = unsafe { CallbackData::from_raw(data) };
    // SAFETY: and so the objects.
    let objects = unsafe { RelatedObjects::from_raw(objects) };
    O::pre(&data, &objects) as FLT_PREOP_CALLBACK_STATUS
}

unsafe extern "C" fn post<O: Operation>(
    data: PFLT_CALLBACK_DATA,
    objects: PCFLT_RELATED_OBJECTS,
    _completion_context: PVOID,
    flags: FLT_POST_OPERATION_FLAGS,
) -> FLT_POSTOP_CALLBACK_STATUS {
    if flags & FLTFL_POST_OPERATION_DRAINING == 0 {
        // SAFETY: the Filter Manager keeps the data for the callback.
        let data = unsafe { CallbackData::from_raw(data) };
        // SAFETY: and so the objects.
        let objects = unsafe { RelatedObjects::from_raw(objects) };
        O::post(&data, &objects);
    }
    FLT_POSTOP_FINISHED_PROCESSING
}
