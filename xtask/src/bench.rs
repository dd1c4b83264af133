//! The measurements, and the page that is made of them.

use std::path::Path;

use anyhow::Result;

use crate::build::{PROGRAM_PROFILE, Part, SIMULATOR_PROFILE, host_cargo};
use crate::cross::driver::{Arch, Profile};
use crate::run::{run, say};
use crate::workspace;

/// The ring's benchmarks, in the driver's profile, and without what they do not need.
const RING: [&str; 6] = ["bench", "--package", "bench", "--no-default-features", "--bench", "ring"];
/// What criterion gets for each measurement: there are three dozen.
const FULL: [&str; 4] = ["--warm-up-time", "1", "--measurement-time", "3"];
/// The same for a first look.
const QUICK: [&str; 6] = ["--warm-up-time", "0.2", "--measurement-time", "0.5", "--sample-size", "10"];

/// Measures and writes `docs/performance.md` with its charts.
pub(crate) fn bench(quick: bool) -> Result<()> {
    let driver = Part::Driver.build(Arch::X64, Profile::Release)?;
    let folder = workspace::host_target();
    let (costs, measures) = (folder.join("costs.md"), folder.join("measures.json"));

    say(format_args!("1 of 4: building what measures"));
    run(host_cargo()?.args(RING).arg("--no-run"))?;
    run(program("build", "bench-measure")?.args(["--bin", "bench-report"]))?;

    say(format_args!("2 of 4: counting the instructions of a write"));
    run(host_cargo()?
        .args(["test", "--quiet", "--package", "whowrote", "--test", "driver", "cost::"])
        .env("WHOWROTE_REQUIRE_BUILDS", "1")
        .env("WHOWROTE_COSTS", &costs))?;

    say(format_args!(
        "3 of 4: measuring the driver and the program; nothing else should run on this machine"
    ));
    let mut measure = program("run", "bench-measure")?;
    measure.arg("--").args([driver.as_path(), &measures]);
    run(if quick { measure.arg("--quick") } else { &mut measure })?;

    say(format_args!("4 of 4: measuring the ring beside others"));
    let mut ring = host_cargo()?;
    ring.args(RING).args(["--", "--noplot", "--quiet"]);
    run(if quick { ring.args(QUICK) } else { ring.args(FULL) })?;

    let docs = workspace::root().join("docs");
    let paths: [&Path; 4] = [&folder.join("criterion"), &measures, &costs, &docs];
    run(program("run", "bench-report")?.arg("--").args(paths))?;
    say(format_args!("wrote {}", docs.join("performance.md").display()));
    Ok(())
}

/// A program of the crate, as fast as the one that users get, and able to run the simulator.
fn program(verb: &str, name: &str) -> Result<std::process::Command> {
    let mut cargo = host_cargo()?;
    cargo
        .args([verb, "--quiet", "--release", "--package", "bench", "--bin", name])
        .args(PROGRAM_PROFILE)
        .args(SIMULATOR_PROFILE);
    Ok(cargo)
}
