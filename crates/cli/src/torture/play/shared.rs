//! What all lanes of a case share: the machine, and whether the driver is there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ntsim::Sim;

use crate::torture::world::Truth;

/// What the driver's being there or not means for a write.
#[derive(Clone)]
pub(super) struct Phase {
    /// The runs that may see it.
    pub(super) sessions: Vec<usize>,
    /// Whether the one there is does.
    pub(super) certain: bool,
    /// Volumes that it is attached to.
    pub(super) attached: Vec<bool>,
}

/// What all lanes share.
pub(super) struct Shared {
    pub(super) sim: Sim,
    /// Which of the phases it is; the last is the present one.
    pub(super) now: AtomicU64,
    pub(super) phases: Mutex<Vec<Phase>>,
}

impl Shared {
    pub(super) fn begin(&self, phase: Phase) {
        let mut phases = lock(&self.phases);
        phases.push(phase);
        // Release: pairs with the Acquire in `now`, so that whoever sees the number finds the phase.
        self.now.store(phases.len() as u64 - 1, Ordering::Release);
    }

    pub(super) fn now(&self) -> usize {
        // Acquire: pairs with the Release in `begin`.
        usize::try_from(self.now.load(Ordering::Acquire)).unwrap_or(0)
    }
}

/// A write that a lane has played, from one phase to another.
pub(super) struct Issued {
    pub(super) truth: Truth,
    pub(super) from: usize,
    pub(super) to: usize,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
