//! The driver's image, built or checked for a Windows target.

use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::compiler::{self, Compiler};
use super::wdk_build::Crates;
use super::{folder, link, wdk, wdk_build};
use crate::run::{run, say};
use crate::{cache, workspace};

/// The processors that the driver runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    X64,
    Arm64,
}

impl Arch {
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Self::X64 => "x86_64-pc-windows-msvc",
            Self::Arm64 => "aarch64-pc-windows-msvc",
        }
    }

    /// The name of the kit's library folder.
    pub(crate) fn wdk_name(self) -> &'static str {
        match self {
            Self::X64 => "x64",
            Self::Arm64 => "ARM64",
        }
    }

    /// The name that the librarian's `/machine` takes.
    pub(crate) fn lib_name(self) -> &'static str {
        match self {
            Self::X64 => "x64",
            Self::Arm64 => "arm64",
        }
    }
}

/// cargo's profiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Dev,
    Release,
}

impl Profile {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Builds the driver; returns the path of `whowrote.sys`, beside which lies `whowrote.pdb`.
pub(crate) fn build(arch: Arch, profile: Profile) -> Result<PathBuf> {
    let cross = Cross::prepare(arch)?;
    say(format_args!("building the driver for {} ({})", arch.triple(), profile.name()));
    run(cross.cargo(&compiler::host_cargo()?).arg("build").args(cross.arguments()?).args([
        "--package",
        "whowrote",
        "--lib",
        "--profile",
        profile.name(),
    ]))
    .context("the driver does not build")?;
    let output = workspace::target().join(arch.triple()).join(profile.folder());
    let image = output.join("whowrote.sys");
    fs::copy(output.join("whowrote.dll"), &image)
        .with_context(|| format!("cannot write {}", image.display()))?;
    Ok(image)
}

/// Runs clippy over the driver and the bindings it stands on.
pub(crate) fn clippy(arch: Arch) -> Result<()> {
    let cross = Cross::prepare(arch)?;
    say(format_args!("checking the driver for {} with clippy", arch.triple()));
    run(cross
        .cargo(cross.compiler.program("cargo-clippy").as_os_str())
        .arg("clippy")
        .args(cross.arguments()?)
        .args(["--package", "whowrote", "--package", "fltmgr", "--lib", "--", "--deny", "warnings"]))
    .context("clippy found something in the driver")
}

/// Makes the documentation of the driver and the bindings, with every warning an error.
pub(crate) fn document() -> Result<()> {
    let cross = Cross::prepare(Arch::X64)?;
    run(cross
        .cargo(&compiler::host_cargo()?)
        .env("RUSTDOCFLAGS", "--deny warnings")
        .args(["doc", "--no-deps", "--lib"])
        .args(cross.arguments()?)
        .args(["--package", "whowrote", "--package", "fltmgr"]))
    .context("the driver's documentation has faults")
}

/// Everything that a build of the driver for one processor needs.
struct Cross {
    arch: Arch,
    compiler: Compiler,
    linker: PathBuf,
    kit: PathBuf,
    crates: Crates,
    _lock: fs::File,
}

impl Cross {
    fn prepare(arch: Arch) -> Result<Self> {
        let compiler = Compiler::get()?;
        let folder = folder();
        fs::create_dir_all(&folder)?;
        let lock = cache::lock(&folder.join("lock"))?;
        let linker = link::install(&folder)?;
        let kit = wdk::make(&folder, arch, &compiler)?;
        let crates = wdk_build::copy(&folder.join("crates"))?;
        Ok(Self { arch, compiler, linker, kit, crates, _lock: lock })
    }

    /// A cargo command with the compiler and the kit in its environment.
    fn cargo(&self, program: &OsStr) -> Command {
        let mut command = self.compiler.cargo(program, self.arch.triple(), &self.linker);
        command
            .env("LIBCLANG_PATH", &self.compiler.libclang)
            .env("WDKContentRoot", &self.kit)
            .env("Version_Number", wdk::VERSION)
            .env(
                format!("BINDGEN_EXTRA_CLANG_ARGS_{}", self.arch.triple().replace('-', "_")),
                wdk::clang_arguments(&self.compiler, self.arch),
            );
        command
    }

    /// The arguments that every cargo command of a driver build has.
    fn arguments(&self) -> Result<Vec<String>> {
        let overrides: Vec<_> =
            self.crates.overrides.iter().map(|path| format!("'{}'", path.display())).collect();
        let paths = format!("--config=paths=[{}]", overrides.join(","));
        // the image and its symbols name sources by paths that are the same everywhere
        let library = self.compiler.library_source();
        let library_itself = fs::canonicalize(&library)?; // it is a link, and both names appear
        let remapped = [
            (workspace::root(), "/whowrote"),
            (&self.crates.registry, "/registry"),
            (&library, "/library"),
            (&library_itself, "/library"),
        ]
        .map(|(from, to)| format!("'--remap-path-prefix={}={to}'", from.display()));
        let flags = format!("--config=target.{}.rustflags=[{}]", self.arch.triple(), remapped.join(","));
        Ok([
            "--features=whowrote/driver",
            "-Zbuild-std=core,compiler_builtins",
            "-Zbuild-std-features=compiler-builtins-mem",
            // without any optimization it refers to functions of a C library
            "--config=profile.dev.package.compiler_builtins.opt-level=1",
            &paths,
            &flags,
        ]
        .map(ToString::to_string)
        .into())
    }
}
