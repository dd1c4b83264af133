//! Which volume a path is on, as Process Monitor writes paths.

/// The beginning of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Root {
    /// `C:`; the letter in upper case.
    Drive(char),
    /// `\Device\HarddiskVolume3`, a volume without a letter.
    Device(String),
    /// `\\server\share`, reached through the redirectors.
    Network,
}

/// Where devices are.
const DEVICES: &str = r"\Device\";
/// Devices that have names below them but are no volumes; whowrote does not attach to them.
const NO_VOLUMES: &[&str] = &["namedpipe", "mailslot"];
/// The redirectors' common device.
const REDIRECTORS: &str = "mup";

impl Root {
    /// The root of a path; `None` if it is on no volume.
    pub(super) fn of(path: &str) -> Option<Self> {
        let path = drive_path(path);
        if let [letter, b':', rest @ ..] = path.as_bytes()
            && letter.is_ascii_alphabetic()
            && matches!(rest, [] | [b'\\' | b':', ..])
        {
            return Some(Self::Drive(letter.to_ascii_uppercase().into()));
        }
        if let Some(share) = path.strip_prefix(r"\\") {
            let server = share.split('\\').next().unwrap_or_default();
            return (!matches!(server, "" | "." | "?")).then_some(Self::Network);
        }
        let prefix = path.get(..DEVICES.len()).filter(|prefix| prefix.eq_ignore_ascii_case(DEVICES))?;
        let device = path[prefix.len()..].split('\\').next()?;
        match device.to_lowercase().as_str() {
            "" => None,
            REDIRECTORS => Some(Self::Network),
            other if NO_VOLUMES.contains(&other) => None,
            _ => Some(Self::Device(format!("{DEVICES}{device}"))),
        }
    }
}

/// The path without the prefix (`\\?\` or `\??\`) that switches the parsing of paths off.
pub(super) fn drive_path(path: &str) -> &str {
    [r"\\?\", r"\??\"]
        .into_iter()
        .find_map(|prefix| path.strip_prefix(prefix))
        .filter(|rest| rest.as_bytes().get(1) == Some(&b':'))
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_told_apart() {
        let device = |name: &str| Some(Root::Device(name.to_owned()));
        for (path, root) in [
            (r"C:\a", Some(Root::Drive('C'))),
            ("c:", Some(Root::Drive('C'))),
            (r"\??\C:\a", Some(Root::Drive('C'))),
            (r"\\?\d:\a", Some(Root::Drive('D'))),
            ("C::$INDEX", Some(Root::Drive('C'))),
            (r"\\server\share\a", Some(Root::Network)),
            (r"\Device\Mup\server\share\a", Some(Root::Network)),
            (r"\Device\HarddiskVolume3\a", device(r"\Device\HarddiskVolume3")),
            (r"\DEVICE\HarddiskVolume3", device(r"\Device\HarddiskVolume3")),
            (r"\Device\NamedPipe\lsass", None),
            (r"\Device\Mailslot\a", None),
            (r"\\.\pipe\a", None),
            ("Registry", None),
            ("C", None),
            ("C:relative", None),
            (r"HKLM\Software", None),
            ("", None),
            (r"\", None),
            (r"\\", None),
        ] {
            assert_eq!(Root::of(path), root, "{path}");
        }
    }
}
