//! A mutex for a component's state.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mutex that outlives a panic under it: the simulation has ended by then, and what remains is reporting.
///
/// No lock is held while driver code runs or while driver memory is touched: a fault there leaves the frames behind
/// without unwinding them.
#[derive(Default)]
pub(crate) struct Lock<T>(Mutex<T>);

impl<T> Lock<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
