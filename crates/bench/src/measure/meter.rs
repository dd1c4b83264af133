//! What the driver's callbacks cost while something is done.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use bench::measures::{Callback, Spread};
use ntsim::{DriverCall, Metering, Sim};
use quanta::Clock;

/// Callbacks on the path of I/O; what other entry points of the driver do is no part of an operation.
const CALLBACKS: [&str; 4] = ["pre-create", "post-create", "pre-write", "post-write"];

/// The calls of such callbacks that some work leads to.
pub(crate) fn calls(
    sim: &Sim,
    metering: Metering,
    work: impl FnOnce() -> Result<()>,
) -> Result<Vec<DriverCall>> {
    sim.set_metering(metering);
    let done = work();
    sim.set_metering(Metering::Off);
    let calls = sim.take_calls();
    done?;
    Ok(calls.into_iter().filter(|call| CALLBACKS.contains(&call.callback.as_str())).collect())
}

/// What each of an operation's callbacks costs: its time in `rounds`, then its instructions in one more.
pub(crate) fn callbacks(
    sim: &Sim,
    operation: &str,
    rounds: usize,
    mut work: impl FnMut() -> Result<()>,
) -> Result<Vec<Callback>> {
    let clock = Clock::new();
    let timed = calls(sim, Metering::Time, || (0..rounds).try_for_each(|_| work()))?;
    let mut by_callback: BTreeMap<&str, Vec<&DriverCall>> = BTreeMap::new();
    for call in &timed {
        by_callback.entry(&call.callback).or_default().push(call);
    }
    let counted = calls(sim, Metering::Instructions, &mut work)?;
    if counted.is_empty() {
        return Ok(vec![Callback::not_called(operation)]);
    }
    counted
        .into_iter()
        .map(|call| {
            let samples =
                by_callback.get(call.callback.as_str()).context("a callback that was not called before")?;
            let of = |ticks: fn(&DriverCall) -> u64| {
                Spread::of(samples.iter().map(|call| nanoseconds(&clock, ticks(call))).collect())
                    .context("no samples")
            };
            Ok(Callback {
                operation: operation.to_owned(),
                instructions: call.instructions.driver,
                calls: call.routine_calls,
                driver: of(|call| call.ticks.driver)?,
                routines: of(|call| call.ticks.routines)?,
                callback: call.callback,
            })
        })
        .collect()
}

/// Ticks of the time-stamp counter as nanoseconds.
#[expect(clippy::cast_precision_loss, reason = "far less than 2^52")]
pub(crate) fn nanoseconds(clock: &Clock, ticks: u64) -> f64 {
    // Of a thousand times as many ticks, because the clock tells whole nanoseconds.
    clock.delta_as_nanos(0, ticks.saturating_mul(1_000)) as f64 / 1_000.0
}
