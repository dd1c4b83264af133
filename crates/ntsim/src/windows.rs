//! The Windows versions that ntsim can be.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A release of Windows, oldest first: what it exports and how it copies a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Windows {
    /// Windows 10 version 2004 (build 19041), the oldest that the driver supports.
    Win10_2004,
    /// Windows 10 version 22H2 (build 19045).
    Win10_22H2,
    /// Windows 11 version 21H2 (build 22000).
    Win11_21H2,
    /// Windows 11 version 22H2 (build 22621), the first with `NtCopyFileChunk`.
    Win11_22H2,
    /// Windows 11 version 24H2 (build 26100).
    Win11_24H2,
}

/// What is known of each version: its name on the command line and its build number.
const VERSIONS: [(Windows, &str, u32); 5] = [
    (Windows::Win10_2004, "10-2004", 19041),
    (Windows::Win10_22H2, "10-22h2", 19045),
    (Windows::Win11_21H2, "11-21h2", 22000),
    (Windows::Win11_22H2, "11-22h2", 22621),
    (Windows::Win11_24H2, "11-24h2", 26100),
];

/// A name that is no Windows version ntsim knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown Windows version `{0}`: use one of {all}", all = Windows::names())]
pub struct UnknownWindows(String);

impl Windows {
    /// Every version, oldest first.
    pub const ALL: [Self; 5] =
        [Self::Win10_2004, Self::Win10_22H2, Self::Win11_21H2, Self::Win11_22H2, Self::Win11_24H2];

    /// Whether `CopyFile2` calls `NtCopyFileChunk` there, whose writes a System worker issues.
    #[must_use]
    pub fn has_kernel_copy(self) -> bool {
        self >= Self::Win11_22H2
    }

    /// Whether `CopyFile2` clones blocks where the file system can.
    #[must_use]
    pub fn clones_copies(self) -> bool {
        self >= Self::Win11_24H2
    }

    /// The build number, such as 22621.
    #[must_use]
    pub fn build(self) -> u32 {
        self.row().2
    }

    fn row(self) -> &'static (Self, &'static str, u32) {
        &VERSIONS[self as usize]
    }

    fn names() -> String {
        VERSIONS.map(|(_, name, _)| name).join(", ")
    }
}

impl fmt::Display for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.row().1)
    }
}

impl FromStr for Windows {
    type Err = UnknownWindows;

    fn from_str(name: &str) -> Result<Self, UnknownWindows> {
        VERSIONS
            .iter()
            .find(|(_, known, _)| known.eq_ignore_ascii_case(name))
            .map(|(windows, ..)| *windows)
            .ok_or_else(|| UnknownWindows(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_reads_back_its_own_name() {
        for windows in Windows::ALL {
            assert_eq!(windows.to_string().parse(), Ok(windows));
            assert_eq!(VERSIONS[windows as usize].0, windows);
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let error = "12".parse::<Windows>().expect_err("there is no Windows 12");
        assert!(error.to_string().contains("11-24h2"), "{error}");
    }

    #[test]
    fn kernel_copy_begins_with_windows_11_22h2() {
        let with: Vec<_> = Windows::ALL.into_iter().filter(|windows| windows.has_kernel_copy()).collect();
        assert_eq!(with, [Windows::Win11_22H2, Windows::Win11_24H2]);
    }
}
