//! Makes `docs/performance.md` and its chart of what criterion measured and of the driver's recorded costs.
//!
//! `bench-report CRITERION-FOLDER DOCS-FOLDER COSTS`: the last is the table that `tests/driver/cost.rs` writes.

mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};

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
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let usage = "usage: bench-report CRITERION-FOLDER DOCS-FOLDER COSTS";
    let measured = arguments.next().context(usage)?;
    let docs = arguments.next().context(usage)?;
    let costs = arguments.next().context(usage)?;
    let costs = std::fs::read_to_string(&costs).with_context(|| {
        format!("cannot read {}: run the cost test of tests/driver first", costs.display())
    })?;
    let results = report::results::read(&measured)?;
    let machine = report::machine::Machine::here();
    let text = report::document::document(&machine, &costs, &results);
    anstream::print!("{text}");
    let chart = report::chart::chart(&results)?;
    let write = |name: &str, contents: &str| {
        let path = docs.join(name);
        std::fs::write(&path, contents).with_context(|| format!("cannot write {}", path.display()))
    };
    write(report::document::CHART, &chart)?;
    write("performance.md", &text)
}
