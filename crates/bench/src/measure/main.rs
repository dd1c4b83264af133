//! Measures the driver in the simulator, and the program: `bench-measure DRIVER RESULTS [--quick]` writes a file for
//! `bench-report`.

mod callbacks;
mod growth;
mod meter;
mod rig;
mod shards;
mod stream;

use std::fmt::Arguments;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use bench::busy::busy;
use bench::measures::Measures;

const USAGE: &str = "usage: bench-measure DRIVER RESULTS [--quick]";

/// How much is measured.
struct Extent {
    rounds: usize,
    open_files: &'static [u64],
    processes: &'static [u64],
    writes: usize,
    passes: usize,
}

const FULL: Extent = Extent {
    rounds: 4_000,
    open_files: &[10, 100, 1_000, 10_000, 100_000, 1_000_000],
    processes: &[10, 100, 1_000, 10_000, 100_000],
    writes: 200_000,
    passes: 21,
};

const QUICK: Extent = Extent {
    rounds: 1_000,
    open_files: &[10, 1_000, 10_000],
    processes: &[10, 100, 1_000],
    writes: 200_000,
    passes: 5,
};

const PROCESSORS: [u64; 4] = [1, 4, 16, 64];
const RULES: [u64; 4] = [0, 100, 1_000, 10_000];
const SHARDS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<()> {
    let (quick, paths): (Vec<_>, Vec<_>) =
        std::env::args_os().skip(1).map(PathBuf::from).partition(|argument| argument == Path::new("--quick"));
    let [driver, results] = paths.as_slice() else { bail!(USAGE) };
    let extent = if quick.is_empty() { FULL } else { QUICK };
    let measures = measure(driver, &extent)?;
    let file =
        std::fs::File::create(results).with_context(|| format!("cannot write {}", results.display()))?;
    serde_json::to_writer_pretty(std::io::BufWriter::new(file), &measures)?;
    Ok(())
}

fn measure(driver: &Path, extent: &Extent) -> Result<Measures> {
    let before = busy();
    say(format_args!("callbacks"));
    let callbacks = callbacks::measure(driver, extent.rounds)?;
    say(format_args!("{} writes to JSON Lines", extent.writes));
    let rates = stream::measure(driver, extent.writes, extent.passes)?.into();
    say(format_args!("shards"));
    let shards = shards::measure(&SHARDS, extent.passes)?;
    let growth = vec![
        growth::open_files(driver, extent.open_files)?,
        growth::processes(driver, extent.processes)?,
        growth::exclusions(driver, &RULES)?,
        growth::processors(driver, &PROCESSORS)?,
    ];
    let busy = before.into_iter().chain(busy()).reduce(f64::max);
    Ok(Measures { busy, callbacks, growth, shards, rates })
}

/// One line of progress.
fn say(line: Arguments<'_>) {
    eprintln!("measuring: {line}");
}
