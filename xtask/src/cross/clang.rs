//! clang, which compiles C for Windows: the tests have minifilters in C.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::compiler::Compiler;
use crate::apt::Apt;
use crate::cache;
use crate::run::say;

/// The folder in the cache; changes whenever the fetched set does.
const FOLDER: &str = "clang-1";

/// What of its packages no compilation reads.
const EXCLUDE: [&str; 1] = ["./usr/share"];

/// The unpacked compiler.
pub(crate) struct Clang {
    /// The program itself.
    pub(crate) program: PathBuf,
    /// The folders of the shared libraries that it needs, as a search path.
    pub(crate) libraries: OsString,
    /// Its own headers and the folder above them.
    pub(crate) resources: PathBuf,
}

impl Clang {
    /// clang from the cache, fetched if it is not there: the one of the same version as the cross compiler's library.
    pub(crate) fn get() -> Result<Self> {
        let compiler = Compiler::get()?;
        let version = compiler.llvm_version()?;
        let names = [format!("clang-{version}"), format!("libclang-cpp{version}")];
        let root = cache::folder(FOLDER, |folder| {
            say(format_args!("the C compiler for the tests is fetched once; nothing is installed"));
            let apt = Apt::update()?;
            let packages = apt.exactly(&names.each_ref().map(String::as_str))?;
            apt.unpack(&packages, folder, &EXCLUDE)
        })
        .context("cannot fetch the C compiler")?;
        let mut libraries = root.join("usr/lib/x86_64-linux-gnu").into_os_string();
        libraries.push(":");
        libraries.push(&compiler.libraries);
        let program = root.join(format!("usr/lib/llvm-{version}/bin/clang"));
        Ok(Self { program, libraries, resources: compiler.clang_resources })
    }
}
