//! The demonstration: the same copy by Explorer, before and after Windows moved it into the kernel.

use std::process::Command;

use anyhow::Result;

use crate::build::Part;
use crate::cross::driver::{Arch, Profile};
use crate::run::run;
use crate::workspace;

const SCENARIO: &str = "tests/scenarios/explorer-copy.kdl";

/// One way that Windows has copied files.
struct Scene {
    windows: &'static str,
    heading: &'static str,
}

const SCENES: [Scene; 2] = [
    Scene { windows: "10-22h2", heading: "Windows 10 22H2: Explorer reads and writes the file itself" },
    Scene {
        windows: "11-22h2",
        heading: "Windows 11 22H2: the kernel copies; a System worker thread issues the write",
    },
];

/// Builds driver and program and plays the scenes.
pub(crate) fn demo() -> Result<()> {
    let driver = Part::Driver.build(Arch::X64, Profile::Release)?;
    let program = Part::Program.build(Arch::X64, Profile::Release)?;
    for Scene { windows, heading } in SCENES {
        println!("\n{heading}\n{}", "=".repeat(heading.len()));
        run(Command::new(&program)
            .current_dir(workspace::root())
            .args(["simulate", SCENARIO, "--windows", windows, "--explain", "--driver"])
            .arg(&driver))?;
    }
    Ok(())
}
