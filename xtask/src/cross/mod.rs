//! Building for Windows on a Debian host, without a WDK and with nothing installed.
//!
//! `compiler` is fetched into the cache; `wdk` and `wdk_build` make, under `target/cross/`, what the driver's build
//! expects of a Windows machine with the WDK.

pub(crate) mod clang;
mod compiler;
pub(crate) mod driver;
pub(crate) mod link;
pub(crate) mod mingw;
pub(crate) mod offenders;
mod wdk;
mod wdk_build;
pub(crate) mod windows_program;

pub(crate) use compiler::host_cargo;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Where this checkout keeps what the cross build derives.
pub(crate) fn folder() -> PathBuf {
    crate::workspace::target().join("cross")
}

/// Writes a file only if that changes it, so that nothing is rebuilt for its new date.
fn write(path: &Path, contents: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|present| present == contents) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    fs::write(path, contents).with_context(|| format!("cannot write {}", path.display()))
}
