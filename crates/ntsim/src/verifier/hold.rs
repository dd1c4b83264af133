//! Calls that do not return until the harness lets them: a moment between two calls, held open for others to act in.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::exports::{ROUTINES, Routine};
use crate::util::Lock;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The call has not come yet.
    Awaited,
    /// It has done what it does, and does not return.
    Held,
    Released,
}

struct Held {
    routine: usize,
    stage: Mutex<Stage>,
    changed: Condvar,
}

impl Held {
    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, stage: Stage) {
        *self.stage() = stage;
        self.changed.notify_all();
    }

    /// Waits as long as it is at this stage. Returns the next.
    fn wait_while(&self, stage: Stage) -> Stage {
        let waiting = self.changed.wait_while(self.stage(), |now| *now == stage);
        *waiting.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next call of a routine, which does not return before it is released; dropping this does so.
pub struct HeldCall(Arc<Held>);

impl HeldCall {
    /// Waits until the call has come and done what it does. Returns whether it has: not if it was released before.
    #[must_use]
    pub fn wait(&self) -> bool {
        self.0.wait_while(Stage::Awaited) == Stage::Held
    }

    /// Lets the call return, or any that is still to come.
    pub fn release(&self) {
        self.0.set(Stage::Released);
    }
}

impl Drop for HeldCall {
    fn drop(&mut self) {
        self.release();
    }
}

/// The calls of one kernel that are to be held.
#[derive(Default)]
pub(crate) struct Holds {
    awaited: Lock<Vec<Arc<Held>>>,
    /// Whether there are any, so that the usual call need not look.
    armed: AtomicBool,
}

// The atomic is relaxed: whoever demands that a call is held makes it afterwards.
impl Holds {
    /// Has the next call of a routine held; `None` if there is none of that name.
    pub(crate) fn next(&self, routine: &str) -> Option<HeldCall> {
        let routine = ROUTINES.iter().find(|known| known.name == routine)?.index;
        let held = Arc::new(Held { routine, stage: Mutex::new(Stage::Awaited), changed: Condvar::new() });
        self.awaited.lock().push(Arc::clone(&held));
        self.armed.store(true, Ordering::Relaxed);
        Some(HeldCall(held))
    }

    /// A call of a routine is about to return.
    pub(crate) fn pass(&self, routine: &Routine) {
        if !self.armed.load(Ordering::Relaxed) {
            return;
        }
        let held = {
            let mut awaited = self.awaited.lock();
            let position = awaited.iter().position(|held| held.routine == routine.index);
            position.map(|position| awaited.remove(position))
        };
        if let Some(held) = held {
            let mut stage = held.stage();
            if *stage == Stage::Awaited {
                *stage = Stage::Held;
                drop(stage);
                held.changed.notify_all();
                held.wait_while(Stage::Held);
            }
        }
    }
}
