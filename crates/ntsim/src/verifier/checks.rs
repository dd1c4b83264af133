//! What is counted and reported.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Violation;
use super::hold::Holds;
use super::injection::Injections;
use super::site::Site;
use crate::exports::{ROUTINE_COUNT, ROUTINES, Routine};
use crate::util::Lock;

/// The verifier of one kernel.
pub(crate) struct Verifier {
    /// With where in the driver's code, which is put into words when somebody asks.
    violations: Lock<Vec<(Violation, Option<Site>)>>,
    calls: Box<[AtomicU64]>,
    pub(crate) injections: Injections,
    pub(crate) holds: Holds,
}

// The counters are relaxed: they order nothing but themselves.
impl Verifier {
    pub(crate) fn new() -> Self {
        Self {
            violations: Lock::default(),
            calls: (0..ROUTINE_COUNT).map(|_| AtomicU64::new(0)).collect(),
            injections: Injections::default(),
            holds: Holds::default(),
        }
    }

    pub(crate) fn report(&self, violation: Violation, site: Option<Site>) {
        self.violations.lock().push((violation, site));
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        let reported = self.violations.lock().clone();
        let in_words = |(violation, site): (Violation, Option<Site>)| match site {
            Some(site) => Violation { detail: format!("{}, {site}", violation.detail), ..violation },
            None => violation,
        };
        reported.into_iter().map(in_words).collect()
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
