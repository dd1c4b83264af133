//! What filters attached to an object.

use std::sync::{Arc, MutexGuard};

use crate::abi::{Address, Ptr};
use crate::util::Lock;

/// A context on an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attached {
    /// The instance whose it is; the filter, for those of volumes.
    pub(super) owner: Address,
    pub(super) context: Ptr,
}

/// The contexts of one object, one of each owner.
#[derive(Clone, Default)]
pub(crate) struct ContextList(Arc<Lock<Vec<Attached>>>);

impl ContextList {
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Attached>> {
        self.0.lock()
    }

    /// Whether anything is attached.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Takes everything off.
    pub(crate) fn take(&self) -> Self {
        Self(Arc::new(Lock::new(std::mem::take(&mut *self.lock()))))
    }

    /// Takes one context off. Returns whether it was there.
    pub(super) fn remove(&self, context: Ptr) -> bool {
        let mut attached = self.lock();
        let before = attached.len();
        attached.retain(|known| known.context != context);
        attached.len() < before
    }
}
