//! Makes `docs/performance.md` and its charts of what was measured.
//!
//! `bench-report CRITERION-FOLDER MEASURES COSTS DOCS-FOLDER`: what criterion left, the file of `bench-measure`, and the table
//! that `tests/driver/cost.rs` writes.

mod chart;
mod document;
mod machine;
mod results;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::machine::Machine;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

const USAGE: &str = "usage: bench-report CRITERION-FOLDER MEASURES COSTS DOCS-FOLDER";

fn run() -> Result<()> {
    let arguments: Vec<_> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [criterion, measures, costs, docs] = arguments.as_slice() else { bail!(USAGE) };
    let results = results::read(criterion)?;
    let text = read(measures, "run bench-measure first")?;
    let measures =
        serde_json::from_str(&text).with_context(|| format!("cannot read {}", measures.display()))?;
    let costs = read(costs, "run the cost test of tests/driver first")?;
    let machine = Machine::here();
    let text = document::document(&machine, &costs, &measures, &results);
    anstream::print!("{text}");
    let ring = chart::ring::chart(&results)?;
    let growth = chart::growth::chart(&measures.growth)?;
    for (name, contents) in
        [(document::RING_CHART, &ring), (document::GROWTH_CHART, &growth), ("performance.md", &text)]
    {
        let path = docs.join(name);
        std::fs::write(&path, contents).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn read(path: &Path, hint: &str) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}: {hint}", path.display()))
}
