//! The system time.

use std::sync::atomic::{AtomicU64, Ordering};

/// Nanoseconds in one unit of the system time.
pub(crate) const NANOSECONDS_PER_UNIT: u128 = 100;

/// The virtual clock, in 100 ns since 1601-01-01 UTC. It moves only when the harness or the scheduler moves it.
pub(crate) struct Clock(AtomicU64);

impl Clock {
    pub(crate) fn new(start: u64) -> Self {
        Self(AtomicU64::new(start))
    }

    pub(crate) fn now(&self) -> u64 {
        // Relaxed: whoever moves the clock does so under the machine's lock or the baton, which order everything else.
        self.0.load(Ordering::Relaxed)
    }

    /// Moves the clock forward; it never goes back.
    pub(crate) fn move_to(&self, time: u64) {
        // Relaxed: as in `now`.
        self.0.fetch_max(time, Ordering::Relaxed);
    }

    /// The moment that a `LARGE_INTEGER` timeout means: negative values are relative, others absolute.
    pub(crate) fn deadline(&self, timeout: i64) -> u64 {
        if timeout < 0 { self.now().saturating_add(timeout.unsigned_abs()) } else { timeout.unsigned_abs() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back() {
        let clock = Clock::new(100);
        clock.move_to(50);
        assert_eq!(clock.now(), 100);
        clock.move_to(150);
        assert_eq!(clock.now(), 150);
    }

    #[test]
    fn a_negative_timeout_is_relative_and_a_positive_one_absolute() {
        let clock = Clock::new(1000);
        assert_eq!(clock.deadline(-30), 1030);
        assert_eq!(clock.deadline(0), 0);
        assert_eq!(clock.deadline(1500), 1500);
    }
}
