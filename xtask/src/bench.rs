//! The benchmarks and the driver's costs, and the page that is made of them.

use anyhow::Result;

use crate::build::{Part, host_cargo};
use crate::cross::driver::{Arch, Profile};
use crate::run::{run, say};
use crate::workspace;

/// What a short run gives criterion for each measurement.
const QUICK: [&str; 6] = ["--warm-up-time", "0.2", "--measurement-time", "0.5", "--sample-size", "10"];

/// Measures and writes `docs/performance.md` with its chart.
pub(crate) fn bench(quick: bool) -> Result<()> {
    Part::Driver.build(Arch::X64, Profile::Release)?;
    let costs = workspace::host_target().join("costs.md");
    say(format_args!("counting the instructions of a write"));
    run(host_cargo()?
        .args(["test", "--package", "whowrote", "--test", "driver", "cost::"])
        .env("WHOWROTE_REQUIRE_BUILDS", "1")
        .env("WHOWROTE_COSTS", &costs))?;
    say(format_args!("measuring the ring: nothing else should run on this machine"));
    let mut cargo = host_cargo()?;
    cargo.args(["bench", "--package", "bench", "--bench", "ring", "--", "--noplot"]);
    if quick {
        cargo.args(QUICK);
    }
    run(&mut cargo)?;
    let mut report = host_cargo()?;
    report
        .args(["run", "--quiet", "--package", "bench", "--bin", "bench-report", "--"])
        .arg(workspace::host_target().join("criterion"))
        .arg(workspace::root().join("docs"))
        .arg(costs);
    run(&mut report)
}
