//! Copies of wdk-build and what it stands on that compile on this host.
//!
//! wdk-build supports Windows alone: it reads the registry to find a kit, and has a front end for cargo-make. In the copy
//! these are there for Windows only, and the crates behind them are empty. Cargo uses the copies by path overrides, so the
//! project's `Cargo.toml` and `Cargo.lock` stay as a Windows user needs them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;

use super::write;
use crate::workspace;

/// The version that the edits below are for.
const VERSION: &str = "0.6.0";

/// One replacement in a file, and how often it must be found.
struct Edit {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    times: usize,
}

const EDITS: [Edit; 6] = [
    Edit {
        file: "src/lib.rs",
        from: "pub mod cargo_make;",
        to: "#[cfg(windows)]\npub mod cargo_make;",
        times: 1,
    },
    Edit {
        file: "src/utils.rs",
        from: "use windows::{\n",
        to: "#[cfg(windows)]\nuse windows::{\n",
        times: 1,
    },
    Edit {
        file: "src/utils.rs",
        from: "    if let Some(path) = read_registry_key_string_value(",
        to: "    #[cfg(windows)]\n    if let Some(path) = read_registry_key_string_value(",
        times: 2,
    },
    Edit {
        file: "src/utils.rs",
        from: "\nfn read_registry_key_string_value(",
        to: "\n#[cfg(windows)]\nfn read_registry_key_string_value(",
        times: 1,
    },
    // set_var and remove_var of other hosts are a compile_error!
    Edit {
        file: "src/utils.rs",
        from: "#[cfg(not(target_os = \"windows\"))]",
        to: "#[cfg(any())]",
        times: 2,
    },
    Edit { file: "src/utils.rs", from: "use std::{", to: "#[allow(unused_imports)]\nuse std::{", times: 1 },
];

/// What of the crate's source the copy has.
const PARTS: [&str; 3] = ["Cargo.toml", "build.rs", "src"];

/// What wdk-build uses on Windows only, and what does not compile elsewhere.
const EMPTIED: [&str; 2] = ["windows", "windows-future"];

/// A table of their manifests that cargo warns of.
const HINTS: &str = "[hints]\nmostly-unused = true\n";

/// What `copy` found and made.
pub(crate) struct Crates {
    /// The folders of crates to use in place of those of the same name.
    pub(crate) overrides: Vec<PathBuf>,
    /// The folder that cargo keeps the sources of crates in.
    pub(crate) registry: PathBuf,
}

/// Makes the copies under the folder `destination`.
pub(crate) fn copy(destination: &Path) -> Result<Crates> {
    let metadata = MetadataCommand::new()
        .manifest_path(workspace::root().join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()
        .context("cannot read the workspace")?;
    let mut overrides = Vec::new();
    let mut registry = None;
    for package in &metadata.packages {
        let name = package.name.as_str();
        let source = package.manifest_path.parent().context("a package has no folder")?.as_std_path();
        let copy = destination.join(format!("{name}-{}", package.version));
        if name == "wdk-build" {
            if package.version.to_string() != VERSION {
                bail!("the edits are for wdk-build {VERSION}, the workspace has {}", package.version);
            }
            registry = source.parent().map(Path::to_owned);
            for part in PARTS {
                copy_part(source, &copy, Path::new(part))?;
            }
        } else if EMPTIED.contains(&name) {
            let manifest = fs::read_to_string(source.join("Cargo.toml"))?;
            write(&copy.join("Cargo.toml"), manifest.replace(HINTS, "").as_bytes())?;
            write(&copy.join("src/lib.rs"), b"")?;
        } else {
            continue;
        }
        overrides.push(copy);
    }
    let registry = registry.context("the workspace does not depend on wdk-build")?;
    Ok(Crates { overrides, registry })
}

fn copy_part(source: &Path, destination: &Path, part: &Path) -> Result<()> {
    let path = source.join(part);
    if path.is_dir() {
        for entry in fs::read_dir(&path)? {
            copy_part(source, destination, &part.join(entry?.file_name()))?;
        }
        return Ok(());
    }
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    write(&destination.join(part), edited(part, text.replace("\r\n", "\n"))?.as_bytes())
}

fn edited(part: &Path, mut text: String) -> Result<String> {
    for Edit { file, from, to, times } in EDITS.iter().filter(|edit| part == Path::new(edit.file)) {
        let found = text.matches(from).count();
        if found != *times {
            bail!("{file} of wdk-build {VERSION} has {found} times, not {times}: {from}");
        }
        text = text.replace(from, to);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_that_does_not_fit_is_an_error() {
        let library = Path::new("src/lib.rs");
        assert_eq!(
            edited(library, "pub mod cargo_make;\n".into()).unwrap(),
            "#[cfg(windows)]\npub mod cargo_make;\n"
        );
        assert!(edited(library, "mod cargo_make;\n".into()).is_err());
    }
}
