//! The program `whowrote`, built for Windows with a private mingw-w64.

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::compiler::{self, Compiler};
use super::driver::Profile;
use super::mingw::Mingw;
use crate::build::PROGRAM_PROFILE;
use crate::run::{run, say};
use crate::workspace;

const TRIPLE: &str = "x86_64-pc-windows-gnu";

/// Builds the program; returns the path of `whowrote.exe`.
pub(crate) fn build(profile: Profile) -> Result<PathBuf> {
    let compiler = Compiler::get()?;
    let mingw = Mingw::get()?;
    say(format_args!("building the program for {TRIPLE} ({})", profile.name()));
    let mut libraries = compiler.libraries.clone().into_os_string();
    libraries.push(":");
    libraries.push(mingw.libraries());
    run(compiler
        .cargo(&compiler::host_cargo()?, TRIPLE, &mingw.gcc())
        .env("LD_LIBRARY_PATH", libraries)
        .env("PATH", mingw.search_path()) // where rustc looks for dlltool
        .args(["build", "--package", "whowrote-cli", "--bin", "whowrote", "--profile", profile.name()])
        .args(PROGRAM_PROFILE)
        .arg("-Zbuild-std=std,panic_abort"))
    .context("the program does not build for Windows")?;
    Ok(workspace::target().join(TRIPLE).join(profile.folder()).join("whowrote.exe"))
}
