//! How long a driver's call takes, by the processor's time-stamp counter.

use std::arch::x86_64::_rdtsc;
use std::cell::Cell;
use std::ops::Sub;

/// Ticks of the time-stamp counter. What the routines take is the simulator's time, not the kernel's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ticks {
    /// In the driver, with the way into and out of the routines that it calls: some ten nanoseconds for each.
    pub driver: u64,
    /// In the routines.
    pub routines: u64,
}

/// What a processor has counted since a driver's entry point was called.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lap {
    whole: u64,
    routines: u64,
    /// Calls of routines.
    pub(super) calls: u64,
}

impl Lap {
    pub(super) fn ticks(self) -> Ticks {
        Ticks { driver: self.whole.saturating_sub(self.routines), routines: self.routines }
    }
}

/// A processor's stopwatch.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    /// Whether time is taken, too; calls are always counted.
    runs: Cell<bool>,
    lap: Cell<Lap>,
}

/// When something began, if time is taken.
#[derive(Clone, Copy)]
pub(crate) struct Begun(Option<u64>);

impl Begun {
    fn elapsed(self) -> u64 {
        self.0.map_or(0, |begun| now().sub(begun))
    }
}

impl Stopwatch {
    /// Begins a lap, inside of another one perhaps, which is returned.
    pub(super) fn begin(&self, runs: bool) -> Lap {
        self.runs.set(runs);
        self.lap.take()
    }

    /// Ends a lap, and goes on with the one around it.
    pub(super) fn end(&self, outer: Lap) -> Lap {
        self.lap.replace(outer)
    }

    /// Runs a driver's entry point.
    pub(super) fn run(&self, entry: impl FnOnce() -> usize) -> usize {
        let begun = self.enter();
        let result = entry();
        self.add(|lap| lap.whole += begun.elapsed());
        result
    }

    /// A routine begins.
    pub(crate) fn enter(&self) -> Begun {
        Begun(self.runs.get().then(now))
    }

    /// A routine ends.
    pub(crate) fn leave(&self, begun: Begun) {
        self.add(|lap| {
            lap.calls += 1;
            lap.routines += begun.elapsed();
        });
    }

    fn add(&self, change: impl FnOnce(&mut Lap)) {
        let mut lap = self.lap.get();
        change(&mut lap);
        self.lap.set(lap);
    }
}

fn now() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and Linux lets programs execute it.
    unsafe { _rdtsc() }
}
