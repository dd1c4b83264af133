//! What can be built.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use crate::cross::driver::{Arch, Profile};
use crate::cross::{self, driver, offenders, windows_program};
use crate::run::{run, say};
use crate::workspace;

/// One thing to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// whowrote.sys and whowrote.pdb
    Driver,
    /// The program whowrote for this host
    Program,
    /// whowrote.exe
    WindowsProgram,
    /// The drivers that break rules, for the simulator's tests
    Offenders,
}

impl Part {
    /// Builds it; returns the path of what was made.
    pub(crate) fn build(self, arch: Arch, profile: Profile) -> Result<PathBuf> {
        match self {
            Self::Driver => driver::build(arch, profile),
            Self::Program => program(profile),
            Self::WindowsProgram => windows_program::build(profile),
            Self::Offenders => offenders::build(),
        }
    }
}

/// The release profile is made for the driver; with it the program would take minutes to link.
pub(crate) const PROGRAM_PROFILE: [&str; 2] =
    ["--config=profile.release.lto=false", "--config=profile.release.codegen-units=16"];

/// The driver's profiles end a program at a panic; the program for this host goes on with the next scenario when a
/// simulation ends in one.
pub(crate) const SIMULATOR_PROFILE: [&str; 2] =
    ["--config=profile.dev.panic=\"unwind\"", "--config=profile.release.panic=\"unwind\""];

fn program(profile: Profile) -> Result<PathBuf> {
    say(format_args!("building the program ({})", profile.name()));
    run(host_cargo()?
        .args(["build", "--package", "whowrote-cli", "--bin", "whowrote", "--profile", profile.name()])
        .args(PROGRAM_PROFILE)
        .args(SIMULATOR_PROFILE))
    .context("the program does not build")?;
    let name = format!("whowrote{}", std::env::consts::EXE_SUFFIX);
    Ok(workspace::host_target().join(profile.folder()).join(name))
}

/// A cargo command that builds for this host.
pub(crate) fn host_cargo() -> Result<Command> {
    let mut command = Command::new(cross::host_cargo()?);
    command.current_dir(workspace::root());
    for (name, _) in std::env::vars_os() {
        // set by cargo for this program alone; build scripts would see it changed and run again
        if name.to_string_lossy().starts_with("CARGO_PKG_")
            || name == "CARGO_MANIFEST_DIR"
            || name == "CARGO_MANIFEST_PATH"
        {
            command.env_remove(name);
        }
    }
    Ok(command)
}
