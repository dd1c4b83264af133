//! Debian packages, unpacked into the cache instead of being installed.
//!
//! apt keeps its lists and archives in the cache too, so neither root nor the system's own lists are needed. apt checks
//! the archive's signature and every package's hash as always.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::run::{exists, run, say};

/// What every Debian host has that can run cargo; a second C library beside the first would not even work.
const HOST_HAS: [&str; 8] =
    ["binutils", "gcc", "gcc-12-base", "libc-dev", "libc6", "libc6-dev", "libgcc-s1", "libstdc++6"];

/// What to do where this cannot work.
pub(crate) const HOST_NEEDS: &str = "Building for Windows elsewhere needs x86-64 Linux with the packages of Debian 12; a \
    container will do.\nOn Windows with the WDK, `cargo build --release --features driver` builds the driver";

/// apt on lists of our own.
pub(crate) struct Apt {
    folder: PathBuf,
}

impl Apt {
    /// Fetches the package lists.
    pub(crate) fn update() -> Result<Self> {
        for program in ["apt-get", "apt-cache", "dpkg-deb", "tar"] {
            if !exists(program) {
                bail!("there is no {program} here.\n{HOST_NEEDS}");
            }
        }
        let folder = cache::root()?.join("apt");
        fs::create_dir_all(folder.join("lists/partial"))?;
        fs::create_dir_all(folder.join("cache/archives/partial"))?;
        let apt = Self { folder };
        say(format_args!("fetching Debian's package lists"));
        run(apt.command("apt-get").args(["-qq", "--error-on=any", "update"]))
            .context("cannot fetch Debian's package lists")?;
        Ok(apt)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .arg(format!("-oDir::State::Lists={}", self.folder.join("lists").display()))
            .arg(format!("-oDir::Cache={}", self.folder.join("cache").display()))
            // run as root, apt would otherwise drop to a user who cannot write there
            .arg("-oAPT::Sandbox::User=")
            .arg("-oAcquire::Retries=3")
            .env("LC_ALL", "C");
        command
    }

    /// What the archive says about the newest version of these packages; a package that it does not have is left out.
    pub(crate) fn show<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Package>> {
        let output = self.command("apt-cache").args(["show", "--no-all-versions"]).args(names).output()?;
        // apt-cache fails when one of several packages is missing, having shown the others
        Ok(parse_control(&String::from_utf8_lossy(&output.stdout)))
    }

    /// The packages named, without what they depend on.
    pub(crate) fn exactly(&self, names: &[&str]) -> Result<Vec<Package>> {
        let packages = self.show(names.iter().copied())?;
        match names.iter().find(|name| packages.iter().all(|package| package.name != **name)) {
            Some(missing) => bail!("the package archive has no {missing}.\n{HOST_NEEDS}"),
            None => Ok(packages),
        }
    }

    /// The packages named and all that they depend on, less what the host has anyway.
    pub(crate) fn closure(&self, roots: &[String]) -> Result<Vec<Package>> {
        let mut chosen = BTreeMap::new();
        let mut seen: BTreeSet<String> = HOST_HAS.iter().map(ToString::to_string).collect();
        let mut wanted: Vec<Vec<String>> = roots.iter().map(|name| vec![name.clone()]).collect();
        while !wanted.is_empty() {
            let names: BTreeSet<&str> = wanted.iter().flatten().map(String::as_str).collect();
            let known: BTreeMap<String, Package> =
                self.show(names)?.into_iter().map(|package| (package.name.clone(), package)).collect();
            let mut next = Vec::new();
            for alternatives in wanted {
                if alternatives.iter().any(|name| seen.contains(name)) {
                    continue;
                }
                let Some(package) = alternatives.iter().find_map(|name| known.get(name)) else {
                    bail!("the package archive has no {}.\n{HOST_NEEDS}", alternatives.join(" or "));
                };
                seen.insert(package.name.clone());
                next.extend(package.depends.iter().cloned());
                chosen.insert(package.name.clone(), package.clone());
            }
            wanted = next;
        }
        Ok(chosen.into_values().collect())
    }

