//! From a path as a program passes it to a volume and a path on it.

use std::sync::Arc;

use super::volume::Volume;

/// Prefixes of the object manager's and of Win32's way to say that a device name follows.
const DEVICE_NAMESPACES: [&str; 4] = [r"\??\", r"\\?\", r"\DosDevices\", r"\\.\"];
/// Where UNC paths lead.
const REDIRECTOR: &str = r"\Device\Mup";
/// Win32's way to write a UNC path with a namespace prefix.
const UNC_PREFIX: &str = r"UNC\";

/// The rest of a path after a prefix, in whatever case it is written.
fn strip<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let head = path.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &path[prefix.len()..])
}

/// The rest of a path after a device name, which ends where a component ends.
fn after_device<'a>(path: &'a str, device: &str) -> Option<&'a str> {
    strip(path, device).filter(|rest| rest.is_empty() || rest.starts_with('\\'))
}

#[expect(clippy::unnecessary_wraps, reason = "not every kind of name is there for every volume")]
fn device(volume: &Volume) -> Option<&str> {
    Some(volume.device_name().as_str())
}

fn guid(volume: &Volume) -> Option<&str> {
    Some(volume.guid_name()?.as_str())
}

/// Finds the volume that a path leads to, and the path on it, which is empty or begins with a backslash.
pub(super) fn resolve(path: &str, volumes: &[Arc<Volume>]) -> Option<(Arc<Volume>, String)> {
    let on = |name: fn(&Volume) -> Option<&str>, path: &str| {
        let best = volumes
            .iter()
            .filter_map(|volume| Some((volume, after_device(path, name(volume)?)?)))
            .min_by_key(|(_, rest)| rest.len());
        best.map(|(volume, rest)| (Arc::clone(volume), rest.to_owned()))
    };
    let share = |share: &str| on(device, &format!(r"{REDIRECTOR}\{share}"));
    if let Some(found) = on(device, path).or_else(|| on(guid, path)) {
        return Some(found);
    }
    let Some(rest) = DEVICE_NAMESPACES.iter().find_map(|namespace| strip(path, namespace)) else {
        return match path.strip_prefix(r"\\") {
            Some(rest) => share(rest),
            None => on(Volume::dos_name, path),
        };
    };
    match strip(rest, UNC_PREFIX) {
        Some(rest) => share(rest),
        None => on(Volume::dos_name, rest).or_else(|| on(guid, &format!(r"\??\{rest}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ob::Arena;
    use crate::sim::{FileSystem, VolumeSpec};

    fn volumes() -> Vec<Arc<Volume>> {
        let arena = Arena::new();
        let disk = VolumeSpec::new(r"\Device\HarddiskVolume3").dos("C:").guid(r"\??\Volume{12345678-0000}");
        let other = VolumeSpec::new(r"\Device\HarddiskVolume31");
        let network = VolumeSpec::new(REDIRECTOR).file_system(FileSystem::Lanman);
        [disk, other, network].into_iter().map(|spec| Arc::new(Volume::new(0, spec, &arena))).collect()
    }

    #[test]
    fn each_form_of_a_path_leads_to_its_volume() {
        let volumes = volumes();
        for (path, device, rest) in [
            (r"C:\dir\file.txt", r"\Device\HarddiskVolume3", r"\dir\file.txt"),
            (r"c:\x:stream", r"\Device\HarddiskVolume3", r"\x:stream"),
            (r"\??\C:\x", r"\Device\HarddiskVolume3", r"\x"),
            (r"\\?\C:\x", r"\Device\HarddiskVolume3", r"\x"),
            (r"\\.\C:", r"\Device\HarddiskVolume3", ""),
            (r"\\?\Volume{12345678-0000}\x", r"\Device\HarddiskVolume3", r"\x"),
            (r"\device\harddiskvolume3\x", r"\Device\HarddiskVolume3", r"\x"),
            (r"\Device\HarddiskVolume31\x", r"\Device\HarddiskVolume31", r"\x"),
            (r"\\server\share\x", REDIRECTOR, r"\server\share\x"),
            (r"\\?\UNC\server\share\x", REDIRECTOR, r"\server\share\x"),
        ] {
            let (volume, found) = resolve(path, &volumes).expect(path);
            assert_eq!((volume.device_name().as_str(), found.as_str()), (device, rest), "{path}");
        }
    }

    #[test]
    fn a_path_to_nowhere_is_refused() {
        let volumes = volumes();
        for path in
            ["", "x", r"D:\x", r"\Device\HarddiskVolume4\x", r"\Device\HarddiskVolume33\x", r"C:x", "é"]
        {
            assert!(resolve(path, &volumes).is_none(), "{path}");
        }
    }
}
