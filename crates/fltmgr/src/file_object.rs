//! `FILE_OBJECT`, borrowed.

use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::ptr::NonNull;

use wdk_sys::{FILE_OBJECT, PFILE_OBJECT};

const FO_SYNCHRONOUS_IO: u32 = 0x0000_0002;
const FO_WRITE_THROUGH: u32 = 0x0000_0010;
const FO_VOLUME_OPEN: u32 = 0x0040_0000;

/// An open file, for as long as the callback that named it.
///
/// Maximum IRQL of all accessors: any; they read non-paged memory.
#[derive(Clone, Copy)]
pub struct FileObject<'a> {
    object: NonNull<FILE_OBJECT>,
    operation: PhantomData<&'a ()>,
}

impl FileObject<'_> {
    /// # Safety
    ///
    /// `object` is null or a file object that lives for as long as what this returns is used.
    pub(crate) unsafe fn from_raw(object: PFILE_OBJECT) -> Option<Self> {
        NonNull::new(object).map(|object| Self { object, operation: PhantomData })
    }

    /// # Safety
    ///
    /// `object` is a file object that lives for as long as what this returns is used.
    pub(crate) unsafe fn of_live(object: NonNull<FILE_OBJECT>) -> Self {
        Self { object, operation: PhantomData }
    }

    /// The file object, for routines that are not here.
    #[must_use]
    pub fn as_raw(self) -> PFILE_OBJECT {
        self.object.as_ptr()
    }

    /// Where the file object is: a number to compare, which another one may have when this one is closed.
    #[inline]
    #[must_use]
    pub fn address(self) -> NonZeroU64 {
        // A pointer is 64 bits wide, and this one not null.
        NonZeroU64::new(self.object.as_ptr() as u64).unwrap_or(NonZeroU64::MAX)
    }

    /// The address of the file system's own context, which is the same for all opens of one stream, and of
    /// that alone while the stream is open. A number to compare; what it points to belongs to the file
    /// system.
    #[inline]
    #[must_use]
    pub fn stream_address(self) -> Option<NonZeroU64> {
        // SAFETY: the object lives, by the condition of `from_raw`; the member is set during the create and
        // stays.
        let context = unsafe { (*self.object.as_ptr()).FsContext };
        NonZeroU64::new(context as u64)
    }

    #[inline]
    fn has(self, flag: u32) -> bool {
        // SAFETY: the object lives, by the condition of `from_raw`.
        let flags = unsafe { &raw const (*self.object.as_ptr()).Flags };
        // SAFETY: as above. Others may change flags meanwhile, hence volatile.
        let flags = unsafe { flags.read_volatile() };
        flags & flag != 0
    }

    /// Whether the volume itself is open, not a file on it.
    #[inline]
    #[must_use]
    pub fn is_volume_open(self) -> bool {
        self.has(FO_VOLUME_OPEN)
    }

    /// Whether the file was opened for write-through.
    #[inline]
    #[must_use]
    pub fn is_write_through(self) -> bool {
        self.has(FO_WRITE_THROUGH)
    }

    /// Whether the I/O manager keeps a file position and one operation at a time.
    #[inline]
    #[must_use]
    pub fn is_synchronous(self) -> bool {
        self.has(FO_SYNCHRONOUS_IO)
    }

    /// Whether the file system granted write or append access, known from post-create on.
    #[inline]
    #[must_use]
    pub fn has_write_access(self) -> bool {
        // SAFETY: the object lives, by the condition of `from_raw`.
        unsafe { (*self.object.as_ptr()).WriteAccess != 0 }
    }
}
