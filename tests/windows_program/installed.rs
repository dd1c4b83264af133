//! What an installation left: files and the service's registry key, as read back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::wine::Wine;

/// A processor that the INF is for.
pub(crate) struct Architecture {
    /// As sections are decorated with.
    pub(crate) name: &'static str,
    pub(crate) triple: &'static str,
}

pub(crate) const ARCHITECTURES: [Architecture; 2] = [
    Architecture { name: "amd64", triple: "x86_64-pc-windows-msvc" },
    Architecture { name: "arm64", triple: "aarch64-pc-windows-msvc" },
];

/// Versions of Windows that want settings in the same place.
pub(crate) struct Generation {
    /// What the section's name ends with.
    pub(crate) decoration: &'static str,
    /// Where below the service's key the Filter Manager looks.
    settings: &'static str,
    instances: &'static str,
}

pub(crate) const GENERATIONS: &[Generation] = &[
    Generation { decoration: "", settings: "", instances: r"\Instances" },
    Generation { decoration: ".10.0...25952", settings: r"\Parameters", instances: r"\Parameters\Instances" },
];

const SERVICE: &str = r"HKLM\System\CurrentControlSet\Services\whowrote";
const SERVICE_IN_FULL: &str = r"HKEY_LOCAL_MACHINE\System\CurrentControlSet\Services\whowrote";
const ALTITUDE: &str = "385971";

/// How `InstallHinfSection` is told not to restart.
const NO_RESTART: &str = "132";

/// How often an installation is tried, and how long the service manager has in between.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(200);

/// Registry values: (key below the service's, name) → (type, data).
pub(crate) type Values = BTreeMap<(String, String), (String, String)>;

pub(crate) struct Installed<'wine> {
    wine: &'wine Wine,
}

impl<'wine> Installed<'wine> {
    /// Installs a section of an INF, after removing what an earlier installation left.
    ///
    /// Wine's service manager may hold on to a deleted service until the last handle to it is closed, and then makes no
    /// new one of that name; `a_wrong_installation_is_noticed` once failed for that. So without a service it is tried again.
    pub(crate) fn by(wine: &'wine Wine, inf: &str, driver: &[u8], section: &str) -> Self {
        let installed = Self { wine };
        let package = wine.drive().join("package");
        fs::create_dir_all(&package).expect("a folder for the package");
        fs::write(package.join("whowrote.inf"), inf).expect("the package is writable");
        fs::write(package.join("whowrote.sys"), driver).expect("the package is writable");
        for _ in 0..ATTEMPTS {
            installed.remove();
            installed.run_section(section);
            if installed.image_path().is_some() {
                break;
            }
            thread::sleep(PAUSE);
        }
        installed
    }

    /// Removes what an earlier installation left.
    fn remove(&self) {
        if let Some(image) = self.image() {
            fs::remove_file(image).expect("the old image can be removed");
        }
        // by the service manager, which would remember a service whose key alone was deleted
        self.wine.run("sc", &["delete", "whowrote"]);
        // what was written below a key without a service is none of the service manager's
        self.wine.run("reg", &["delete", SERVICE, "/f"]);
        assert!(self.values().is_empty(), "the old service is still there");
    }

    pub(crate) fn uninstall(&self, section: &str) {
        self.run_section(section);
    }

    /// What a right click and `Install` does. Its exit code says nothing.
    fn run_section(&self, section: &str) {
        let arguments = ["setupapi,InstallHinfSection", section, NO_RESTART, r"C:\package\whowrote.inf"];
        self.wine.run("rundll32", &arguments);
    }

    /// All values of the service's key and the keys below.
    pub(crate) fn values(&self) -> Values {
        let output = self.wine.run("reg", &["query", SERVICE, "/s"]);
        let mut values = Values::new();
        let mut key = String::new();
        for line in String::from_utf8_lossy(&output.stdout).lines().map(str::trim_end) {
            if let Some(below) = line.strip_prefix(SERVICE_IN_FULL) {
                below.clone_into(&mut key);
            } else if let [name, kind, data] = line.trim_start().splitn(3, "    ").collect::<Vec<_>>()[..] {
                values.insert((key.clone(), name.to_owned()), (kind.to_owned(), data.to_owned()));
            }
        }
        values
    }

    /// Where the service says its image is.
    fn image_path(&self) -> Option<String> {
        self.values().remove(&(String::new(), "ImagePath".to_owned())).map(|(_, path)| path)
    }

    /// The file that the service's `ImagePath` names, if it exists.
    pub(crate) fn image(&self) -> Option<PathBuf> {
        let path = self.image_path()?;
        let below = path.strip_prefix(r"C:\windows\")?.replace('\\', "/");
        Some(self.wine.windows().join(Path::new(&below))).filter(|file| file.is_file())
    }

    /// Whether everything is there as Windows of that generation wants it.
    pub(crate) fn check(&self, driver: &[u8], generation: &Generation) -> Result<(), String> {
        let image = self.image().ok_or("the image is not where ImagePath says")?;
        if fs::read(&image).map_err(|error| error.to_string())? != driver {
            return Err(format!("{} is not the driver", image.display()));
        }
        let Generation { settings, instances, .. } = generation;
        let instance = format!(r"{instances}\whowrote");
        let expected = [
            ("", "Type", "REG_DWORD", "0x2"),
            ("", "Start", "REG_DWORD", "0x3"),
            ("", "ErrorControl", "REG_DWORD", "0x1"),
            ("", "Group", "REG_SZ", "FSFilter Activity Monitor"),
            (settings, "SupportedFeatures", "REG_DWORD", "0xb"),
            (instances, "DefaultInstance", "REG_SZ", "whowrote"),
            (&instance, "Altitude", "REG_SZ", ALTITUDE),
            (&instance, "Flags", "REG_DWORD", "0x0"),
        ];
        let values = self.values();
        for (key, name, kind, data) in expected {
            let found = values.get(&(key.to_owned(), name.to_owned()));
            if found != Some(&(kind.to_owned(), data.to_owned())) {
                return Err(format!("{name} below \"{key}\" is {found:?}, not {data}"));
            }
        }
        Ok(())
    }
}
