//! Non-paged pool that may be refused: nothing here aborts, as `alloc` would.
//!
//! Maximum IRQL of all of it: `DISPATCH_LEVEL` ("`ExAllocatePool2` function (wdm.h)", "`ExFreePoolWithTag`
//! function (wdm.h)").

use core::mem::{align_of, offset_of, size_of};
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::slice;

use wdk_sys::ntddk::{ExAllocatePool2, ExFreePoolWithTag};

use crate::irql::{self, DISPATCH_LEVEL};
use crate::{NtStatus, Result};

/// `POOL_FLAG_NON_PAGED`; the memory comes zeroed and is not executable.
const POOL_FLAG_NON_PAGED: u64 = 0x40;
/// What pool guarantees below a page; a page or more is aligned to a page.
const POOL_ALIGNMENT: usize = 16;
const PAGE: usize = 4096;

/// Four characters that `!poolused` and Driver Verifier show for an allocation.
#[derive(Clone, Copy)]
pub struct PoolTag(u32);

impl PoolTag {
    /// The tag that debuggers show as these four characters.
    #[must_use]
    pub const fn new(characters: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(characters))
    }

    /// The tag as the pool routines and the context registration want it.
    #[must_use]
    pub const fn as_raw(self) -> u32 {
        self.0
    }
}

fn allocate(bytes: usize, alignment: usize, tag: PoolTag) -> Result<NonNull<u8>> {
    irql::assert_at_most(DISPATCH_LEVEL);
    let least = if alignment <= POOL_ALIGNMENT { 1 } else { PAGE };
    if alignment > PAGE {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    // SAFETY: the flags are valid and the size is not 0; the memory is freed by `free` alone.
    let memory = unsafe { ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes.max(least) as u64, tag.0) };
    NonNull::new(memory.cast()).ok_or(NtStatus::INSUFFICIENT_RESOURCES)
}

/// # Safety
///
/// `memory` came from [`allocate`] with this tag and is not used again.
unsafe fn free(memory: NonNull<u8>, tag: PoolTag) {
    irql::assert_at_most(DISPATCH_LEVEL);
    // SAFETY: by the function's own condition.
    unsafe { ExFreePoolWithTag(memory.as_ptr().cast(), tag.0) }
}

/// One value in non-paged pool.
pub struct PoolBox<T> {
    value: NonNull<T>,
    tag: PoolTag,
}

// SAFETY: the box owns its value alone, as if it were held directly.
unsafe impl<T: Send> Send for PoolBox<T> {}
// SAFETY: a shared box gives out shared references to its value only.
unsafe impl<T: Sync> Sync for PoolBox<T> {}

impl<T> PoolBox<T> {
    /// Moves `value` into pool.
    ///
    /// # Errors
    ///
    /// `STATUS_INSUFFICIENT_RESOURCES`; `value` is dropped then.
    #[inline]
    pub fn try_new(value: T, tag: PoolTag) -> Result<Self> {
        let memory = allocate(size_of::<T>(), align_of::<T>(), tag)?.cast::<T>();
        // SAFETY: `allocate` gave at least `size_of::<T>()` bytes, aligned for `T`, that nobody else has.
        unsafe { memory.write(value) };
        Ok(Self { value: memory, tag })
    }

    /// Gives the value up for a raw pointer; [`PoolBox::from_raw`] takes it back.
    #[must_use]
    pub fn into_raw(self) -> NonNull<T> {
        let value = self.value;
        core::mem::forget(self);
        value
    }

    /// Takes back what [`PoolBox::into_raw`] gave up.
    ///
    /// # Safety
    ///
    /// `value` came from `into_raw` of a box with this tag, is taken back once, and no reference to it is
    /// left.
    #[must_use]
    pub unsafe fn from_raw(value: NonNull<T>, tag: PoolTag) -> Self {
        Self { value, tag }
    }
}

impl<T> Deref for PoolBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the box owns a valid value until it is dropped.
        unsafe { self.value.as_ref() }
    }
}

impl<T> DerefMut for PoolBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as for `deref`; `&mut self` makes the access exclusive.
        unsafe { self.value.as_mut() }
    }
}

