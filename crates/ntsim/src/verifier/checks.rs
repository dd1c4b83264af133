//! What is counted, reported and made to fail.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Violation;
use crate::exports::{Failure, ROUTINE_COUNT, ROUTINES, Routine};
use crate::status::NtStatus;
use crate::util::Lock;

/// A call to come that is made to fail.
struct Injection {
    /// How many calls come before it.
    remaining: u64,
    status: NtStatus,
}

/// The verifier of one kernel.
pub(crate) struct Verifier {
    violations: Lock<Vec<Violation>>,
    calls: Box<[AtomicU64]>,
    /// By position in the table of routines.
    injections: Lock<HashMap<usize, Vec<Injection>>>,
    /// Whether there is any injection, so that the usual call need not look.
    armed: AtomicBool,
}

// Every atomic here is relaxed: calls are ordered by the machine's lock or the baton.
impl Verifier {
    pub(crate) fn new() -> Self {
        Self {
            violations: Lock::default(),
            calls: (0..ROUTINE_COUNT).map(|_| AtomicU64::new(0)).collect(),
            injections: Lock::default(),
            armed: AtomicBool::new(false),
        }
    }

    pub(crate) fn report(&self, violation: Violation) {
        self.violations.lock().push(violation);
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        self.violations.lock().clone()
    }

    /// Counts a call.
    pub(crate) fn count(&self, routine: &Routine) {
        self.calls[routine.index].fetch_add(1, Ordering::Relaxed);
    }

    /// How often each routine was called, those never called left out.
    pub(crate) fn calls(&self) -> Vec<(&'static str, u64)> {
        let counts = self.calls.iter().map(|count| count.load(Ordering::Relaxed));
        ROUTINES.iter().map(|routine| routine.name).zip(counts).filter(|(_, count)| *count > 0).collect()
    }

    /// Makes the `n`-th call from now fail.
    pub(crate) fn inject(&self, routine: &Routine, n: u64, status: NtStatus) {
        let injection = Injection { remaining: n.saturating_sub(1), status };
        self.injections.lock().entry(routine.index).or_default().push(injection);
        self.armed.store(true, Ordering::Relaxed);
    }

    /// The status with which this call is to fail, if it is.
    pub(crate) fn injected(&self, routine: &Routine) -> Option<NtStatus> {
        if routine.failure == Failure::Never || !self.armed.load(Ordering::Relaxed) {
            return None;
        }
        let mut injections = self.injections.lock();
        let pending = injections.get_mut(&routine.index)?;
        let due = pending.iter().position(|injection| injection.remaining == 0);
        for injection in pending.iter_mut() {
            injection.remaining = injection.remaining.saturating_sub(1);
        }
        due.map(|position| pending.swap_remove(position).status)
    }
}

/// The routine of that name, if it can fail.
pub(crate) fn fallible(name: &str) -> Option<&'static Routine> {
    ROUTINES.iter().find(|routine| routine.name == name && routine.failure != Failure::Never)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_call_fails_and_no_other() {
        let verifier = Verifier::new();
        let routine = fallible("ExAllocatePool2").expect("pool runs out");
        verifier.inject(routine, 3, NtStatus::INSUFFICIENT_RESOURCES);
        let results: Vec<_> = (0..5).map(|_| verifier.injected(routine).is_some()).collect();
        assert_eq!(results, [false, false, true, false, false]);
    }

    #[test]
    fn what_cannot_fail_is_not_made_to() {
        for name in ["KeSetEvent", "ZwClose", "IoThreadToProcess", "NoSuchRoutine"] {
            assert!(fallible(name).is_none(), "{name}");
        }
    }

    #[test]
    fn calls_are_counted_by_name() {
        let verifier = Verifier::new();
        let routine = fallible("ExAllocatePool2").expect("pool runs out");
        verifier.count(routine);
        verifier.count(routine);
        assert_eq!(verifier.calls(), [("ExAllocatePool2", 2)]);
    }
}
