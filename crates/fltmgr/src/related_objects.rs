//! `FLT_RELATED_OBJECTS`, borrowed for the callback.

use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::ptr::NonNull;

use crate::irql::{self, APC_LEVEL};
use crate::raw::{FLT_INSTANCE, FLT_RELATED_OBJECTS, FltIsDirectory, PCFLT_RELATED_OBJECTS, PFLT_INSTANCE};
use crate::{FileObject, FilterRef, NtStatus, Result, Volume};

/// The objects that a callback is about. None outlives the callback.
///
/// Maximum IRQL of the accessors: any; they read non-paged memory.
#[derive(Clone, Copy)]
pub struct RelatedObjects<'a> {
    objects: &'a FLT_RELATED_OBJECTS,
}

impl<'a> RelatedObjects<'a> {
    /// # Safety
    ///
    /// `objects` is what the Filter Manager passed to a callback that lasts for `'a`.
    pub(crate) unsafe fn from_raw(objects: PCFLT_RELATED_OBJECTS) -> Self {
        // SAFETY: the Filter Manager passes a valid structure.
        Self { objects: unsafe { &*objects } }
    }

    /// The minifilter itself.
    #[must_use]
    pub fn filter(&self) -> FilterRef<'a> {
        // SAFETY: the minifilter stays registered while one of its callbacks runs.
        unsafe { FilterRef::from_raw(self.objects.Filter) }
    }

    /// The volume.
    #[must_use]
    pub fn volume(&self) -> Volume<'a> {
        // SAFETY: the Filter Manager keeps the volume for the callback.
        unsafe { Volume::from_raw(self.objects.Volume) }
    }

    /// The minifilter's attachment to the volume.
    #[inline]
    #[must_use]
    pub fn instance(&self) -> Instance<'a> {
        // SAFETY: the Filter Manager keeps the instance for the callback, and passes no null pointer.
        Instance { instance: unsafe { NonNull::new_unchecked(self.objects.Instance) }, callback: PhantomData }
    }

    /// The open file; instance callbacks have none.
    #[inline]
    #[must_use]
    pub fn file_object(&self) -> Option<FileObject<'a>> {
        // SAFETY: the I/O manager keeps the file object for the operation, which outlasts the callback.
        unsafe { FileObject::from_raw(self.objects.FileObject) }
    }
}

/// The minifilter's attachment to one volume.
#[derive(Clone, Copy)]
pub struct Instance<'a> {
    instance: NonNull<FLT_INSTANCE>,
    callback: PhantomData<&'a FLT_INSTANCE>,
}

impl Instance<'_> {
    /// The handle, for routines that are not here.
    #[must_use]
    pub fn as_raw(self) -> PFLT_INSTANCE {
        self.instance.as_ptr()
    }

    /// Where the instance is: a number to compare, which another one may have after this one.
    #[inline]
    #[must_use]
    pub fn address(self) -> NonZeroU64 {
        // A pointer is 64 bits wide, and this one not null.
        NonZeroU64::new(self.instance.as_ptr() as u64).unwrap_or(NonZeroU64::MAX)
    }

    /// Whether an open file is a directory. May ask the file system.
    ///
    /// Maximum IRQL: `APC_LEVEL` ("`FltIsDirectory` function (fltkernel.h)").
    ///
    /// # Errors
    ///
    /// What the file system answers when it does not know.
    pub fn is_directory(self, file: FileObject<'_>) -> Result<bool> {
        irql::assert_at_most(APC_LEVEL);
        let mut directory = 0;
        // SAFETY: file object and instance are borrowed from a running callback.
        let status = unsafe { FltIsDirectory(file.as_raw(), self.as_raw(), &raw mut directory) };
        NtStatus::from_raw(status).ok().map(|_| directory != 0)
    }
}
