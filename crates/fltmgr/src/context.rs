//! Typed contexts, counted by the Filter Manager.

use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::ops::Deref;
use core::ptr::{self, NonNull};

use wdk_sys::NTSTATUS;

use crate::irql::{self, APC_LEVEL, DISPATCH_LEVEL};
use crate::pool::PoolTag;
use crate::raw::{
    FLT_CONTEXT_END, FLT_CONTEXT_REGISTRATION, FLT_CONTEXT_TYPE, FLT_INSTANCE_CONTEXT,
    FLT_SET_CONTEXT_KEEP_IF_EXISTS, FLT_SET_CONTEXT_OPERATION, FLT_STREAM_CONTEXT, FLT_STREAMHANDLE_CONTEXT,
    FltAllocateContext, FltGetInstanceContext, FltGetStreamContext, FltGetStreamHandleContext,
    FltReleaseContext, FltSetInstanceContext, FltSetStreamContext, FltSetStreamHandleContext,
    NON_PAGED_POOL_NX, PFLT_CONTEXT,
};
use crate::{FileObject, FilterRef, Instance, NtStatus, Result};

/// What a context is kept at.
pub trait Kind: sealed::Sealed {
    /// `FLT_…_CONTEXT`
    const TYPE: FLT_CONTEXT_TYPE;
}

mod sealed {
    pub trait Sealed {}
}

/// Contexts kept at a minifilter's attachment to a volume.
pub enum InstanceKind {}
/// Contexts kept at a stream of a file, whoever opened it.
pub enum StreamKind {}
/// Contexts kept at one open of a stream.
pub enum StreamHandleKind {}

impl sealed::Sealed for InstanceKind {}
impl sealed::Sealed for StreamKind {}
impl sealed::Sealed for StreamHandleKind {}

impl Kind for InstanceKind {
    const TYPE: FLT_CONTEXT_TYPE = FLT_INSTANCE_CONTEXT;
}
impl Kind for StreamKind {
    const TYPE: FLT_CONTEXT_TYPE = FLT_STREAM_CONTEXT;
}
impl Kind for StreamHandleKind {
    const TYPE: FLT_CONTEXT_TYPE = FLT_STREAMHANDLE_CONTEXT;
}

/// A type that a minifilter keeps as a context: one type for each kind, in [`crate::Registration`]. When the
/// last reference is gone it is dropped, at `APC_LEVEL` or below ("`PFLT_CONTEXT_CLEANUP_CALLBACK` callback
/// function (fltkernel.h)").
pub trait FilterContext: Send + Sync + Sized + 'static {
    /// What it is kept at.
    type Kind: Kind;
    /// The tag of its memory.
    const TAG: PoolTag;
}

/// An entry of the context table.
#[repr(transparent)]
pub struct ContextRegistration(FLT_CONTEXT_REGISTRATION);

// SAFETY: the only pointers in it are to functions, and a reserved null.
unsafe impl Sync for ContextRegistration {}

impl ContextRegistration {
    /// What every table ends with.
    pub const END: Self = Self(entry(FLT_CONTEXT_END, 0, 0, None));

    /// The entry for `T`.
    #[must_use]
    pub const fn of<T: FilterContext>() -> Self {
        const { assert!(align_of::<T>() <= 8, "the Filter Manager aligns contexts to 8 bytes") };
        Self(entry(T::Kind::TYPE, size_of::<T>() as u64, T::TAG.as_raw(), Some(cleanup::<T>)))
    }

    pub(crate) const fn is_end(&self) -> bool {
        self.0.ContextType == FLT_CONTEXT_END
    }

    pub(crate) const fn as_raw(&self) -> *const FLT_CONTEXT_REGISTRATION {
        &raw const self.0
    }
}

const fn entry(
    kind: FLT_CONTEXT_TYPE,
    size: u64,
    tag: u32,
    cleanup: crate::raw::PFLT_CONTEXT_CLEANUP_CALLBACK,
) -> FLT_CONTEXT_REGISTRATION {
    FLT_CONTEXT_REGISTRATION {
        ContextType: kind,
        Flags: 0,
        ContextCleanupCallback: cleanup,
        Size: size,
        PoolTag: tag,
        ContextAllocateCallback: None,
        ContextFreeCallback: None,
        Reserved1: ptr::null_mut(),
    }
}

