//! Running programs, and telling what goes on.

use std::fmt::Arguments;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::deadline;

/// One line of progress, on stderr.
pub(crate) fn say(line: Arguments<'_>) {
    eprintln!("xtask: {line}");
}

/// Runs a program to its end with our own standard streams.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let mut child = command.spawn().with_context(|| format!("cannot start {}", name(command)))?;
    let status = deadline::wait(&mut child).with_context(|| name(command))?;
    if !status.success() {
        bail!("{} failed ({status})", name(command));
    }
    Ok(())
}

/// Runs a program to its end and returns what it printed on stdout.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {}", name(command)))?;
    if !output.status.success() {
        bail!(
            "{} failed ({}):\n{}",
            name(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} printed something else than text", name(command)))
}

/// Whether a program of that name can be started at all.
pub(crate) fn exists(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

fn name(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}
