//! The Windows versions that can be simulated, and ranges of them.

use std::fmt;

use clap::ValueEnum;

/// A release of Windows, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum)]
pub enum WindowsVersion {
    /// Windows 10 2004.
    #[value(name = "10-2004")]
    Win10_2004,
    /// Windows 10 22H2.
    #[value(name = "10-22h2")]
    Win10_22H2,
    /// Windows 11 21H2.
    #[value(name = "11-21h2")]
    Win11_21H2,
    /// Windows 11 22H2, the first with `NtCopyFileChunk`.
    #[value(name = "11-22h2")]
    Win11_22H2,
    /// Windows 11 24H2.
    #[value(name = "11-24h2")]
    Win11_24H2,
}

impl WindowsVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 5] =
        [Self::Win10_2004, Self::Win10_22H2, Self::Win11_21H2, Self::Win11_22H2, Self::Win11_24H2];

    /// The version of that name.
    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.to_string().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for WindowsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Win10_2004 => "10-2004",
            Self::Win10_22H2 => "10-22h2",
            Self::Win11_21H2 => "11-21h2",
            Self::Win11_22H2 => "11-22h2",
            Self::Win11_24H2 => "11-24h2",
        })
    }
}

/// Versions from one to another, both included, in order of their release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionRange {
    first: WindowsVersion,
    last: WindowsVersion,
}

impl VersionRange {
    /// Every version.
    pub const ALL: Self = Self { first: WindowsVersion::Win10_2004, last: WindowsVersion::Win11_24H2 };

    /// This version alone.
    #[must_use]
    pub const fn only(version: WindowsVersion) -> Self {
        Self { first: version, last: version }
    }

    /// Whether the version is in the range.
    #[must_use]
    pub fn contains(self, version: WindowsVersion) -> bool {
        (self.first..=self.last).contains(&version)
    }

    /// Whether some version is in both ranges.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// How many versions are in the range.
    #[must_use]
    pub fn count(self) -> usize {
        WindowsVersion::ALL.into_iter().filter(|version| self.contains(*version)).count()
    }

    /// The range as [`VersionRange::parse`] reads it.
    #[must_use]
    pub fn written(self) -> String {
        let Self { first, last } = self;
        if first == last { first.to_string() } else { format!(">={first} <={last}") }
    }

    /// Reads a range: a version, or bounds such as `>=11-22h2`, `<11-22h2`, `>=10-22h2 <11-22h2`.
    ///
    /// # Errors
    ///
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut range = Self::ALL;
        let mut bounds = 0;
        for bound in text.split_whitespace() {
            let name = bound.trim_start_matches(['<', '>', '=']);
            let operator = &bound[..bound.len() - name.len()];
            let version = WindowsVersion::named(name).ok_or_else(|| {
                let names = WindowsVersion::ALL.map(|version| version.to_string()).join(", ");
                format!("`{name}` is no version of Windows; use one of {names}")
            })?;
            let (first, last) = match operator {
                "" | "=" => (Some(version), Some(version)),
                ">=" => (Some(version), Some(Self::ALL.last)),
                "<=" => (Some(Self::ALL.first), Some(version)),
                ">" => (Self::neighbour(version, 1), Some(Self::ALL.last)),
                "<" => (Some(Self::ALL.first), Self::neighbour(version, -1)),
                other => return Err(format!("`{other}` is no comparison; use one of < <= >= >")),
            };
            let (Some(first), Some(last)) = (first, last) else {
                return Err(format!("no version is {bound}"));
            };
            range = Self { first: range.first.max(first), last: range.last.min(last) };
            bounds += 1;
        }
        if bounds == 0 {
            return Err("a version of Windows is missing".to_owned());
        }
        if range.first > range.last {
            return Err(format!("no version is {text}"));
        }
        Ok(range)
    }

    /// The version so many after this one.
    fn neighbour(version: WindowsVersion, distance: isize) -> Option<WindowsVersion> {
        let index =
            WindowsVersion::ALL.iter().position(|known| *known == version)?.checked_add_signed(distance)?;
        WindowsVersion::ALL.get(index).copied()
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        if first == last { write!(f, "{first}") } else { write!(f, "{first} to {last}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(text: &str) -> Vec<String> {
        let range = VersionRange::parse(text).expect(text);
        WindowsVersion::ALL
            .into_iter()
            .filter(|version| range.contains(*version))
            .map(|version| version.to_string())
            .collect()
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(versions("11-22H2"), ["11-22h2"]);
        assert_eq!(versions(">=11-22h2"), ["11-22h2", "11-24h2"]);
        assert_eq!(versions("<11-22h2"), ["10-2004", "10-22h2", "11-21h2"]);
        assert_eq!(versions(">10-2004 <=11-21h2"), ["10-22h2", "11-21h2"]);
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "12", ">11-24h2", "<10-2004", "=>11-22h2", ">11-22h2 <11-22h2", ">="] {
            assert!(VersionRange::parse(text).is_err(), "{text}");
        }
    }

    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    #[test]
    fn the_simulator_has_the_same_versions() {
        assert_eq!(
            WindowsVersion::ALL.map(|version| version.to_string()),
            ntsim::Windows::ALL.map(|version| version.to_string())
        );
    }
}