unsafe extern "C" fn cleanup<T: FilterContext>(context: PFLT_CONTEXT, _kind: FLT_CONTEXT_TYPE) {
    irql::assert_at_most(APC_LEVEL);
    // SAFETY: `Context::try_new` is the only source of contexts of this kind and wrote a `T`; the Filter
    // Manager calls this once, when no reference is left.
    unsafe { context.cast::<T>().drop_in_place() };
}

/// A reference to a context; dropping it gives it back.
pub struct Context<T: FilterContext> {
    context: NonNull<T>,
    owned: PhantomData<T>,
}

// SAFETY: references may be held and given back in any thread; `T` is shared between them.
unsafe impl<T: FilterContext> Send for Context<T> {}
// SAFETY: as above.
unsafe impl<T: FilterContext> Sync for Context<T> {}

/// What became of a context that was to be kept at an object.
pub enum Put<T: FilterContext> {
    /// The object has it now, and had none before.
    New,
    /// The object had one, which it keeps.
    Existing(Context<T>),
}

impl<T: FilterContext> Context<T> {
    /// A context that is kept nowhere yet.
    ///
    /// Maximum IRQL: `APC_LEVEL` ("`FltAllocateContext` function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// `STATUS_INSUFFICIENT_RESOURCES`, and `STATUS_FLT_DELETING_OBJECT` while the minifilter is being
    /// unloaded; `value` is dropped then.
    pub fn try_new(filter: FilterRef<'_>, value: T) -> Result<Self> {
        irql::assert_at_most(APC_LEVEL);
        let mut context = ptr::null_mut();
        // SAFETY: the minifilter is registered, with a context type of this kind and size.
        let status = unsafe {
            FltAllocateContext(
                filter.as_raw(),
                T::Kind::TYPE,
                size_of::<T>() as u64,
                NON_PAGED_POOL_NX,
                &raw mut context,
            )
        };
        NtStatus::from_raw(status).ok()?;
        let context = NonNull::new(context.cast::<T>()).ok_or(NtStatus::INTERNAL_ERROR)?;
        // SAFETY: the memory is of the size and alignment asked for, and nobody else has it.
        unsafe { context.write(value) };
        Ok(Self { context, owned: PhantomData })
    }

    /// # Safety
    ///
    /// `context` is null or a reference to a `T` that the Filter Manager just gave.
    unsafe fn from_raw(context: PFLT_CONTEXT) -> Option<Self> {
        NonNull::new(context.cast()).map(|context| Self { context, owned: PhantomData })
    }

    fn put(
        &self,
        set: impl FnOnce(FLT_SET_CONTEXT_OPERATION, PFLT_CONTEXT, *mut PFLT_CONTEXT) -> NTSTATUS,
    ) -> Result<Put<T>> {
        irql::assert_at_most(APC_LEVEL);
        let mut existing = ptr::null_mut();
        let status = set(FLT_SET_CONTEXT_KEEP_IF_EXISTS, self.context.as_ptr().cast(), &raw mut existing);
        match NtStatus::from_raw(status) {
            NtStatus::FLT_CONTEXT_ALREADY_DEFINED => {
                // SAFETY: with this status the Filter Manager gives a reference to the context that is there.
                unsafe { Self::from_raw(existing) }.map(Put::Existing).ok_or(NtStatus::INTERNAL_ERROR)
            }
            status => status.ok().map(|_| Put::New),
        }
    }

    fn get(get: impl FnOnce(*mut PFLT_CONTEXT) -> NTSTATUS) -> Option<Self> {
        irql::assert_at_most(APC_LEVEL);
        let mut context = ptr::null_mut();
        if !NtStatus::from_raw(get(&raw mut context)).is_success() {
            return None;
        }
        // SAFETY: with a success status the Filter Manager gives a reference to the context of this kind, a
        // `T`.
        unsafe { Self::from_raw(context) }
    }
}

impl<T: FilterContext> Context<T> {
    /// The reference as one word that is a multiple of 8, for a pre-operation callback to hand to the post-operation
    /// callback ([`crate::PreOperation::WithPostAnd`]). It is given back by [`Context::from_word`], or never.
    #[must_use]
    pub fn into_word(self) -> NonZeroU64 {
        let context = core::mem::ManuallyDrop::new(self);
        // A pointer is 64 bits wide, and this one not null; contexts are aligned as pool is.
        NonZeroU64::new(context.context.as_ptr().expose_provenance() as u64).unwrap_or(NonZeroU64::MAX)
    }

