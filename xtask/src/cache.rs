//! The cache of fetched packages, shared by all checkouts of this user.
//!
//! Each thing in it is a folder that either is complete or is not there: it is made under a temporary name and renamed
//! when done, under a lock, so an interrupted run leaves nothing half-done and two runs do not fetch the same twice.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// Names another folder for the cache.
const OVERRIDE: &str = "WHOWROTE_CACHE";

/// The cache's folder: `$WHOWROTE_CACHE`, or `whowrote` in the user's cache folder.
pub(crate) fn root() -> Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = if let Some(folder) = variable(OVERRIDE) {
        folder
    } else if let Some(folder) = variable("XDG_CACHE_HOME").filter(|path| path.is_absolute()) {
        folder.join("whowrote")
    } else if let Some(home) = variable("HOME") {
        home.join(".cache/whowrote")
    } else {
        bail!("no folder for the cache: set {OVERRIDE}");
    };
    fs::create_dir_all(&folder).with_context(|| format!("cannot create the cache {}", folder.display()))?;
    fs::canonicalize(&folder).with_context(|| format!("cannot use the cache {}", folder.display()))
}

/// The cache's folder `name`; if it is not there, `fill` makes it, in an empty folder that it is given.
pub(crate) fn folder(name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    folder_in(&root()?, name, fill)
}

fn folder_in(root: &Path, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = root.join(name);
    if folder.is_dir() {
        return Ok(folder);
    }
    let _lock = lock(&root.join(format!("{name}.lock")))?;
    if folder.is_dir() {
        return Ok(folder); // another run made it while this one waited
    }
    let prefix = format!("{name}.partial.");
    remove_abandoned(root, &prefix)?;
    let partial = tempfile::Builder::new().prefix(&prefix).tempdir_in(root)?;
    fill(partial.path())?;
    fs::rename(partial.keep(), &folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// Waits for the lock kept in the file at `path`; dropping the file gives it back.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    if file.try_lock().is_err() {
        crate::run::say(format_args!("waiting for another run that holds {}", path.display()));
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    }
    Ok(file)
}

/// Removes what killed runs left. Only the holder of the lock may.
fn remove_abandoned(root: &Path, prefix: &str) -> Result<()> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(prefix) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_made_once() {
        let root = tempfile::tempdir().unwrap();
        let made = folder_in(root.path(), "thing", |path| Ok(fs::write(path.join("file"), "1")?)).unwrap();
        let again = folder_in(root.path(), "thing", |_| panic!("made twice")).unwrap();
        assert_eq!(made, again);
        assert_eq!(fs::read_to_string(made.join("file")).unwrap(), "1");
    }

    #[test]
    fn an_interrupted_run_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("thing.partial.killed")).unwrap();
        let failed = folder_in(root.path(), "thing", |path| {
            fs::write(path.join("half"), "")?;
            bail!("interrupted")
        });
        assert!(failed.is_err());
        let left: Vec<_> =
            fs::read_dir(root.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["thing.lock"]);
    }
}
