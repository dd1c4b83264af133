//! What the ring costs with so many shards.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;

use anyhow::{Context, Result};
use audit::ring::{Ring, Shard, Slot, WhenFull};
use bench::contender::record;
use bench::measures::{Shards, Spread};
use quanta::Clock;

/// Slots of all shards together.
const SLOTS: usize = 1 << 16;

/// Fills and empties rings of so many shards, `rounds` times each.
pub(crate) fn measure(counts: &[usize], rounds: usize) -> Result<Vec<Shards>> {
    counts.iter().map(|shards| with_shards(*shards, rounds)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "far less than 2^52")]
fn with_shards(count: usize, rounds: usize) -> Result<Shards> {
    let shards: Vec<Shard> = (0..count).map(|_| Shard::default()).collect();
    let slots: Vec<Slot> = (0..SLOTS).map(|_| Slot::default()).collect();
    let ring = Ring::new(&shards, &slots, WhenFull::DropNewest)?;
    let mut consumer = ring.consumer().context("there is a consumer already")?;
    let clock = Clock::new();
    let (mut pushes, mut drains) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let begin = Instant::now();
        for number in 0..SLOTS {
            ring.push(number % count, &record(clock.raw(), number as u64)).map(drop)?;
        }
        pushes.push(begin.elapsed().as_nanos() as f64 / SLOTS as f64);
        let begin = Instant::now();
        consumer.snapshot().drain(|event| {
            black_box(event);
            ControlFlow::Continue(())
        });
        drains.push(begin.elapsed().as_nanos() as f64 / SLOTS as f64);
    }
    let [push, drain] = [pushes, drains].map(|samples| Spread::of(samples).context("no samples"));
    Ok(Shards { shards: count, push: push?, drain: drain? })
}
