//! What is counted and reported.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Violation;
use super::injection::Injections;
use crate::exports::{ROUTINE_COUNT, ROUTINES, Routine};
use crate::util::Lock;

/// The verifier of one kernel.
pub(crate) struct Verifier {
    violations: Lock<Vec<Violation>>,
    calls: Box<[AtomicU64]>,
    pub(crate) injections: Injections,
}

// The counters are relaxed: they order nothing but themselves.
impl Verifier {
    pub(crate) fn new() -> Self {
        Self {
            violations: Lock::default(),
            calls: (0..ROUTINE_COUNT).map(|_| AtomicU64::new(0)).collect(),
            injections: Injections::default(),
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verifier::fallible;

    #[test]
    fn calls_are_counted_by_name() {
        let verifier = Verifier::new();
        let routine = fallible("ExAllocatePool2").expect("pool runs out");
        verifier.count(routine);
        verifier.count(routine);
        assert_eq!(verifier.calls(), [("ExAllocatePool2", 2)]);
    }
}
