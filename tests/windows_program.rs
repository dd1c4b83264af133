//! The program built for Windows and the installation file, in the hands of Wine: another loader, another installer.

#[path = "windows_program/installed.rs"]
mod installed;
#[path = "windows_program/wine.rs"]
mod wine;

use std::path::{Path, PathBuf};

use installed::{ARCHITECTURES, GENERATIONS, Installed};
use wine::Wine;

/// The program's exit code where there is nothing to connect to.
const NOTHING_TO_CONNECT_TO: i32 = 2;

/// Something that `cargo xtask` builds, if it was built.
fn built(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(path);
    if path.is_file() {
        return Some(path);
    }
    assert!(std::env::var_os("WHOWROTE_REQUIRE_BUILDS").is_none(), "{} is missing", path.display());
    wine::skipped(&format!("{} was not built", path.display()));
    None
}

fn program() -> Option<PathBuf> {
    built("x86_64-pc-windows-gnu/release/whowrote.exe")
}

#[test]
fn the_program_shows_its_help() {
    let (Some(wine), Some(program)) = (Wine::get(), program()) else { return };
    let output = wine.run(program, &["--help"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("help is text");
    assert!(text.contains("Usage:") && text.contains("watch"), "{text}");
}

#[test]
fn without_a_driver_there_is_a_clear_error() {
    let (Some(wine), Some(program)) = (Wine::get(), program()) else { return };
    for command in [&["watch"][..], &["control", "--reload"]] {
        let output = wine.run(&program, command);
        assert_eq!(output.status.code(), Some(NOTHING_TO_CONNECT_TO), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let text = String::from_utf8(output.stderr).expect("the error is text");
        assert!(text.starts_with("error: ") && text.contains("driver"), "{text}");
        assert!(!text.contains("panicked"), "{text}");
    }
}

#[test]
fn the_inf_installs_on_every_windows_and_processor() {
    let Some(wine) = Wine::get() else { return };
    let inf =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/inf/whowrote.inf")).expect("the INF");
    for architecture in ARCHITECTURES {
        let Some(driver) = built(&format!("{}/release/whowrote.sys", architecture.triple)) else { continue };
        let driver = std::fs::read(driver).expect("the driver is readable");
        for generation in GENERATIONS {
            let section = format!("DefaultInstall.NT{}{}", architecture.name, generation.decoration);
            let installed = Installed::by(&wine, &inf, &driver, &section);
            installed.check(&driver, generation).unwrap_or_else(|fault| panic!("[{section}] {fault}"));
        }
    }
}

#[test]
fn the_inf_uninstalls() {
    let Some(wine) = Wine::get() else { return };
    let inf =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/inf/whowrote.inf")).expect("the INF");
    for architecture in ARCHITECTURES {
        let installed =
            Installed::by(&wine, &inf, b"driver", &format!("DefaultInstall.NT{}", architecture.name));
        assert!(installed.image().is_some());
        installed.uninstall(&format!("DefaultUninstall.NT{}", architecture.name));
        assert!(installed.image().is_none(), "the image is still there");
        assert!(installed.values().is_empty(), "the service is still there");
    }
}

/// The installation test finds an INF that does not do what is meant.
#[test]
fn a_wrong_installation_is_noticed() {
    let Some(wine) = Wine::get() else { return };
    let inf =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/inf/whowrote.inf")).expect("the INF");
    let damages = [
        ("\"385971\"", "\"385972\"", "Altitude"),
        ("LoadOrderGroup = \"FSFilter Activity Monitor\"", "", "Group"),
        ("StartType      = 3", "StartType      = 4", "Start"),
        ("SupportedFeatures\",0x00010001,0xB", "SupportedFeatures\",0x00010001,0x3", "SupportedFeatures"),
        ("HKR,\"Instances\"", "HKR,\"Elsewhere\"", "DefaultInstance"),
        ("%12%\\whowrote.sys", "%12%\\other.sys", "image"),
    ];
    let down_level =
        GENERATIONS.iter().find(|generation| generation.decoration.is_empty()).expect("it is among them");
    for (sound, damaged, named) in damages {
        assert!(inf.contains(sound), "{sound} is not in the INF");
        let installed =
            Installed::by(&wine, &inf.replace(sound, damaged), b"driver", "DefaultInstall.NTamd64");
        let fault = installed.check(b"driver", down_level).expect_err(damaged);
        assert!(fault.contains(named), "{damaged}: {fault}");
    }
}