    /// Downloads packages and unpacks them into `destination`, without what `exclude` names (as tar's patterns).
    pub(crate) fn unpack(&self, packages: &[Package], destination: &Path, exclude: &[&str]) -> Result<()> {
        let megabytes = |bytes: u64| format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10);
        let total: u64 = packages.iter().map(|package| package.size).sum();
        say(format_args!("fetching {} packages, {}", packages.len(), megabytes(total)));
        for (index, Package { name, version, size, .. }) in packages.iter().enumerate() {
            say(format_args!("  {:2}/{} {name} {version}, {}", index + 1, packages.len(), megabytes(*size)));
            let download = tempfile::tempdir_in(&self.folder)?;
            run(self
                .command("apt-get")
                .args(["-qq", "download", &format!("{name}={version}")])
                .current_dir(download.path()))
            .with_context(|| format!("cannot fetch the package {name}"))?;
            let archive = fs::read_dir(download.path())?
                .next()
                .with_context(|| format!("apt-get download left nothing for {name}"))??
                .path();
            unpack_one(&archive, destination, exclude).with_context(|| format!("cannot unpack {name}"))?;
        }
        Ok(())
    }
}

fn unpack_one(archive: &Path, destination: &Path, exclude: &[&str]) -> Result<()> {
    let mut reader = Command::new("dpkg-deb")
        .arg("--fsys-tarfile")
        .arg(archive)
        .stdout(std::process::Stdio::piped())
        .spawn()?;
    let files = reader.stdout.take().context("dpkg-deb has no output")?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--no-same-owner", "--anchored", "--no-wildcards-match-slash"])
        .arg("--directory")
        .arg(destination)
        .args(exclude.iter().map(|pattern| format!("--exclude={pattern}")))
        .stdin(files);
    let unpacked = run(&mut tar);
    let read = reader.wait()?;
    unpacked?;
    if !read.success() {
        bail!("dpkg-deb failed ({read})");
    }
    Ok(())
}

/// One package of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Bytes to download.
    pub(crate) size: u64,
    /// What it needs; each a choice of package names.
    pub(crate) depends: Vec<Vec<String>>,
}

impl Package {
    /// The first package that it depends on whose name begins so.
    pub(crate) fn dependency(&self, prefix: &str) -> Result<&str> {
        self.depends
            .iter()
            .flatten()
            .map(String::as_str)
            .find(|name| name.starts_with(prefix))
            .with_context(|| format!("the package {} depends on no {prefix}*", self.name))
    }
}

/// Reads the paragraphs that `apt-cache show` prints.
fn parse_control(text: &str) -> Vec<Package> {
    text.split("\n\n")
        .filter_map(|paragraph| {
            let field = |name: &str| {
                paragraph.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':').map(str::trim))
            };
            let depends = [field("Pre-Depends"), field("Depends")];
            Some(Package {
                name: field("Package")?.to_owned(),
                version: field("Version")?.to_owned(),
                size: field("Size").and_then(|size| size.parse().ok()).unwrap_or(0),
                depends: depends
                    .into_iter()
                    .flatten()
                    .flat_map(|list| list.split(','))
                    .map(alternatives)
                    .collect(),
            })
        })
        .collect()
}

/// `libfoo (>= 1) | libbar:any` as package names.
fn alternatives(dependency: &str) -> Vec<String> {
    dependency
        .split('|')
        .filter_map(|choice| choice.split([' ', '(', ':']).find(|part| !part.is_empty()))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_read() {
        let text = "Package: libllvm22\nVersion: 1:22.1.8-1\nInstalled-Size: 9\nPre-Depends: pre\n\
            Depends: libc6 (>= 2.34), a:any | b (<< 3) , libz3-4\nSize: 29378692\nDescription: words\n more: words\n\n\
            Package: empty\nVersion: 2\n\n";
        let package = |name: &str, version: &str, size, depends: &[&[&str]]| Package {
            name: name.into(),
            version: version.into(),
            size,
            depends: depends.iter().map(|choice| choice.iter().map(ToString::to_string).collect()).collect(),
        };
        assert_eq!(
            parse_control(text),
            [
                package(
                    "libllvm22",
                    "1:22.1.8-1",
                    29_378_692,
                    &[&["pre"], &["libc6"], &["a", "b"], &["libz3-4"]]
                ),
                package("empty", "2", 0, &[]),
            ]
        );
        assert_eq!(parse_control(text)[0].dependency("libz").unwrap(), "libz3-4");
        assert!(parse_control(text)[1].dependency("libz").is_err());
    }
}
