//! A value behind a Filter Manager push lock.

use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};

use crate::Result;
use crate::irql::{self, APC_LEVEL};
use crate::pool::{PoolBox, PoolTag};
use crate::raw::{
    EX_PUSH_LOCK, FltAcquirePushLockExclusive, FltAcquirePushLockShared, FltDeletePushLock,
    FltInitializePushLock, FltReleasePushLock,
};

/// A value that many may read or one may change. Acquiring waits, and holds off normal kernel APCs until
/// release.
///
/// Maximum IRQL of all of it: `APC_LEVEL` ("`FltAcquirePushLockExclusive` function (fltkernel.h)" and its
/// kin). Never on a path that paging I/O may take. Not recursive.
pub struct PushLock<T> {
    // the lock must not move once it is initialized
    place: PoolBox<Place<T>>,
}

struct Place<T> {
    lock: UnsafeCell<EX_PUSH_LOCK>,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lets one thread at a time change the value, or several read it.
unsafe impl<T: Send + Sync> Sync for PushLock<T> {}
// SAFETY: the value goes with the lock, and the lock belongs to no thread while no guard exists.
unsafe impl<T: Send> Send for PushLock<T> {}

impl<T> PushLock<T> {
    /// Puts `value` behind a new lock.
    ///
    /// # Errors
    ///
    /// `STATUS_INSUFFICIENT_RESOURCES`
    pub fn try_new(value: T, tag: PoolTag) -> Result<Self> {
        irql::assert_at_most(APC_LEVEL);
        let place = PoolBox::try_new(Place { lock: UnsafeCell::new(0), value: UnsafeCell::new(value) }, tag)?;
        // SAFETY: the lock is in non-paged pool, does not move, and is initialized here once.
        unsafe { FltInitializePushLock(place.lock.get()) };
        Ok(Self { place })
    }

    /// Waits until nobody else has the value.
    pub fn exclusive(&self) -> Exclusive<'_, T> {
        irql::assert_at_most(APC_LEVEL);
        // SAFETY: the lock was initialized by `try_new`.
        unsafe { FltAcquirePushLockExclusive(self.place.lock.get()) };
        Exclusive { lock: self }
    }

    /// Waits until nobody is changing the value.
    pub fn shared(&self) -> Shared<'_, T> {
        irql::assert_at_most(APC_LEVEL);
        // SAFETY: the lock was initialized by `try_new`.
        unsafe { FltAcquirePushLockShared(self.place.lock.get()) };
        Shared { lock: self }
    }

    /// # Safety
    ///
    /// The caller's guard acquired the lock and does not use the value again.
    unsafe fn release(&self) {
        irql::assert_at_most(APC_LEVEL);
        // SAFETY: acquired once by the guard that is being dropped.
        unsafe { FltReleasePushLock(self.place.lock.get()) };
    }
}

impl<T> Drop for PushLock<T> {
    fn drop(&mut self) {
        irql::assert_at_most(APC_LEVEL);
        // SAFETY: guards borrow the lock, so none is left; it was initialized by `try_new`.
        unsafe { FltDeletePushLock(self.place.lock.get()) };
    }
}

/// The right to change the value, until dropped.
#[must_use]
pub struct Exclusive<'a, T> {
    lock: &'a PushLock<T>,
}

impl<T> Deref for Exclusive<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held exclusively while the guard lives.
        unsafe { &*self.lock.place.value.get() }
    }
}

impl<T> DerefMut for Exclusive<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held exclusively while the guard lives, and the guard is borrowed exclusively.
        unsafe { &mut *self.lock.place.value.get() }
    }
}

impl<T> Drop for Exclusive<'_, T> {
    fn drop(&mut self) {
        // SAFETY: this guard acquired the lock.
        unsafe { self.lock.release() };
    }
}

/// The right to read the value, until dropped.
#[must_use]
pub struct Shared<'a, T> {
    lock: &'a PushLock<T>,
}

impl<T> Deref for Shared<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held shared while the guard lives, so nobody changes the value.
        unsafe { &*self.lock.place.value.get() }
    }
}

impl<T> Drop for Shared<'_, T> {
    fn drop(&mut self) {
        // SAFETY: this guard acquired the lock.
        unsafe { self.lock.release() };
    }
}
