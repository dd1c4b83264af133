//! What a write costs where there is much of something.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use bench::measures::{Growth, Point, Spread};
use ntsim::{Handle, Metering, ProcessSpec, Thread, WriteOffset, WriteSpec};
use quanta::Clock;

use super::meter::{calls, nanoseconds};
use super::rig::{EXCLUDED_IMAGES, EXCLUDED_PATHS, Rig, failed};
use super::say;

/// Writes that are timed, and of them those whose instructions are counted, which takes a thousand times as long.
const TIMED: usize = 4_000;
const COUNTED: usize = 32;
const WRITE_BYTES: u32 = 4096;
/// Spreads the writes over the files: prime, so that it reaches all of them before it comes to one again.
const STRIDE: usize = 7_919;

/// Who writes where.
type Writer = (Thread, Handle);

/// Open files: each write goes to another one.
pub(crate) fn open_files(driver: &Path, sizes: &[u64]) -> Result<Growth> {
    let rig = Rig::new(driver, 1)?;
    let mut writers: Vec<Writer> = Vec::new();
    let mut points = Vec::new();
    for size in sizes {
        say(format_args!("{size} open files"));
        while (writers.len() as u64) < *size {
            let path = format!(r"\{}\{}.dat", writers.len() / 1_000, writers.len());
            writers.push((rig.thread, rig.open(rig.thread, &path)?));
        }
        points.push(point(&rig, *size, &writers)?);
    }
    // Not unloaded: closing a million files is not measured.
    Ok(Growth { of: "open files".to_owned(), points })
}

/// Processes, of which a thousand write, each to a file of its own.
pub(crate) fn processes(driver: &Path, sizes: &[u64]) -> Result<Growth> {
    const WRITING: u64 = 1_000;
    let mut points = Vec::new();
    for size in sizes {
        say(format_args!("{size} processes"));
        let rig = Rig::new(driver, 1)?;
        let every = size.div_ceil(WRITING);
        let mut writers = Vec::new();
        for number in 0..*size {
            let process = rig.sim.add_process(ProcessSpec::new(r"C:\Program Files\app\app.exe"))?;
            if number % every == 0 {
                let thread = rig.sim.add_thread(process, None)?;
                writers.push((thread, rig.open(thread, &format!(r"\{number}.dat"))?));
            }
        }
        points.push(point(&rig, *size, &writers)?);
    }
    Ok(Growth { of: "processes".to_owned(), points })
}

/// Rules of exclusion, half of them for images and half for paths, none of which fits.
pub(crate) fn exclusions(driver: &Path, sizes: &[u64]) -> Result<Growth> {
    const FILES: usize = 64;
    let mut points = Vec::new();
    for size in sizes {
        say(format_args!("{size} rules of exclusion"));
        let rules = |prefix: &str| (0..size / 2).map(|number| format!(r"{prefix}\{number}")).collect();
        let lists = [
            (EXCLUDED_IMAGES, rules(r"\Device\HarddiskVolume3\not here")),
            (EXCLUDED_PATHS, rules(r"\not here")),
        ];
        let rig = Rig::with(driver, 1, &lists)?;
        let file = |number| Ok((rig.thread, rig.open(rig.thread, &format!(r"\{number}.dat"))?));
        let writers = (0..FILES).map(file).collect::<Result<Vec<_>>>()?;
        points.push(point(&rig, *size, &writers)?);
    }
    Ok(Growth { of: "rules of exclusion".to_owned(), points })
}

/// Processors, hence shards of the driver's ring.
pub(crate) fn processors(driver: &Path, sizes: &[u64]) -> Result<Growth> {
    let mut points = Vec::new();
    for size in sizes {
        say(format_args!("{size} processors"));
        let rig = Rig::new(driver, u32::try_from(*size)?)?;
        let mut writers = Vec::new();
        for number in 0..*size {
            let process = rig.sim.add_process(ProcessSpec::new(r"C:\app.exe"))?;
            let thread = rig.sim.add_thread(process, None)?;
            writers.push((thread, rig.open(thread, &format!(r"\{number}.dat"))?));
        }
        points.push(point(&rig, *size, &writers)?);
    }
    Ok(Growth { of: "processors, each with its shard".to_owned(), points })
}

/// What a write costs, by one of these writers after the other. Nobody is connected meanwhile, because the thread that
/// delivers would run after each of them.
#[expect(clippy::cast_precision_loss, reason = "far less than 2^52")]
fn point(rig: &Rig, size: u64, writers: &[Writer]) -> Result<Point> {
    let write = |number: usize| {
        let (thread, file) = writers.get(number * STRIDE % writers.len()).context("nobody writes")?;
        let spec = WriteSpec::new(WriteOffset::At(0), WRITE_BYTES);
        rig.sim.write(*thread, *file, &spec).map(drop).map_err(failed)
    };
    let clock = Clock::new();
    // The first write of a file takes longer, however many there are. All are written to, so that those that are timed
    // have been out of every cache for as long as there are others.
    (0..writers.len().max(TIMED)).try_for_each(write)?;
    rig.empty_ring()?;
    let timed = calls(&rig.sim, Metering::Time, || (0..TIMED).try_for_each(write))?;
    rig.empty_ring()?;
    let counted = calls(&rig.sim, Metering::Instructions, || (0..COUNTED).try_for_each(write))?;
    let instructions: u64 = counted.iter().map(|call| call.instructions.driver).sum();
    // Each write has as many callbacks as any other.
    let callbacks = timed.len() / TIMED;
    ensure!(callbacks > 0 && timed.len().is_multiple_of(TIMED), "writes differ in their callbacks");
    let ticks = timed.chunks(callbacks).map(|calls| calls.iter().map(|call| call.ticks.driver).sum());
    let samples = ticks.map(|ticks| nanoseconds(&clock, ticks)).collect();
    Ok(Point {
        size,
        instructions: instructions as f64 / COUNTED as f64,
        driver: Spread::of(samples).context("no write was seen")?,
    })
}
