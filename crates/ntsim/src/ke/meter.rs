//! What drivers are called for, what they answer, and what it costs in instructions.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::cpu::{Cpu, Frame};
use super::step::{self, Counting, Instructions};
use super::stopwatch::{Lap, Ticks};
use super::stores::Stores;
use crate::util::Lock;

/// What is noted of the calls of drivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Metering {
    /// Nothing.
    #[default]
    Off = 0,
    /// Each call and its answer.
    Calls = 1,
    /// Each call with its time too.
    Time = 2,
    /// Each call with the driver's own instructions too: nothing else is stepped through.
    DriverInstructions = 3,
    /// Each call with its instructions and those of the routines, which takes about a microsecond for each of them.
    Instructions = 4,
}

/// One call of a driver's entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriverCall {
    /// Service name of the driver.
    pub driver: String,
    /// Its entry point, such as "pre-write".
    pub callback: String,
    /// Which operation it is about: the same for the calls that one operation leads to, and no other's meanwhile.
    pub operation: Option<usize>,
    /// What it returned, in 32 bits: an `NTSTATUS` or an `FLT_*_CALLBACK_STATUS`.
    pub returned: u32,
    /// Its instructions, without those of calls of drivers below it. Those of the simulator are not a callback's.
    pub instructions: Instructions,
    /// What its instructions wrote to, if they were counted.
    pub stores: Stores,
    /// How long it took, if that was wanted.
    pub ticks: Ticks,
    /// Calls of routines.
    pub routine_calls: u64,
}

/// Notes the calls of drivers, as far as that is wanted.
#[derive(Default)]
pub(crate) struct Meter {
    metering: AtomicU8,
    calls: Lock<Vec<DriverCall>>,
    /// What System's workers took while the harness's thread counted.
    of_workers: Lock<Option<Instructions>>,
}

impl Meter {
    pub(crate) fn set(&self, metering: Metering) {
        // Relaxed: whoever sets it does not depend on calls that are under way.
        self.metering.store(metering as u8, Ordering::Relaxed);
    }

    fn is(&self, least: Metering) -> bool {
        // Relaxed: as in `set`.
        self.metering.load(Ordering::Relaxed) >= least as u8
    }

    fn takes_time(&self) -> bool {
        // Relaxed: as in `set`.
        self.metering.load(Ordering::Relaxed) == Metering::Time as u8
    }

    pub(crate) fn take(&self) -> Vec<DriverCall> {
        std::mem::take(&mut *self.calls.lock())
    }

    /// From here on, what System's workers do is counted, too.
    pub(crate) fn begin_whole(&self) {
        *self.of_workers.lock() = Some(Instructions::default());
    }

    /// What they have done.
    pub(crate) fn end_whole(&self) -> Instructions {
        self.of_workers.lock().take().unwrap_or_default()
    }
}

/// Does the work of a System worker; its instructions belong to whoever counts.
pub(crate) fn of_worker(cpu: &Cpu, work: impl FnOnce()) {
    let meter = &cpu.kernel().meter;
    let wanted = meter.of_workers.lock().is_some();
    let counting = if wanted { Counting::begin(cpu.kernel().image_ranges()) } else { None };
    work();
    if let Some(counting) = counting {
        let counts = counting.end();
        if let Some(sum) = &mut *meter.of_workers.lock() {
            *sum += counts;
        }
    }
}

/// A call that is being measured.
pub(super) struct Metered {
    frame: Frame,
    /// Present if this call was the first to be counted on its OS thread.
    counting: Option<Counting>,
    before: Instructions,
    /// What the calls beside it have taken so far.
    outer: Instructions,
    outer_lap: Lap,
    /// What the calls beside it have written so far.
    outer_stores: Stores,
}

/// Begins to measure a call, if calls are noted.
pub(super) fn begin(cpu: &Cpu, frame: &Frame) -> Option<Metered> {
    let meter = &cpu.kernel().meter;
    if !meter.is(Metering::Calls) {
        return None;
    }
    step::uncounted(|| {
        let outer = cpu.below.replace(Instructions::default());
        let frame = frame.clone();
        let images = meter.is(Metering::DriverInstructions).then(|| cpu.kernel().image_ranges());
        let begin = if meter.is(Metering::Instructions) { Counting::begin } else { Counting::begin_drivers };
        let outer_lap = cpu.stopwatch.begin(meter.takes_time());
        let counting = images.and_then(begin);
        let outer_stores = step::exchange_stores(&Stores::default());
        Some(Metered {
            frame,
            counting,
            before: step::counted().unwrap_or_default(),
            outer,
            outer_lap,
            outer_stores,
        })
    })
}

/// Notes what the call answered and took.
pub(super) fn end(cpu: &Cpu, metered: Metered, returned: usize) {
    let mut now = step::counted().unwrap_or_default();
    if let Some(counting) = metered.counting {
        now = counting.end();
    }
    step::uncounted(|| {
        let lap = cpu.stopwatch.end(metered.outer_lap);
        let stores = step::exchange_stores(&metered.outer_stores);
        let whole = now - metered.before;
        let instructions = Instructions { simulator: 0, ..whole - cpu.below.get() };
        cpu.below.set(metered.outer + whole);
        let Frame { driver, entry, operation, .. } = &metered.frame;
        let call = DriverCall {
            driver: driver.service().to_owned(),
            callback: entry.to_string(),
            operation: operation.as_ref().map(|operation| Arc::as_ptr(operation).addr()),
            returned: u32::try_from(returned & 0xFFFF_FFFF).unwrap_or(0),
            instructions,
            stores,
            ticks: lap.ticks(),
            routine_calls: lap.calls,
        };
        cpu.kernel().meter.calls.lock().push(call);
    });
}
