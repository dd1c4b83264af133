//! Pre- and post-operation callbacks.

use core::num::NonZeroU64;
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
pub enum PreOperation {
    /// The post-operation callback comes.
    WithPost,
    /// It comes, and is handed this word: it travels in the place of the completion context, and points to nothing.
    WithPostAnd(NonZeroU64),
    /// No post-operation callback.
    Done,
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

    /// Called when the operation is complete, if [`Operation::pre`] asked for it, with the word that it handed over, or 0.
    ///
    /// IRQL: up to `DISPATCH_LEVEL`, in any thread; after a create at `PASSIVE_LEVEL` in its thread, after
    /// fast I/O in its thread ("Writing postoperation callback routines").
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, carried: u64) {
        let _ = (data, objects, carried);
    }

    /// Called in the place of [`Operation::post`] when the minifilter detaches from the volume while the operation is
    /// under way, whose outcome is not known yet. `data` is a copy of what the Filter Manager has: nothing but its
    /// fields may be used, and no status is in it.
    ///
    /// IRQL: up to `APC_LEVEL`, in any thread ("`PFLT_POST_OPERATION_CALLBACK` callback function (fltkernel.h)").
    fn drained(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, carried: u64) {
        let _ = (data, objects, carried);
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

    pub(crate) const fn from_raw(entry: FLT_OPERATION_REGISTRATION) -> Self {
        Self(entry)
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
    completion_context: *mut PVOID, // null as it comes
) -> FLT_PREOP_CALLBACK_STATUS {
    // SAFETY: the Filter Manager keeps the data for the callback.
    let data = unsafe { CallbackData::from_raw(data) };
    // SAFETY: and so the objects.
    let objects = unsafe { RelatedObjects::from_raw(objects) };
    match O::pre(&data, &objects) {
        PreOperation::WithPost => FLT_PREOP_SUCCESS_WITH_CALLBACK,
        PreOperation::WithPostAnd(carried) => {
            #[expect(clippy::cast_possible_truncation, reason = "a pointer is 64 bits wide")]
            let context = ptr::without_provenance_mut(carried.get() as usize);
            // SAFETY: the Filter Manager passes a variable for the context, to be set where there is a
            // post-operation callback to take it.
            unsafe { completion_context.write(context) };
            FLT_PREOP_SUCCESS_WITH_CALLBACK
        }
        PreOperation::Done => FLT_PREOP_SUCCESS_NO_CALLBACK,
    }
}

unsafe extern "C" fn post<O: Operation>(
    data: PFLT_CALLBACK_DATA,
    objects: PCFLT_RELATED_OBJECTS,
    completion_context: PVOID,
    flags: FLT_POST_OPERATION_FLAGS,
) -> FLT_POSTOP_CALLBACK_STATUS {
    // SAFETY: the Filter Manager keeps the data for the callback.
    let data = unsafe { CallbackData::from_raw(data) };
    // SAFETY: and so the objects.
    let objects = unsafe { RelatedObjects::from_raw(objects) };
    let carried = completion_context.addr() as u64;
    if flags & FLTFL_POST_OPERATION_DRAINING == 0 {
        O::post(&data, &objects, carried);
    } else {
        O::drained(&data, &objects, carried);
    }
    FLT_POSTOP_FINISHED_PROCESSING
}
