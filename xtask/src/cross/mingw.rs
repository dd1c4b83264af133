//! mingw-w64's gcc, which here links Windows programs and makes libraries without code.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::apt::Apt;
use crate::cache;
use crate::run::say;

/// The folder in the cache; changes whenever the fetched set does.
const FOLDER: &str = "mingw-1";

/// gcc and the import libraries of Windows.
const PACKAGES: [&str; 2] = ["gcc-mingw-w64-x86-64-win32", "mingw-w64-x86-64-dev"];
const GCC: &str = "usr/bin/x86_64-w64-mingw32-gcc-win32";

/// What of that no link reads.
const EXCLUDE: [&str; 7] = [
    "./usr/share",
    "./usr/lib/gcc/*/*/adalib",
    "./usr/lib/gcc/*/*/plugin",
    "./usr/lib/gcc/*/*/*.dll",
    "./usr/lib/gcc/*/*/cc1",
    "./usr/lib/gcc/*/*/lto1",
    "./usr/x86_64-w64-mingw32/include",
];

pub(crate) struct Mingw {
    root: PathBuf,
}

impl Mingw {
    /// gcc from the cache, fetched if it is not there.
    pub(crate) fn get() -> Result<Self> {
        let root = cache::folder(FOLDER, |folder| {
            say(format_args!("the linker for Windows programs is fetched once; nothing is installed"));
            let apt = Apt::update()?;
            let packages = apt.closure(&PACKAGES.map(str::to_owned))?;
            apt.unpack(&packages, folder, &EXCLUDE)
        })
        .context("cannot fetch the linker for Windows programs")?;
        Ok(Self { root })
    }

    /// The path of gcc itself.
    pub(crate) fn gcc(&self) -> PathBuf {
        self.root.join(GCC)
    }

    /// A command that runs gcc.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(self.gcc());
        command.env("LD_LIBRARY_PATH", self.libraries());
        command
    }

    /// The folder of the shared libraries that its programs need.
    pub(crate) fn libraries(&self) -> PathBuf {
        self.root.join("usr/lib/x86_64-linux-gnu")
    }

    /// A search path on which its tools come first.
    pub(crate) fn search_path(&self) -> OsString {
        let mut path = self.root.join("usr/bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        path
    }
}
