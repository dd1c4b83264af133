//! The installation file keeps the rules for a primitive minifilter driver.
//!
//! Rules: "Creating an INF File for a Minifilter Driver", "Creating a primitive driver" and "Driver package isolation" of the
//! Windows driver documentation. Each rule is shown able to fail on a damaged copy.

use std::collections::BTreeMap;

const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];
/// The first build whose Filter Manager reads settings under `Parameters` (24H2).
const ISOLATED: &str = ".10.0...25952";
/// Altitudes of the load order group `FSFilter Activity Monitor`.
const ACTIVITY_MONITOR: std::ops::RangeInclusive<f64> = 360_000.0..=389_999.0;
/// `SUPPORTED_FS_FEATURES_BYPASS_IO`.
const BYPASS_IO: u32 = 0x8;
const REG_SZ: &str = "0x00000000";
const REG_DWORD: &str = "0x00010001";

/// Sections by lower-case name, each a list of lines split at `=` (an empty key where there is none).
type Sections = BTreeMap<String, Vec<(String, String)>>;

/// Registry values: (subkey, value name) → (type, data).
type Values = BTreeMap<(String, String), (String, String)>;

fn parse(text: &str) -> Result<Sections, String> {
    let mut sections = Sections::new();
    let mut current = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.split(';').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        if let Some(name) = line.strip_prefix('[') {
            let name = name.strip_suffix(']').ok_or(format!("line {}: no ]", number + 1))?.to_lowercase();
            if sections.insert(name.clone(), Vec::new()).is_some() {
                return Err(format!("line {}: section [{name}] twice", number + 1));
            }
            current = Some(name);
            continue;
        }
        let section = current.as_ref().and_then(|name| sections.get_mut(name));
        let section = section.ok_or(format!("line {}: before any section", number + 1))?;
        let (key, value) = line.split_once('=').unwrap_or(("", line));
        section.push((key.trim().to_lowercase(), value.trim().to_owned()));
    }
    Ok(sections)
}

struct Inf(Sections);

impl Inf {
    fn section(&self, name: &str) -> Result<&[(String, String)], String> {
        self.0.get(&name.to_lowercase()).map(Vec::as_slice).ok_or(format!("no section [{name}]"))
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_lowercase())
    }

    /// The value of `key`, with `%strings%` replaced and quotes removed.
    fn value(&self, section: &str, key: &str) -> Result<String, String> {
        let found = self.section(section)?.iter().find(|(name, _)| *name == key.to_lowercase());
        let (_, value) = found.ok_or(format!("[{section}] has no {key}"))?;
        Ok(self.expand(value))
    }

    fn expand(&self, value: &str) -> String {
        let mut text = value.replace('"', "");
        for (key, replacement) in self.0.get("strings").into_iter().flatten() {
            let token = text.to_lowercase().find(&format!("%{key}%"));
            if let Some(at) = token {
                text.replace_range(at..at + key.len() + 2, replacement.trim_matches('"'));
            }
        }
        text
    }

    /// The registry lines of an `AddReg` section.
    fn registry(&self, section: &str) -> Result<Values, String> {
        let mut values = BTreeMap::new();
        for (_, line) in self.section(section)? {
            let fields: Vec<String> = line.split(',').map(|field| self.expand(field.trim())).collect();
            let [root, subkey, name, kind, data] = fields.as_slice() else {
                return Err(format!("[{section}] {line}: not five fields"));
            };
            require(root == "HKR", || format!("[{section}] {line}: not relative to the service key"))?;
            values.insert((subkey.clone(), name.clone()), (kind.clone(), data.clone()));
        }
        Ok(values)
    }
}

