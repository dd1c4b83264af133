//! Node.js, in which the debugger's script is tested: the host's, or Debian's from the cache.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::apt::Apt;
use crate::cache;
use crate::run::{output, say};

/// The folder in the cache; changes whenever the fetched set does.
const FOLDER: &str = "node-1";
/// The first version with a test runner.
const OLDEST: u32 = 18;
const EXCLUDE: [&str; 2] = ["./usr/share/doc", "./usr/share/man"];

/// Starts it from wherever the cache is.
const SCRIPT: &str = r#"#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
LD_LIBRARY_PATH="$here/usr/lib/x86_64-linux-gnu" exec "$here/usr/bin/node" "$@"
"#;

/// The program: the host's if it is new enough, else from the cache, fetched if it is not there.
pub(crate) fn get() -> Result<PathBuf> {
    let hosts = PathBuf::from("node");
    if version(&hosts).is_some_and(|version| version >= OLDEST) {
        return Ok(hosts);
    }
    let folder = cache::folder(FOLDER, |folder| {
        say(format_args!("Node.js is fetched once; nothing is installed"));
        let apt = Apt::update()?;
        apt.unpack(&apt.closure(&["nodejs".to_owned()])?, folder, &EXCLUDE)?;
        write_program(&folder.join("node"))
    })
    .context("cannot fetch Node.js")?;
    Ok(folder.join("node"))
}

/// The major version of a program, if it is there and says so.
fn version(program: &Path) -> Option<u32> {
    major(&output(Command::new(program).arg("--version")).ok()?)
}

/// 20 of `v20.20.2`.
fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

fn write_program(path: &Path) -> Result<()> {
    fs::write(path, SCRIPT)?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("node 20"), None);
    }
}
