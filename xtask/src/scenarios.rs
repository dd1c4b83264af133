//! The scenarios that come with the project, all of them.

use std::process::Command;

use anyhow::Result;

use crate::build::Part;
use crate::cross::driver::{Arch, Profile};
use crate::run::run;
use crate::workspace;

const FOLDER: &str = "tests/scenarios";
/// The document that is made from them.
const DOCUMENT: &str = "docs/attribution.md";

/// Builds driver and program and runs the scenarios.
pub(crate) fn scenarios(document: bool, more: &[String]) -> Result<()> {
    let driver = Part::Driver.build(Arch::X64, Profile::Release)?;
    let program = Part::Program.build(Arch::X64, Profile::Release)?;
    let mut command = Command::new(&program);
    command.current_dir(workspace::root()).args(["scenarios", FOLDER, "--driver"]).arg(&driver);
    if document {
        command.args(["--document", DOCUMENT]);
    }
    run(command.args(more))
}
