//! Files that a request names by a handle.

use core::ptr::{self, NonNull};

use wdk_sys::ntddk::{ObReferenceObjectByHandle, ObfDereferenceObject};
use wdk_sys::{FILE_OBJECT, HANDLE, POBJECT_TYPE};

use crate::irql::{self, APC_LEVEL, PASSIVE_LEVEL};
use crate::raw::{FltGetVolumeFromFileObject, FltObjectDereference};
use crate::{FileObject, Mode, NtStatus, RelatedObjects, Result};

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    /// The kernel's variable, as a pointer to it: what C code calls `*IoFileObjectType`.
    static IoFileObjectType: POBJECT_TYPE;
}

/// No access is asked for: the handle is only to tell which file is meant.
const NO_ACCESS: u32 = 0;
const KERNEL_MODE: i8 = 0;
const USER_MODE: i8 = 1;

/// An open file, kept while this lives.
pub struct ReferencedFile {
    object: NonNull<FILE_OBJECT>,
}

impl ReferencedFile {
    /// The file that a handle of the current process stands for, or a kernel handle if the request comes from the kernel.
    /// A handle is a number, which may stand for anything: what is no file gives an error.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`ObReferenceObjectByHandle` function (wdm.h)").
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_HANDLE`, `STATUS_OBJECT_TYPE_MISMATCH`, `STATUS_ACCESS_DENIED`
    pub fn by_handle(handle: u64, mode: Mode) -> Result<Self> {
        irql::assert_at_most(PASSIVE_LEVEL);
        let mode = match mode {
            Mode::Kernel => KERNEL_MODE,
            Mode::User => USER_MODE,
        };
        let mut object = ptr::null_mut();
        // SAFETY: the kernel sets the variable before it loads drivers, and never changes it.
        let file_type = unsafe { IoFileObjectType };
        // SAFETY: a handle is no address; the result goes to a variable of its type.
        let status = unsafe {
            ObReferenceObjectByHandle(
                handle as HANDLE,
                NO_ACCESS,
                file_type,
                mode,
                &raw mut object,
                ptr::null_mut(),
            )
        };
        NtStatus::from_raw(status).ok()?;
        NonNull::new(object.cast()).map(|object| Self { object }).ok_or(NtStatus::INTERNAL_ERROR)
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> FileObject<'_> {
        // SAFETY: the reference keeps the file object for as long as the borrow.
        unsafe { FileObject::of_live(self.object) }
    }

    /// Whether the file is on the volume that a callback is about.
    ///
    /// Maximum IRQL: `APC_LEVEL` ("`FltGetVolumeFromFileObject` function (fltkernel.h)").
    #[must_use]
    pub fn is_on_volume_of(&self, objects: &RelatedObjects<'_>) -> bool {
        irql::assert_at_most(APC_LEVEL);
        let mut volume = ptr::null_mut();
        // SAFETY: the minifilter is registered, the file referenced, and the result goes to a variable of its type.
        let status = unsafe {
            FltGetVolumeFromFileObject(objects.filter().as_raw(), self.object.as_ptr(), &raw mut volume)
        };
        if !NtStatus::from_raw(status).is_success() {
            return false;
        }
        let same = volume == objects.volume().as_raw();
        // SAFETY: the routine gave a reference, which is given back here alone.
        unsafe { FltObjectDereference(volume.cast()) };
        same
    }
}

impl Drop for ReferencedFile {
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`ObDereferenceObject` macro (wdm.h)").
    fn drop(&mut self) {
        // SAFETY: the reference came from `ObReferenceObjectByHandle` and is given back here alone.
        unsafe { ObfDereferenceObject(self.object.as_ptr().cast()) };
    }
}
