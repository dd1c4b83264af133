//! Pointers that cross the boundary between driver and kernel.

use std::ffi::c_void;
use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicI32, AtomicUsize};

/// The address of an object, as a key.
pub(crate) type Address = usize;

/// A pointer in memory that driver and kernel share, or one that the driver passed.
///
/// Reading and writing through it is safe by this crate's threat model and not by the compiler's: a loaded driver is
/// native code of this process, so whatever a bad pointer of its could do here it could do by itself
/// ([`crate::Sim::load`] is where that trust is given). An address that is not mapped faults, and the fault handler
/// reports it as the driver's.
#[repr(transparent)]
pub(crate) struct Ptr<T = c_void>(usize, PhantomData<*mut T>);

impl<T> Clone for Ptr<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ptr<T> {}

impl<T> PartialEq for Ptr<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Ptr<T> {}

impl<T> fmt::Debug for Ptr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

// SAFETY: a `Ptr` is an address; what may be done with it is the type's documented threat model, the same on any thread.
unsafe impl<T> Send for Ptr<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Ptr<T> {}

impl<T> Ptr<T> {
    pub(crate) const NULL: Self = Self::at(0);

    pub(crate) const fn at(address: Address) -> Self {
        Self(address, PhantomData)
    }

    pub(crate) fn of(place: *const T) -> Self {
        Self::at(place.expose_provenance())
    }

    pub(crate) const fn address(self) -> Address {
        self.0
    }

    pub(crate) const fn is_null(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn cast<U>(self) -> Ptr<U> {
        Ptr::at(self.0)
    }

    /// The pointer unless it is NULL.
    pub(crate) fn non_null(self) -> Option<Self> {
        (!self.is_null()).then_some(self)
    }

    /// The pointer `count` elements further on.
    pub(crate) const fn offset(self, count: usize) -> Self {
        Self::at(self.0.wrapping_add(count.wrapping_mul(size_of::<T>())))
    }

    /// The pointer `bytes` bytes further on.
    pub(crate) const fn byte_offset<U>(self, bytes: usize) -> Ptr<U> {
        Ptr::at(self.0.wrapping_add(bytes))
    }

    pub(crate) fn as_mut_ptr(self) -> *mut T {
        std::ptr::with_exposed_provenance_mut(self.0)
    }
}

impl Ptr<i32> {
    /// The value as one that several processors change at once. The address must be aligned.
    pub(crate) fn atomic(self) -> &'static AtomicI32 {
        // SAFETY: see the type; whoever else uses the value at the same time does so atomically too, or is a driver that
        // must not. The reference is used within the routine that the pointer was passed to.
        unsafe { AtomicI32::from_ptr(self.as_mut_ptr()) }
    }
}

impl Ptr<usize> {
    /// The value as one that several processors change at once. The address must be aligned.
    pub(crate) fn atomic_word(self) -> &'static AtomicUsize {
        // SAFETY: as in `atomic`.
        unsafe { AtomicUsize::from_ptr(self.as_mut_ptr()) }
    }
}

impl<T: Copy> Ptr<T> {
    /// Copies the value out.
    pub(crate) fn read(self) -> T {
        // SAFETY: see the type: the address is the driver's responsibility, and a fault is reported as its.
        unsafe { self.as_mut_ptr().read_unaligned() }
    }

    /// Stores a value.
    pub(crate) fn write(self, value: T) {
        // SAFETY: as in `read`.
        unsafe { self.as_mut_ptr().write_unaligned(value) }
    }

    /// Stores a value unless the pointer is NULL, as for an optional output.
    pub(crate) fn write_if_given(self, value: T) {
        if !self.is_null() {
            self.write(value);
        }
    }

    /// Copies `count` values out.
    pub(crate) fn read_slice(self, count: usize) -> Vec<T> {
        (0..count).map(|index| self.offset(index).read()).collect()
    }

    /// Stores values one after the other.
    pub(crate) fn write_slice(self, values: &[T]) {
        let bytes = values.as_ptr().cast::<u8>();
        // SAFETY: as in `read`; the source is a live slice that a driver's buffer cannot overlap.
        unsafe { std::ptr::copy_nonoverlapping(bytes, self.as_mut_ptr().cast(), size_of_val(values)) };
    }
}
