//! What the machine lets a harness see, count and make fail.

use super::{DriverCall, Instructions, Metering, Observer, Sim};
use crate::ke::step::Counting;
use crate::status::NtStatus;
use crate::verifier::{self, FaultPlan, HeldCall, Violation};

impl Sim {
    /// Has every callback shown to the observer before it is called.
    pub fn set_observer(&self, observer: Observer) {
        *self.kernel().observer.lock() = Some(observer);
    }

    /// Receives what the driver prints with `DbgPrintEx`; it is discarded otherwise.
    pub fn set_debug_print(&self, print: Box<dyn FnMut(&str) + Send>) {
        self.kernel().set_print(print);
    }

    /// The rules that drivers have broken so far, in order.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.kernel().verifier.violations()
    }

    /// Who waits at this moment, in which callback and for what; for a person who asks why nothing goes on.
    #[must_use]
    pub fn waiting(&self) -> Vec<String> {
        self.kernel().scheduler.waiting()
    }

    /// How often drivers have called each routine so far, by name; routines never called are left out.
    #[must_use]
    pub fn calls(&self) -> Vec<(&'static str, u64)> {
        self.kernel().verifier.calls()
    }

    /// Counts the instructions that are executed while something is done with the machine: exactly, by single-stepping,
    /// which takes about a microsecond each. They are those of this thread and of System's workers; what drivers' own
    /// threads do meanwhile is left out.
    pub fn count_instructions<R>(&self, work: impl FnOnce() -> R) -> (R, Instructions) {
        let meter = &self.kernel().meter;
        meter.begin_whole();
        let counting = Counting::begin(self.kernel().image_ranges());
        let result = work();
        let own = counting.map(Counting::end).unwrap_or_default();
        (result, own + meter.end_whole())
    }

    /// Says what is noted from now on of the calls of drivers.
    pub fn set_metering(&self, metering: Metering) {
        self.kernel().meter.set(metering);
    }

    /// The calls noted since the last time this was asked, in the order in which they ended.
    #[must_use]
    pub fn take_calls(&self) -> Vec<DriverCall> {
        self.kernel().meter.take()
    }

    /// Makes the `n`-th call from now (1 is the next) of a routine fail with a status, or with NULL if it returns a
    /// pointer.
    ///
    /// # Panics
    ///
    /// If there is no such routine, or it cannot fail.
    pub fn fail_nth(&self, routine: &str, n: u64, status: NtStatus) {
        let routine =
            verifier::fallible(routine).unwrap_or_else(|| panic!("{routine} cannot be made to fail"));
        self.kernel().verifier.injections.nth(routine, n, status);
    }

    /// Makes the `n`-th call from now (1 is the next) that can fail do so, of whatever routine, with a status that the
    /// routine documents. Calls that undo what succeeded before cannot fail.
    pub fn fail_nth_of_all(&self, n: u64) {
        self.kernel().verifier.injections.nth_of_all(n);
    }

    /// Makes calls fail that are drawn from a seed, with statuses that the routines document. Calls that undo what
    /// succeeded before cannot fail.
    pub fn fail_randomly(&self, plan: FaultPlan) {
        self.kernel().verifier.injections.draw(plan);
    }

    /// Has the next call of a routine, by whichever thread, do what it does and then not return until it is released: so
    /// others can act at a moment between two calls that is short otherwise.
    ///
    /// # Panics
    ///
    /// If there is no such routine, or the schedule is not [`Schedule::Threads`](super::Schedule::Threads): with the others nobody could act.
    #[must_use]
    pub fn hold_next(&self, routine: &str) -> HeldCall {
        assert!(self.kernel().scheduler.is_concurrent(), "nobody acts while a call is held");
        let held = self.kernel().verifier.holds.next(routine);
        held.unwrap_or_else(|| panic!("there is no routine {routine}"))
    }

    /// How many calls of drivers could have failed so far, and how many were made to.
    #[must_use]
    pub fn fallible_calls(&self) -> (u64, u64) {
        self.kernel().verifier.injections.counts()
    }

    /// Whether a routine can be made to fail.
    #[must_use]
    pub fn can_fail(&self, routine: &str) -> bool {
        verifier::fallible(routine).is_some()
    }
}