    /// The reference that [`Context::into_word`] made a word of.
    ///
    /// # Safety
    ///
    /// `word` is 0, or what `into_word` of this type returned, and is not used again.
    #[must_use]
    pub unsafe fn from_word(word: u64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, reason = "a pointer is 64 bits wide")]
        let context = core::ptr::with_exposed_provenance_mut(word as usize);
        // SAFETY: by the function's own condition.
        unsafe { Self::from_raw(context) }
    }
}

impl<T: FilterContext<Kind = InstanceKind>> Context<T> {
    /// Keeps the context at an instance that has none.
    ///
    /// Maximum IRQL: `APC_LEVEL` ("`FltSetInstanceContext` function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// `STATUS_FLT_DELETING_OBJECT`
    pub fn put_at_instance(&self, instance: Instance<'_>) -> Result<Put<T>> {
        self.put(|operation, new, old| {
            // SAFETY: the instance is borrowed from a running callback, and `put` passes valid pointers.
            unsafe { FltSetInstanceContext(instance.as_raw(), operation, new, old) }
        })
    }

    /// The context of an instance.
    ///
    /// Maximum IRQL: `APC_LEVEL` ("`FltGetInstanceContext` function (fltkernel.h)").
    #[must_use]
    pub fn of_instance(instance: Instance<'_>) -> Option<Self> {
        Self::get(|context| {
            // SAFETY: the instance is borrowed from a running callback, and `get` passes a valid pointer.
            unsafe { FltGetInstanceContext(instance.as_raw(), context) }
        })
    }
}

macro_rules! kept_at_files {
    ($kind:ty, $put:ident, $set:ident, $of:ident, $get:ident, $what:literal) => {
        impl<T: FilterContext<Kind = $kind>> Context<T> {
            #[doc = concat!("Keeps the context at ", $what, " that has none.")]
            ///
            #[doc = concat!("Maximum IRQL: `APC_LEVEL` (\"`", stringify!($set), "` function (fltkernel.h)\").")]
            ///
            /// # Errors
            ///
            /// `STATUS_NOT_SUPPORTED` where the file system has no such contexts, as for paging files;
            /// `STATUS_FLT_DELETING_OBJECT`; `STATUS_INSUFFICIENT_RESOURCES`.
            pub fn $put(&self, instance: Instance<'_>, file: FileObject<'_>) -> Result<Put<T>> {
                self.put(|operation, new, old| {
                    // SAFETY: instance and file are borrowed from a running callback, and `put` passes valid
                    // pointers.
                    unsafe { $set(instance.as_raw(), file.as_raw(), operation, new, old) }
                })
            }

            #[doc = concat!("The context of ", $what, ".")]
            ///
            #[doc = concat!("Maximum IRQL: `APC_LEVEL` (\"`", stringify!($get), "` function (fltkernel.h)\").")]
            #[must_use]
            pub fn $of(instance: Instance<'_>, file: FileObject<'_>) -> Option<Self> {
                Self::get(|context| {
                    // SAFETY: instance and file are borrowed from a running callback, and `get` passes a
                    // valid pointer.
                    unsafe { $get(instance.as_raw(), file.as_raw(), context) }
                })
            }
        }
    };
}

kept_at_files!(StreamKind, put_at_stream, FltSetStreamContext, of_stream, FltGetStreamContext, "a stream");
kept_at_files!(
    StreamHandleKind,
    put_at_stream_handle,
    FltSetStreamHandleContext,
    of_stream_handle,
    FltGetStreamHandleContext,
    "an open of a stream"
);

impl<T: FilterContext> Deref for Context<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the reference keeps the context, which was initialized by `try_new`.
        unsafe { self.context.as_ref() }
    }
}

impl<T: FilterContext> Drop for Context<T> {
    /// Maximum IRQL: `DISPATCH_LEVEL`; a last reference is then cleaned up later, by a work item
    /// ("`FltReleaseContext` function (fltkernel.h)", for contexts in non-paged pool).
    fn drop(&mut self) {
        irql::assert_at_most(DISPATCH_LEVEL);
        // SAFETY: this reference came from the Filter Manager and is given back here alone.
        unsafe { FltReleaseContext(self.context.as_ptr().cast()) };
    }
}
