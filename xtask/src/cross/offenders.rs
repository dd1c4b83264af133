//! The misbehaving drivers of `crates/ntsim/tests/offenders`: one file each, compiled and linked without cargo.
//!
//! They use a few inline functions of `core` and nothing else, so that its metadata is enough: no code of it is made.
//! An image is made again when a text it is made of has changed; those texts lie beside it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, anyhow};

use super::compiler::{self, Compiler};
use super::driver::Arch;
use super::{folder, wdk};
use crate::run::{output, run, say};
use crate::workspace;

/// The folder of their sources, in the checkout.
const SOURCES: &str = "crates/ntsim/tests/offenders";
/// What all of them include.
const SUPPORT: &str = "support/mod.rs";
/// What is exported to them, beside that file.
const EXPORTS: [&str; 2] = ["ntoskrnl", "fltmgr"];
/// The folder of images beside those of the driver's profiles.
const IMAGES: &str = "offenders";
/// Each source makes two images: the offender, and its twin that keeps the rule.
const TWINS: [(&str, &[&str]); 2] = [("", &[]), (".mended", &["--cfg", "mended"])];
/// How the metadata of `core` is made: with the code of all its functions, since none is compiled.
const LIBRARY_FLAGS: [&str; 2] = ["-Zforce-unstable-if-unmarked", "-Zalways-encode-mir"];
/// A crate that stands for the compiler's own functions, none of which are used.
const COMPILER_BUILTINS: &str = "#![feature(compiler_builtins)]\n#![compiler_builtins]\n#![no_std]\n";

/// Builds those that are not up to date; returns their folder.
pub(crate) fn build() -> Result<PathBuf> {
    let compiler = Compiler::get()?;
    let images = workspace::target().join(Arch::X64.triple()).join(IMAGES);
    fs::create_dir_all(&images)?;
    let scratch = folder().join(IMAGES);
    fs::create_dir_all(&scratch)?;
    let _lock = crate::cache::lock(&scratch.join("lock"))?;
    let build = Build { version: output(compiler.rustc().arg("-vV"))?, compiler, images, scratch };
    let outdated: Vec<_> =
        build.sources()?.into_iter().filter(|source| !build.is_up_to_date(source)).collect();
    if !outdated.is_empty() {
        say(format_args!("building drivers that break rules: {}", outdated.len()));
        build.prepare()?;
        build.all(outdated)?;
    }
    Ok(build.images)
}

struct Build {
    compiler: Compiler,
    version: String,
    images: PathBuf,
    scratch: PathBuf,
}

/// One source, with everything that its images are made of.
struct Source {
    name: String,
    path: PathBuf,
    text: String,
}

impl Build {
    fn sources(&self) -> Result<Vec<Source>> {
        let folder = workspace::root().join(SOURCES);
        let read =
            |path: &Path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
        let mut shared = read(&folder.join(SUPPORT))?;
        for module in EXPORTS {
            shared += &read(&exports(module))?;
        }
        shared += &self.version;
        let mut sources = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension() == Some(OsStr::new("rs")) {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                sources.push(Source { name, text: read(&path)? + &shared, path });
            }
        }
        sources.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(sources)
    }

    fn text_beside(&self, source: &Source) -> PathBuf {
        self.images.join(format!("{}.made-of", source.name))
    }

    fn is_up_to_date(&self, source: &Source) -> bool {
        fs::read_to_string(self.text_beside(source)).is_ok_and(|text| text == source.text)
    }

    /// Makes what all of them need: the metadata of `core`, and import libraries.
    fn prepare(&self) -> Result<()> {
        let stamp = self.scratch.join("made-of");
        let made_of = format!("{}{LIBRARY_FLAGS:?}", self.version);
        if !fs::read_to_string(&stamp).is_ok_and(|text| text == made_of) {
            let core = self.compiler.library_source().join("core/src/lib.rs");
            run(self.library("core").arg(core)).context("core does not compile")?;
            let builtins = self.scratch.join("compiler_builtins.rs");
            fs::write(&builtins, COMPILER_BUILTINS)?;
            run(self.library("compiler_builtins").arg(builtins))?;
            fs::write(stamp, made_of)?;
        }
        for module in EXPORTS {
            let library = self.scratch.join(format!("{module}.lib"));
            run(wdk::librarian(Arch::X64, &library)?.arg(format!("/def:{}", exports(module).display())))?;
        }
        Ok(())
    }

    /// A command that makes the metadata of a crate of the standard library.
    fn library(&self, name: &str) -> Command {
        let mut command = self.rustc();
        command
            .args([
                "--crate-name",
                name,
                "--crate-type",
                "rlib",
                "--emit",
                "metadata",
                "--cap-lints",
                "allow",
            ])
            .args(LIBRARY_FLAGS)
            .arg("--out-dir")
            .arg(&self.scratch);
        command
    }

    fn rustc(&self) -> Command {
        let mut command = self.compiler.rustc();
        command
            .current_dir(workspace::root())
            .args([
                "--edition",
                "2024",
                "--target",
                Arch::X64.triple(),
                "-Copt-level=1",
                "-Cpanic=abort",
                "-L",
            ])
            .arg(&self.scratch);
        command
    }

    /// Builds on all processors, and fails with the first failure.
    fn all(&self, sources: Vec<Source>) -> Result<()> {
        let queue = Mutex::new(sources);
        let next = || queue.lock().ok().and_then(|mut queue| queue.pop());
        let work = || {
            while let Some(source) = next() {
                self.one(&source).with_context(|| format!("{} does not build", source.path.display()))?;
            }
            Ok(())
        };
        let workers = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().unwrap_or_else(|_| Err(anyhow!("a worker died"))))
        })
    }

    fn one(&self, source: &Source) -> Result<()> {
        for (suffix, cfg) in TWINS {
            let name = format!("{}{suffix}", source.name);
            let object = self.scratch.join(format!("{name}.obj"));
            let relative = source.path.strip_prefix(workspace::root()).unwrap_or(&source.path);
            run(self
                .rustc()
                .args(["--crate-type", "bin", "--emit", "obj", "-g", "--check-cfg", "cfg(mended)"])
                .args(cfg)
                .arg(format!("--remap-path-prefix={}=/whowrote", workspace::root().display()))
                .args(["-Dwarnings", "-o"])
                .args([&object, relative]))?;
            let image = self.images.join(format!("{name}.sys"));
            run(Command::new(compiler::linker()?)
                .args(["-flavor", "link", "/nologo", "/subsystem:native", "/driver", "/nodefaultlib"])
                .args(["/entry:DriverEntry", "/debug", "/integritycheck"])
                .arg(format!("/out:{}", image.display()))
                .arg(object)
                .args(EXPORTS.map(|module| self.scratch.join(format!("{module}.lib")))))?;
        }
        fs::write(self.text_beside(source), &source.text)?;
        Ok(())
    }
}

/// The list of what a module exports to them.
fn exports(module: &str) -> PathBuf {
    workspace::root().join(SOURCES).join("support").join(format!("{module}.def"))
}
