//! A Rust compiler together with the matching library source, libclang and DDK headers.
//!
//! The toolchain of `rust-toolchain.toml` has no `core` for Windows targets unless rustup may download it, so Debian's
//! compiler for its web browsers builds one from source: `rustc-web` and `rust-web-src` are always of the same version.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::apt::{Apt, HOST_NEEDS};
use crate::run::{output, say};
use crate::{cache, workspace};

/// Changes whenever the fetched set does.
const FOLDER: &str = "compiler-1";

/// Folders of those packages that no build reads.
const EXCLUDE: [&str; 5] = [
    "./usr/share/doc",
    "./usr/share/man",
    "./usr/src/rustc-*/compiler",
    "./usr/src/rustc-*/src",
    "./usr/src/rustc-*/debian",
];

/// The unpacked compiler.
pub(crate) struct Compiler {
    root: PathBuf,
    /// The folder of the shared libraries that its programs need.
    pub(crate) libraries: PathBuf,
    pub(crate) libclang: PathBuf,
    /// clang's own headers and the folder above them.
    pub(crate) clang_resources: PathBuf,
}

impl Compiler {
    /// The compiler from the cache, fetched if it is not there.
    pub(crate) fn get() -> Result<Self> {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            bail!("this is not x86-64 Linux.\n{HOST_NEEDS}");
        }
        let root = cache::folder(FOLDER, |folder| {
            say(format_args!(
                "the cross compiler is fetched once into {}; nothing is installed",
                cache::root()?.display()
            ));
            let apt = Apt::update()?;
            let packages = apt.closure(&package_names(&apt)?)?;
            apt.unpack(&packages, folder, &EXCLUDE)
        })
        .context("cannot fetch the cross compiler")?;
        Self::at(root)
    }

    fn at(root: PathBuf) -> Result<Self> {
        let libraries = root.join("usr/lib/x86_64-linux-gnu");
        let libclang =
            only_match(&libraries, |name| name.starts_with("libclang-") && name.ends_with(".so.1"))?;
        let llvm = only_match(&root.join("usr/lib"), |name| name.starts_with("llvm-"))?;
        let clang_resources = only_match(&llvm.join("lib/clang"), |_| true)?;
        Ok(Self { root, libraries, libclang, clang_resources })
    }

    /// The version of LLVM that it uses, such as "22".
    pub(crate) fn llvm_version(&self) -> Result<String> {
        let name = self.libclang.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let version = name.strip_prefix("libclang-").and_then(|rest| rest.split('.').next());
        version.map(str::to_owned).with_context(|| format!("{name} has no version in its name"))
    }

    /// One of its programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.root.join("usr/bin").join(name)
    }

    /// A cargo command that builds for `triple` with this compiler and `linker`, into `target/` whatever the environment
    /// says. `program` is cargo or one of its plug-ins.
    pub(crate) fn cargo(&self, program: &OsStr, triple: &str, linker: &Path) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if !reaches_cross_build(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        command
            .current_dir(workspace::root())
            .env("RUSTC", self.program("rustc"))
            .env("RUSTDOC", self.program("rustdoc"))
            .env("RUSTC_BOOTSTRAP", "1") // for -Zbuild-std
            .env("LD_LIBRARY_PATH", &self.libraries)
            .env(format!("CARGO_TARGET_{}_LINKER", triple.replace('-', "_").to_uppercase()), linker)
            .env("CARGO_TARGET_DIR", workspace::target())
            .env("CARGO_BUILD_TARGET", triple);
        command
    }

    /// The compiler itself, outside cargo.
    pub(crate) fn rustc(&self) -> Command {
        let mut command = Command::new(self.program("rustc"));
        command.env("LD_LIBRARY_PATH", &self.libraries).env("RUSTC_BOOTSTRAP", "1");
        command
    }

    /// The source of `core`.
    pub(crate) fn library_source(&self) -> PathBuf {
        self.root.join("usr/lib/rustlib/src/rust/library")
    }

    /// The headers of mingw-w64; those of the DDK are in its `ddk`.
    pub(crate) fn headers(&self) -> PathBuf {
        self.root.join("usr/share/mingw-w64/include")
    }
}

/// Debian's names for all that; those that carry a version are found by the dependencies of the others.
fn package_names(apt: &Apt) -> Result<Vec<String>> {
    let show = |name: &str| {
        apt.show([name])?.pop().with_context(|| format!("the package archive has no {name}.\n{HOST_NEEDS}"))
    };
    let std_dev = show("libstd-rust-web-dev")?;
    let std = show(std_dev.dependency("libstd-rust-web-")?)?;
    let llvm = std.dependency("libllvm")?;
    let version = &llvm["libllvm".len()..];
    let mut names = vec![format!("libclang1-{version}"), format!("libclang-common-{version}-dev")];
    names.extend(
        ["rustc-web", "libstd-rust-web-dev", "rust-web-src", "rust-web-clippy", "mingw-w64-common"]
            .map(ToString::to_string),
    );
    Ok(names)
}

/// The one entry of a folder whose name fits.
fn only_match(folder: &Path, fits: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let mut found = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().and_then(OsStr::to_str).is_some_and(&fits));
    found.next().with_context(|| format!("{} lacks what the cross build needs; remove it", folder.display()))
}

/// Whether a variable of the environment may reach a cross build. The others are meant for builds for this host, or were
/// set by cargo and rustup for this program alone.
fn reaches_cross_build(name: &str) -> bool {
    let for_cargo = name.strip_prefix("CARGO_").is_some_and(|rest| {
        ["BUILD_", "PKG_", "MANIFEST_", "PROFILE_", "TARGET_", "ENCODED_"]
            .iter()
            .any(|part| rest.starts_with(part))
    });
    !for_cargo && !["RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTDOCFLAGS", "RUSTFLAGS"].contains(&name)
}

/// The cargo that runs this program.
pub(crate) fn host_cargo() -> Result<OsString> {
    std::env::var_os("CARGO").context("run this as `cargo xtask`")
}

/// The linker of the toolchain that runs this program, which can link for Windows.
pub(crate) fn linker() -> Result<PathBuf> {
    let rustc = PathBuf::from(host_cargo()?).with_file_name("rustc");
    let sysroot = output(Command::new(rustc).args(["--print", "sysroot"]))?;
    let linker = Path::new(sysroot.trim()).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld");
    if !linker.is_file() {
        bail!("the Rust toolchain has no {}: use one that rustup installed", linker.display());
    }
    Ok(linker)
}
