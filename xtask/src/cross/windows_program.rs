//! The program `whowrote`, built or checked for Windows with a private mingw-w64.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::compiler::{self, Compiler};
use super::driver::Profile;
use super::mingw::Mingw;
use crate::build::PROGRAM_PROFILE;
use crate::run::{run, say};
use crate::workspace;

const TRIPLE: &str = "x86_64-pc-windows-gnu";

/// The arguments that every cargo command of such a build has.
const ARGUMENTS: [&str; 3] = ["--package", "whowrote-cli", "-Zbuild-std=std,panic_abort"];

/// Builds the program; returns the path of `whowrote.exe`.
pub(crate) fn build(profile: Profile) -> Result<PathBuf> {
    let compiler = Compiler::get()?;
    let mut cargo = cargo(&compiler, &compiler::host_cargo()?)?;
    say(format_args!("building the program for {TRIPLE} ({})", profile.name()));
    run(cargo
        .arg("build")
        .args(ARGUMENTS)
        .args(["--bin", "whowrote", "--profile", profile.name()])
        .args(PROGRAM_PROFILE))
    .context("the program does not build for Windows")?;
    Ok(workspace::target().join(TRIPLE).join(profile.folder()).join("whowrote.exe"))
}

/// Runs clippy over the program, much of which exists on Windows only.
pub(crate) fn clippy() -> Result<()> {
    let compiler = Compiler::get()?;
    let mut cargo = cargo(&compiler, compiler.program("cargo-clippy").as_os_str())?;
    say(format_args!("checking the program for {TRIPLE} with clippy"));
    run(cargo.arg("clippy").args(ARGUMENTS).args(["--lib", "--bins", "--", "--deny", "warnings"]))
        .context("clippy found something in the program for Windows")
}

fn cargo(compiler: &Compiler, program: &OsStr) -> Result<Command> {
    let mingw = Mingw::get()?;
    let mut libraries = compiler.libraries.clone().into_os_string();
    libraries.push(":");
    libraries.push(mingw.libraries());
    let mut cargo = compiler.cargo(program, TRIPLE, &mingw.gcc());
    cargo.env("LD_LIBRARY_PATH", libraries).env("PATH", mingw.search_path()); // where rustc looks for dlltool
    Ok(cargo)
}
