//! Operations whose outcome is waited for: the post-operation callback runs in the thread of the pre-operation callback.

use core::ptr::NonNull;

use wdk_sys::PVOID;

use crate::irql::{self, APC_LEVEL};
use crate::pool::{PoolBox, PoolTag};
use crate::raw::{
    FLT_OPERATION_REGISTRATION, FLT_POST_OPERATION_FLAGS, FLT_POSTOP_CALLBACK_STATUS,
    FLT_POSTOP_FINISHED_PROCESSING, FLT_PREOP_CALLBACK_STATUS, FLT_PREOP_SUCCESS_NO_CALLBACK,
    FLT_PREOP_SYNCHRONIZE, FLTFL_POST_OPERATION_DRAINING, PCFLT_RELATED_OBJECTS, PFLT_CALLBACK_DATA,
};
use crate::{CallbackData, OperationRegistration, RelatedObjects};

/// Callbacks for one major function that only comes as an I/O request packet. They observe, as those of
/// [`Operation`](crate::Operation) do, and what one of them learnt before the operation it gets back afterwards.
pub trait Synchronized {
    /// The major function, such as [`crate::raw::IRP_MJ_SET_INFORMATION`].
    const MAJOR_FUNCTION: u8;
    /// The tag of the memory of what is carried.
    const TAG: PoolTag;
    /// What is carried from one callback to the other.
    type Carried: Send;

    /// Called before the file system sees the operation. What it returns is given to [`post`](Self::post); with nothing
    /// returned that is not called.
    ///
    /// IRQL: `PASSIVE_LEVEL` or `APC_LEVEL` ("Writing preoperation callback routines").
    fn pre(data: &CallbackData<'_>, objects: &RelatedObjects<'_>) -> Option<PoolBox<Self::Carried>>;

    /// Called when the operation is complete, in the thread that called [`pre`](Self::pre); not while the minifilter
    /// detaches from the volume, when the outcome is not known yet.
    ///
    /// IRQL: that of [`pre`](Self::pre) ("Writing postoperation callback routines": `FLT_PREOP_SYNCHRONIZE`).
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, carried: PoolBox<Self::Carried>);
}

impl OperationRegistration {
    /// The entry for `O`.
    #[must_use]
    pub const fn of_synchronized<O: Synchronized>() -> Self {
        Self::from_raw(FLT_OPERATION_REGISTRATION {
            MajorFunction: O::MAJOR_FUNCTION,
            Flags: 0,
            PreOperation: Some(pre::<O>),
            PostOperation: Some(post::<O>),
            Reserved1: core::ptr::null_mut(),
        })
    }
}

unsafe extern "C" fn pre<O: Synchronized>(
    data: PFLT_CALLBACK_DATA,
    objects: PCFLT_RELATED_OBJECTS,
    completion_context: *mut PVOID,
) -> FLT_PREOP_CALLBACK_STATUS {
    // SAFETY: the Filter Manager keeps the data for the callback.
    let data = unsafe { CallbackData::from_raw(data) };
    // SAFETY: and so the objects.
    let objects = unsafe { RelatedObjects::from_raw(objects) };
    // Only what is a packet can be waited for.
    let carried = if data.is_irp() { O::pre(&data, &objects) } else { None };
    let Some(carried) = carried else { return FLT_PREOP_SUCCESS_NO_CALLBACK };
    // SAFETY: the Filter Manager passes a place for the context, which it gives to `post`.
    unsafe { completion_context.write(carried.into_raw().as_ptr().cast()) };
    FLT_PREOP_SYNCHRONIZE
}

unsafe extern "C" fn post<O: Synchronized>(
    data: PFLT_CALLBACK_DATA,
    objects: PCFLT_RELATED_OBJECTS,
    completion_context: PVOID,
    flags: FLT_POST_OPERATION_FLAGS,
) -> FLT_POSTOP_CALLBACK_STATUS {
    let Some(carried) = NonNull::new(completion_context.cast::<O::Carried>()) else {
        return FLT_POSTOP_FINISHED_PROCESSING;
    };
    // SAFETY: `pre` gave it up for this operation, and the Filter Manager calls this once for each.
    let carried = unsafe { PoolBox::from_raw(carried, O::TAG) };
    if flags & FLTFL_POST_OPERATION_DRAINING == 0 {
        irql::assert_at_most(APC_LEVEL);
        // SAFETY: the Filter Manager keeps the data for the callback.
        let data = unsafe { CallbackData::from_raw(data) };
        // SAFETY: and so the objects.
        let objects = unsafe { RelatedObjects::from_raw(objects) };
        O::post(&data, &objects, carried);
    }
    FLT_POSTOP_FINISHED_PROCESSING
}
