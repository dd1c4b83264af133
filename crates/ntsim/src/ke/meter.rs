//! What callbacks cost, in instructions.

use std::sync::atomic::{AtomicBool, Ordering};

use super::cpu::{Cpu, Frame};
use super::step::{self, Counting, Instructions};
use crate::util::Lock;

/// What one call of a driver's entry point took, calls of drivers below it not included.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallCost {
    /// Service name of the driver.
    pub driver: String,
    /// Its entry point, such as "pre-write".
    pub callback: String,
    /// The instructions; those of the simulator are not a callback's.
    pub instructions: Instructions,
}

/// Measures every call of a driver, if it is on.
#[derive(Default)]
pub(crate) struct Meter {
    on: AtomicBool,
    calls: Lock<Vec<CallCost>>,
}

impl Meter {
    pub(crate) fn set(&self, on: bool) {
        // Relaxed: whoever turns it on does not depend on calls that are under way.
        self.on.store(on, Ordering::Relaxed);
    }

    fn is_on(&self) -> bool {
        // Relaxed: as in `set`.
        self.on.load(Ordering::Relaxed)
    }

    pub(crate) fn take(&self) -> Vec<CallCost> {
        std::mem::take(&mut *self.calls.lock())
    }
}

/// A call that is being measured.
pub(super) struct Metered {
    /// Present if this call was the first to be counted on its OS thread.
    counting: Option<Counting>,
    before: Instructions,
    /// What the calls beside it have taken so far.
    outer: Instructions,
}

/// Begins to measure a call, if calls are measured.
pub(super) fn begin(cpu: &Cpu) -> Option<Metered> {
    if !cpu.kernel().meter.is_on() {
        return None;
    }
    step::uncounted(|| {
        let outer = cpu.below.replace(Instructions::default());
        let counting = Counting::begin(cpu.kernel().image_ranges());
        Some(Metered { counting, before: step::counted().unwrap_or_default(), outer })
    })
}

/// Notes what the call took.
pub(super) fn end(cpu: &Cpu, frame: &Frame, metered: Metered) {
    let mut now = step::counted().unwrap_or_default();
    if let Some(counting) = metered.counting {
        now = counting.end();
    }
    step::uncounted(|| {
        let whole = now - metered.before;
        let instructions = Instructions { simulator: 0, ..whole - cpu.below.get() };
        cpu.below.set(metered.outer + whole);
        let call = CallCost {
            driver: frame.driver.service().to_owned(),
            callback: frame.entry.to_string(),
            instructions,
        };
        cpu.kernel().meter.calls.lock().push(call);
    });
}
