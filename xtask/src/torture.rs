//! Random workloads through the driver.

use std::process::Command;

use anyhow::Result;

use crate::build::Part;
use crate::cross::driver::{Arch, Profile};
use crate::run::run;
use crate::workspace;

/// What a short run plays: the same each time, though with threads it is left to chance what meets what. Its length is
/// only a matter of patience.
const SHORT: [&str; 4] = ["--operations", "200000", "--seed", "1"];
const SCHEDULES: [&str; 3] = ["fixed", "seeded", "threads"];

/// Builds driver and program and plays workloads.
pub(crate) fn torture(more: &[String]) -> Result<()> {
    run(command()?.args(more))
}

/// A short run, and each call failed once on one Windows.
pub(crate) fn short() -> Result<()> {
    for schedule in SCHEDULES {
        run(command()?.args(SHORT).args(["--schedule", schedule]))?;
    }
    run(command()?.args(["--systematic", "--seed", "1", "--windows", "11-24h2"]))
}

fn command() -> Result<Command> {
    let driver = Part::Driver.build(Arch::X64, Profile::Release)?;
    let program = Part::Program.build(Arch::X64, Profile::Release)?;
    let mut command = Command::new(&program);
    command.current_dir(workspace::root()).args(["torture", "--driver"]).arg(&driver);
    Ok(command)
}
