//! The tests of the debugger's script, over the memory of the driver as the simulator runs it.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::build::Part;
use crate::cross::driver::{Arch, Profile};
use crate::run::{output, run};
use crate::{node, workspace};

const TESTS: &str = "windbg/tests";
/// The scenarios whose memory is taken: `windbg/tests/NAME.kdl` becomes `NAME.mem`.
const SCENARIOS: [&str; 1] = ["held"];

/// Takes the memory and runs the tests.
pub(crate) fn test() -> Result<()> {
    let node = node::get()?;
    let driver = Part::Driver.build(Arch::X64, Profile::Release)?;
    let program = Part::Program.build(Arch::X64, Profile::Release)?;
    let folder = workspace::host_target().join("debugger");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    for name in SCENARIOS {
        output(
            Command::new(&program)
                .current_dir(workspace::root())
                .args(["simulate", &format!("{TESTS}/{name}.kdl"), "--driver"])
                .arg(&driver)
                .arg("--memory")
                .arg(folder.join(name).with_extension("mem")),
        )?;
    }
    let test = workspace::root().join(TESTS).join("whowrote.test.js");
    run(Command::new(node).env("WHOWROTE_MEMORY", folder).arg("--test").arg(test))
}
