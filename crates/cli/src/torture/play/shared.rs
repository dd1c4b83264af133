//! What all lanes of a case share: the machine, and whether the driver is there.

use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ntsim::Sim;

use crate::scenario::model::{Action, Scenario, Step};
use crate::torture::lanes;
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
    /// The address of the step that each lane plays, 0 between steps.
    doing: [AtomicUsize; lanes::COUNT],
    /// Steps that have ended.
    ended: AtomicU64,
}

impl Shared {
    pub(super) fn new(sim: Sim) -> Self {
        Self {
            sim,
            now: AtomicU64::new(0),
            phases: Mutex::default(),
            doing: Default::default(),
            ended: AtomicU64::new(0),
        }
    }

    /// A lane begins with a step.
    pub(super) fn begins(&self, lane: usize, action: &Action) {
        // Relaxed: what it tells is only for somebody to read.
        self.doing[lane].store(ptr::from_ref(action).addr(), Ordering::Relaxed);
    }

    /// It is done with it.
    pub(super) fn ends(&self, lane: usize) {
        // Relaxed: counts, and orders nothing.
        self.doing[lane].store(0, Ordering::Relaxed);
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// How many steps have ended.
    pub(super) fn ended(&self) -> u64 {
        // Relaxed: see `ends`.
        self.ended.load(Ordering::Relaxed)
    }

    /// The step that a lane plays.
    pub(super) fn step_of<'s>(&self, lane: usize, scenario: &'s Scenario) -> Option<&'s Step> {
        // Relaxed: see `begins`.
        let doing = self.doing[lane].load(Ordering::Relaxed);
        scenario.steps.iter().find(|step| ptr::from_ref(&step.action).addr() == doing)
    }

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
