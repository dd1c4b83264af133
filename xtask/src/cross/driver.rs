//! The driver's image, built or checked for a Windows target.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use super::compiler::{self, Compiler};
use super::{folder, wdk, wdk_build};
use crate::{cache, run, workspace};

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
    fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Release => "release",
        }
    }
}

/// Builds the driver; returns the path of `whowrote.sys`, beside which lies `whowrote.pdb`.
pub(crate) fn build(arch: Arch, profile: Profile) -> Result<PathBuf> {
    let cross = Cross::prepare(arch)?;
    run::say(format_args!("building the driver for {} ({})", arch.triple(), profile.name()));
    run::run(cross.cargo("cargo").arg("build").args(cross.arguments()).args([
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
    run::say(format_args!("checking the driver for {} with clippy", arch.triple()));
    let cargo_clippy = cross.compiler.program("cargo-clippy");
    run::run(cross.cargo(cargo_clippy).arg("clippy").args(cross.arguments()).args([
        "--package",
        "whowrote",
        "--package",
        "fltmgr",
        "--lib",
        "--",
        "--deny",
        "warnings",
    ]))
    .context("clippy found something in the driver")
}

/// Everything that a cross build for one processor needs.
struct Cross {
    arch: Arch,
    compiler: Compiler,
    linker: PathBuf,
    kit: PathBuf,
    /// Crates used in place of those of the same name.
    overrides: Vec<PathBuf>,
    _lock: fs::File,
}

impl Cross {
    fn prepare(arch: Arch) -> Result<Self> {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            bail!(HOST_CANNOT);
        }
        let linker = compiler::linker()?;
        let compiler = Compiler::get()?;
        let folder = folder();
        fs::create_dir_all(&folder)?;
        let lock = cache::lock(&folder.join("lock"))?;
        let kit = wdk::make(&folder, arch, &compiler, &linker)?;
        let overrides = wdk_build::copy(&folder.join("crates"))?;
        Ok(Self { arch, compiler, linker, kit, overrides, _lock: lock })
    }

    /// A cargo command with the compiler and the kit in its environment.
    fn cargo(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let triple = self.arch.triple().replace('-', "_");
        let linker_variable = format!("CARGO_TARGET_{}_LINKER", triple.to_uppercase());
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let program = if program.as_ref() == "cargo" { cargo.as_os_str() } else { program.as_ref() };
        let mut command = Command::new(program);
        command.current_dir(workspace::root());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("CARGO_PKG_") || FOREIGN_VARIABLES.contains(&name.as_ref()) {
                command.env_remove(name.as_ref());
            }
        }
        command
            .env("CARGO", &cargo)
            .env("RUSTC", self.compiler.program("rustc"))
            .env("RUSTDOC", self.compiler.program("rustdoc"))
            .env("RUSTC_BOOTSTRAP", "1") // -Zbuild-std
            .env("LD_LIBRARY_PATH", &self.compiler.libraries)
            .env("LIBCLANG_PATH", &self.compiler.libclang)
            .env(linker_variable, &self.linker)
            .env("WDKContentRoot", &self.kit)
            .env("Version_Number", wdk::VERSION)
            .env(
                format!("BINDGEN_EXTRA_CLANG_ARGS_{triple}"),
                wdk::clang_arguments(&self.compiler, self.arch),
            );
        command
    }

    /// The arguments that every cargo command of a cross build has.
    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = [
            "--features",
            "whowrote/driver",
            "--target",
            self.arch.triple(),
            "-Zbuild-std=core,compiler_builtins",
            "-Zbuild-std-features=compiler-builtins-mem",
            // without any optimization it refers to functions of a C library
            "--config=profile.dev.package.compiler_builtins.opt-level=1",
        ]
        .map(ToString::to_string)
        .into();
        let overrides: Vec<_> = self.overrides.iter().map(|path| format!("'{}'", path.display())).collect();
        arguments.push(format!("--config=paths=[{}]", overrides.join(",")));
        arguments.push(format!("--target-dir={}", workspace::target().display()));
        arguments
    }
}

/// What must not reach the cross build from the environment: it is meant for builds for this host, or set by cargo and
/// rustup for this program alone.
const FOREIGN_VARIABLES: [&str; 12] = [
    "CARGO_BUILD_RUSTC",
    "CARGO_BUILD_RUSTC_WORKSPACE_WRAPPER",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_MANIFEST_DIR",
    "CARGO_MANIFEST_PATH",
    "CARGO_TARGET_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

const HOST_CANNOT: &str = "this host cannot cross-build the driver: that needs x86-64 Linux with Debian 12's packages.\n\
    On Windows with the WDK, `cargo build --release --features driver` builds it.";
