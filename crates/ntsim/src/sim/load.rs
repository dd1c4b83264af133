//! Loading and unloading a driver.

use std::fmt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::exports::DataCells;
use crate::image;
use crate::io::driver;
use crate::status::NtStatus;
use crate::verifier::site::Origin;
use crate::windows::Windows;

/// A driver that cannot be loaded.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no x86-64 Windows driver.
    #[error("not a loadable driver image: {0}")]
    Image(String),
    /// Imports that this simulator or this Windows version does not have; nothing has run.
    #[error("{} missing: {}", if .0.len() == 1 { "an import is" } else { "imports are" }, .0.join(", "))]
    MissingImports(Vec<String>),
    /// `DriverEntry` failed.
    #[error("DriverEntry failed with {0}")]
    DriverEntry(NtStatus),
    /// A driver of that service name is loaded.
    #[error("{0} is already loaded")]
    AlreadyLoaded(String),
}

/// Checks that an image can be loaded on a version of Windows, without running anything of it.
///
/// # Errors
///
/// As for [`super::Sim::load_file`], but for what `DriverEntry` does.
pub fn check_image(path: &Path, windows: Windows) -> Result<(), LoadError> {
    let bytes = driver::read(path)?;
    image::load(&bytes, "driver", windows, &DataCells::new()).map(|_| ())
}

/// A driver that is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Driver(pub(crate) u64);

/// Something that an unloaded driver, or one whose `DriverEntry` failed, left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leak {
    /// What kind of thing, such as "pool" or "stream context".
    pub what: &'static str,
    /// Which: its tag, type or name.
    pub which: String,
    /// How many.
    pub count: usize,
    /// How many bytes, where that has a meaning.
    pub bytes: usize,
    /// Where the first of them was taken: callback, operation, and place in the driver's code, as far as known.
    pub origin: Option<String>,
}

impl Leak {
    pub(crate) fn new(what: &'static str, which: impl Into<String>, count: usize) -> Self {
        Self { what, which: which.into(), count, bytes: 0, origin: None }
    }

    pub(crate) fn bytes(self, bytes: usize) -> Self {
        Self { bytes, ..self }
    }

    pub(crate) fn taken(self, origin: Option<&Origin>) -> Self {
        Self { origin: origin.map(ToString::to_string), ..self }
    }
}

/// What an unloaded driver left behind: nothing, as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LeakReport {
    /// What was left.
    pub leaks: Vec<Leak>,
}

impl LeakReport {
    /// Whether nothing was left behind.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.leaks.is_empty()
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, which, count, bytes, origin } = self;
        write!(f, "{count} × {what} {which}")?;
        if *bytes > 0 {
            write!(f, " ({bytes} bytes)")?;
        }
        match origin {
            Some(origin) => write!(f, ", taken {origin}"),
            None => Ok(()),
        }
    }
}

/// A driver that does not unload.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnloadError {
    /// No such driver is loaded.
    #[error("the driver is not loaded")]
    NotLoaded,
    /// It registered no unload callback.
    #[error("the driver has no unload routine")]
    NotSupported,
    /// Its unload callback refused.
    #[error("the driver refused to unload: {0}")]
    Refused(NtStatus),
}
