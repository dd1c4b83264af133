//! From device names, as the kernel writes them, to paths as people write them.

/// Where the network redirectors are: what follows is server and share.
const NETWORK: &str = r"\Device\Mup";

/// Which drive letters stand for which devices.
#[derive(Clone, Debug, Default)]
pub struct Drives {
    /// Device name and drive letter.
    letters: Vec<(String, String)>,
}

impl Drives {
    /// Drives from pairs of device name (`\Device\HarddiskVolume3`) and letter (`C:`).
    #[must_use]
    pub fn new(letters: Vec<(String, String)>) -> Self {
        Self { letters }
    }

    /// The letter of a device.
    #[must_use]
    pub fn letter(&self, device: &str) -> Option<&str> {
        let same = |known: &str| known.eq_ignore_ascii_case(device);
        self.letters.iter().find(|(known, _)| same(known)).map(|(_, letter)| letter.as_str())
    }

    /// A path of two parts as people write it.
    #[must_use]
    pub(crate) fn join(&self, device: &str, path: &str) -> String {
        match self.letter(device) {
            Some(letter) => format!("{letter}{path}"),
            None if device.eq_ignore_ascii_case(NETWORK) => format!(r"\{path}"),
            None => format!("{device}{path}"),
        }
    }

    /// A path with a drive letter as the kernel writes it; what has none, or one that stands for nothing, stays as it is.
    #[must_use]
    pub fn nt_path(&self, path: &str) -> String {
        let mut letters = self.letters.iter().filter_map(|(device, letter)| {
            let start = path.get(..letter.len())?;
            start.eq_ignore_ascii_case(letter).then(|| format!("{device}{}", &path[letter.len()..]))
        });
        letters.next().unwrap_or_else(|| path.to_owned())
    }

    /// A whole NT path as people write it; what is none stays as it is.
    #[must_use]
    pub fn readable(&self, path: &str) -> String {
        let known = self.letters.iter().map(|(device, _)| device.as_str()).chain([NETWORK]);
        let device = known
            .filter(|device| {
                let prefix = path.get(..device.len());
                prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(device))
                    && path[device.len()..].starts_with(['\\', ':']) | (path.len() == device.len())
            })
            .max_by_key(|device| device.len());
        device.map_or_else(|| path.to_owned(), |device| self.join(device, &path[device.len()..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_become_drives_and_shares() {
        let pair = |device: &str, letter: &str| (device.to_owned(), letter.to_owned());
        let drives = Drives::new(vec![
            pair(r"\Device\HarddiskVolume1", "D:"),
            pair(r"\Device\HarddiskVolume12", "C:"),
        ]);
        for (path, readable) in [
            (r"\Device\HarddiskVolume12\Windows\a.exe", r"C:\Windows\a.exe"),
            (r"\device\harddiskvolume1\a", r"D:\a"),
            (r"\Device\HarddiskVolume12", "C:"),
            (r"\Device\HarddiskVolume9\a", r"\Device\HarddiskVolume9\a"),
            (r"\Device\Mup\server\share\a", r"\\server\share\a"),
            ("Registry", "Registry"),
            ("ü", "ü"),
            ("", ""),
        ] {
            assert_eq!(drives.readable(path), readable);
        }
        assert_eq!(drives.join(r"\Device\HarddiskVolume1", r"\a:s"), r"D:\a:s");
        for (path, kernel) in
            [(r"d:\a", r"\Device\HarddiskVolume1\a"), (r"E:\a", r"E:\a"), ("a.exe", "a.exe"), ("", "")]
        {
            assert_eq!(drives.nt_path(path), kernel);
        }
    }
}