fn require(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn equal(inf: &Inf, section: &str, key: &str, expected: &str) -> Result<(), String> {
    let value = inf.value(section, key)?;
    let value = value.trim();
    require(value == expected, || format!("[{section}] {key} is {value}, not {expected}"))
}

/// All rules over one INF; the error names the first that is broken.
fn check(text: &str) -> Result<(), String> {
    require(text.is_ascii(), || "not plain ASCII".into())?;
    require(text.lines().count() == text.matches("\r\n").count(), || "lines do not end in CR LF".into())?;
    let inf = Inf(parse(text)?);
    equal(&inf, "Version", "Signature", "$Windows NT$")?;
    equal(&inf, "Version", "Class", "ActivityMonitor")?;
    equal(&inf, "Version", "ClassGuid", "{b86dff51-a31e-4bac-b3cf-e8cfe75c9fc2}")?;
    equal(&inf, "Version", "PnpLockdown", "1")?;
    for key in ["Provider", "DriverVer", "CatalogFile"] {
        inf.value("Version", key)?;
    }
    require(!inf.has("Manufacturer"), || "a primitive driver has no [Manufacturer]".into())?;
    for name in ["DefaultInstall", "DefaultInstall.Services", "DefaultUninstall", "DefaultUninstall.Services"]
    {
        require(!inf.has(name), || format!("[{name}] carries no architecture"))?;
    }
    for architecture in ARCHITECTURES {
        let down_level = format!("DefaultInstall.NT{architecture}");
        let isolated = format!("{down_level}{ISOLATED}");
        check_generation(&inf, &isolated, 13, "Parameters", "Parameters\\Instances")?;
        check_generation(&inf, &down_level, 12, "", "Instances")?;
        let uninstall = format!("DefaultUninstall.NT{architecture}");
        equal(&inf, &uninstall, "LegacyUninstall", "1")?;
        inf.value(&format!("{uninstall}.Services"), "DelService")?;
        require(!inf.has(&format!("{uninstall}{ISOLATED}")), || {
            format!("[{uninstall}{ISOLATED}]: a driver in the store has no uninstall section")
        })?;
    }
    Ok(())
}

fn check_generation(
    inf: &Inf,
    install: &str,
    directory: u32,
    settings: &str,
    instances: &str,
) -> Result<(), String> {
    let files = inf.value(install, "CopyFiles")?;
    equal(inf, "DestinationDirs", &files, &directory.to_string())?;
    let copied = inf.section(&files)?;
    require(copied == [(String::new(), "whowrote.sys".into())], || {
        format!("[{files}] is not whowrote.sys alone")
    })?;
    inf.value("SourceDisksFiles", "whowrote.sys")?;

    let service = inf.value(&format!("{install}.Services"), "AddService")?;
    let [name, _, service] = service.split(',').collect::<Vec<_>>()[..] else {
        return Err(format!("[{install}.Services] AddService {service}: not three fields"));
    };
    require(name == "whowrote", || format!("[{install}.Services] adds {name}"))?;
    equal(inf, service, "ServiceBinary", &format!("%{directory}%\\whowrote.sys"))?;
    equal(inf, service, "Dependencies", "FltMgr")?;
    equal(inf, service, "LoadOrderGroup", "FSFilter Activity Monitor")?;
    for (key, value) in [("ServiceType", "2"), ("StartType", "3"), ("ErrorControl", "1")] {
        equal(inf, service, key, value)?;
    }

    let section = inf.value(service, "AddReg")?;
    let values = inf.registry(&section)?;
    let value = |subkey: &str, name: &str, kind: &str| {
        let (found, data) = values
            .get(&(subkey.to_owned(), name.to_owned()))
            .ok_or(format!("[{section}] sets no {name} under \"{subkey}\""))?;
        require(found == kind, || format!("[{section}] {name} has type {found}"))?;
        Ok::<_, String>(data.clone())
    };
    let features = value(settings, "SupportedFeatures", REG_DWORD)?;
    let features = u32::from_str_radix(features.trim_start_matches("0x"), 16)
        .map_err(|error| format!("[{section}] SupportedFeatures {features}: {error}"))?;
    require(features & BYPASS_IO != 0, || {
        format!("[{section}] SupportedFeatures {features:#x} turns BypassIO off")
    })?;
    let instance = value(instances, "DefaultInstance", REG_SZ)?;
    let instance = format!("{instances}\\{instance}");
    let altitude = value(&instance, "Altitude", REG_SZ)?;
    let number: f64 =
        altitude.parse().map_err(|error| format!("[{section}] Altitude {altitude}: {error}"))?;
    require(ACTIVITY_MONITOR.contains(&number), || {
        format!("[{section}] Altitude {altitude} is another group's")
    })?;
    let flags = value(&instance, "Flags", REG_DWORD)?;
    require(flags == "0x0", || format!("[{section}] Flags {flags}: it would not attach by itself"))
}

fn inf() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/inf/whowrote.inf");
    std::fs::read_to_string(path).expect("inf/whowrote.inf is readable")
}

#[test]
fn the_inf_keeps_the_rules_of_a_primitive_minifilter() {
    check(&inf()).unwrap();
}

#[test]
fn every_rule_can_fail() {
    let damages = [
        ("\r\n", "\n", "CR LF"),
        ("\"ActivityMonitor\"", "\"Volume\"", "Class is Volume"),
        ("PnpLockdown = 1", "PnpLockdown = 0", "PnpLockdown is 0"),
        ("CatalogFile", ";", "no CatalogFile"),
        ("[SourceDisksNames]", "[Manufacturer]", "[Manufacturer]"),
        ("[DefaultInstall.NTarm64]", "[DefaultInstall]", "carries no architecture"),
        (
            "[DefaultInstall.NTarm64.10.0...25952]",
            "[Elsewhere]",
            "no section [DefaultInstall.NTarm64.10.0...25952]",
        ),
        ("WhoWrote.Isolated.Files  = 13", "WhoWrote.Isolated.Files  = 12", "is 12, not 13"),
        ("%13%\\whowrote.sys", "%12%\\whowrote.sys", "ServiceBinary"),
        ("LegacyUninstall = 1", "LegacyUninstall = 0", "LegacyUninstall is 0"),
        ("= FltMgr", "= RpcSs", "Dependencies is RpcSs"),
        ("StartType      = 3", "StartType      = 0", "StartType is 0"),
        ("FSFilter Activity Monitor", "FSFilter Anti-Virus", "LoadOrderGroup"),
        ("HKR,\"Parameters\",", "HKR,,", "SupportedFeatures"),
        ("0xB", "0x3", "turns BypassIO off"),
        ("\"385971\"", "\"320500\"", "another group's"),
        ("\"Flags\",0x00010001,0x0", "\"Flags\",0x00010001,0x1", "attach by itself"),
        ("HKR,\"Instances\",", "HKR,\"Parameters\\Instances\",", "sets no DefaultInstance"),
    ];
    let text = inf();
    for (sound, damaged, message) in damages {
        assert!(text.contains(sound), "{sound} is not in the INF");
        let error = check(&text.replace(sound, damaged)).expect_err(damaged);
        assert!(error.contains(message), "{damaged}: {error}");
    }
}