impl<T> Drop for PoolBox<T> {
    fn drop(&mut self) {
        // SAFETY: the value is valid, owned, and not used again.
        unsafe { self.value.drop_in_place() };
        // SAFETY: the memory came from `allocate` with this tag, in `try_new`.
        unsafe { free(self.value.cast(), self.tag) };
    }
}

/// A slice in non-paged pool whose length is settled when it is made. Aligned for types of up to a page.
///
/// In a fixed order, for debuggers; in an `Option` it takes no more room, so that the address is 0 where there is none:
/// no other field has a value that it never has.
#[repr(C)]
pub struct PoolArray<T> {
    elements: NonNull<T>,
    length: usize,
    tag: PoolTag,
}

// SAFETY: the array owns its elements alone, as if they were held directly.
unsafe impl<T: Send> Send for PoolArray<T> {}
// SAFETY: a shared array gives out shared references to its elements only.
unsafe impl<T: Sync> Sync for PoolArray<T> {}

const _: () = assert!(size_of::<Option<PoolArray<u64>>>() == size_of::<PoolArray<u64>>());

impl<T> PoolArray<T> {
    /// For debuggers: where in an array are the address of its elements and their number.
    pub const OFFSETS: [usize; 2] = [offset_of!(Self, elements), offset_of!(Self, length)];

    /// An array of `length` elements, each made by `element` from its index.
    ///
    /// # Errors
    ///
    /// `STATUS_INSUFFICIENT_RESOURCES`, also for a size that no address space holds.
    pub fn try_from_fn(length: usize, tag: PoolTag, mut element: impl FnMut(usize) -> T) -> Result<Self> {
        let bytes = length.checked_mul(size_of::<T>()).ok_or(NtStatus::INSUFFICIENT_RESOURCES)?;
        let elements = allocate(bytes, align_of::<T>(), tag)?.cast::<T>();
        for index in 0..length {
            // SAFETY: `index` is below `length`, and that many elements were allocated.
            let place = unsafe { elements.add(index) };
            // SAFETY: the place is aligned for `T` and nobody else has it.
            unsafe { place.write(element(index)) };
        }
        Ok(Self { elements, length, tag })
    }

    /// The elements, for longer than the borrow of the array.
    ///
    /// # Safety
    ///
    /// Nothing uses what this returns when the array is dropped, and no `&mut` of the array is taken
    /// meanwhile.
    #[must_use]
    pub unsafe fn detached<'a>(&self) -> &'a [T] {
        // SAFETY: the elements are initialized; that they live long enough is the function's own condition.
        unsafe { slice::from_raw_parts(self.elements.as_ptr(), self.length) }
    }
}

impl<T: Copy> PoolArray<T> {
    /// A copy of `elements`.
    ///
    /// # Errors
    ///
    /// `STATUS_INSUFFICIENT_RESOURCES`
    pub fn try_copy_of(elements: &[T], tag: PoolTag) -> Result<Self> {
        let memory = allocate(size_of_val(elements), align_of::<T>(), tag)?.cast::<T>();
        // SAFETY: the memory was allocated for that many elements and cannot overlap them.
        unsafe { memory.as_ptr().copy_from_nonoverlapping(elements.as_ptr(), elements.len()) };
        Ok(Self { elements: memory, length: elements.len(), tag })
    }
}

impl<T> Deref for PoolArray<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `length` elements were initialized and live until the array is dropped.
        unsafe { slice::from_raw_parts(self.elements.as_ptr(), self.length) }
    }
}

impl<T> DerefMut for PoolArray<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`; `&mut self` makes the access exclusive.
        unsafe { slice::from_raw_parts_mut(self.elements.as_ptr(), self.length) }
    }
}

impl<T> Drop for PoolArray<T> {
    fn drop(&mut self) {
        let elements: *mut [T] = &raw mut **self;
        // SAFETY: the elements are valid, owned, and not used again.
        unsafe { elements.drop_in_place() };
        // SAFETY: the memory came from `allocate` with this tag, in the constructor.
        unsafe { free(self.elements.cast(), self.tag) };
    }
}
