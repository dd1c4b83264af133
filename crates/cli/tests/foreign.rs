//! `whowrote simulate --driver` with somebody else's minifilter: one in C, compiled by the test.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

#[path = "../../ntsim/tests/c_driver/mod.rs"]
mod c_driver;
mod support;

use std::fs;

use support::{run, workspace};

/// A driver's file in a folder that lives as long as the test.
fn driver(source: &str, macros: &[&str]) -> Option<(tempfile::TempDir, String)> {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("spy.sys");
    fs::write(&path, c_driver::compile_defining(source, macros)?.image).expect("it can be written");
    let path = path.to_str().expect("a path in UTF-8").to_owned();
    Some((folder, path))
}

fn scenario(name: &str) -> String {
    workspace().join("tests/scenarios").join(name).to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn another_driver_is_reported_on() {
    let Some((_folder, path)) = driver("spy.c", &[]) else { return };
    let files = [scenario("explorer-copy.kdl"), scenario("append.kdl")];
    let ran = run(&["simulate", "--driver", &path, "--json", &files[0], &files[1]]);
    let scenarios = ran.objects("scenario");
    assert_eq!(scenarios.len(), 2);
    assert!(scenarios.iter().all(|scenario| scenario["trouble"].is_null()), "{scenarios:?}");
    let callbacks = ran.objects("callback");
    let pre_write =
        callbacks.iter().find(|callback| callback["callback"] == "pre-write").expect("it saw writes");
    assert!(pre_write["calls"].as_u64() > Some(1), "{pre_write}");
    assert_eq!(pre_write["answers"]["SUCCESS_NO_CALLBACK"], pre_write["calls"]);
    // Only release builds know what it costs.
    assert_eq!(pre_write["own_instructions"].is_null(), cfg!(debug_assertions));
    let routines = ran.objects("routine");
    assert!(
        routines.iter().any(|routine| routine["routine"] == "FltParseFileNameInformation"),
        "{routines:?}"
    );
    assert!(ran.objects("leak").is_empty());
    assert_eq!(ran.objects("summary")[0]["driver"], "spy");
}

#[test]
fn a_crash_fails_its_scenario_and_the_next_one_is_played() {
    let Some((_folder, path)) = driver("unhandled.c", &["KIND=OUTSIDE"]) else { return };
    let folder = tempfile::tempdir().expect("there is room");
    for name in ["append.kdl", "explorer-copy.kdl"] {
        fs::copy(scenario(name), folder.path().join(name)).expect("it can be copied");
    }
    let folder = folder.path().to_str().expect("a path in UTF-8");
    let ran = run(&["scenarios", folder, "--driver", &path, "--json"]);
    if ran.stdout.is_empty() && std::env::var_os("WHOWROTE_REQUIRE_BUILDS").is_none() {
        // Built to end at a panic, the program can but tell why.
        assert!(ran.stderr.contains("the simulation ended"), "{}", ran.stderr);
        return;
    }
    let lines = ran.ended(1).objects("scenario");
    assert_eq!(lines.len(), 2);
    for line in lines {
        assert_eq!(line["outcome"], "not-met");
        let said = line["runs"][0]["difference"].as_str().expect("a difference");
        for part in ["the simulation ended: an access violation at 0x10000", "DriverEntry"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

#[test]
fn a_driver_that_is_none_is_refused() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("none.sys");
    fs::write(&path, b"MZ, but nothing else").expect("it can be written");
    let path = path.to_str().expect("a path in UTF-8");
    let refused = run(&["simulate", "--driver", path, &scenario("append.kdl")]).refused();
    assert!(refused.stderr.contains("not a loadable driver image"), "{}", refused.stderr);
}

#[test]
fn a_debug_build_tells_no_cost() {
    if cfg!(debug_assertions) {
        let image = std::env::current_exe().expect("this program has a path");
        let image = image.to_str().expect("a path in UTF-8");
        let refused = run(&["simulate", "--cost", "--driver", image]).refused();
        assert!(refused.stderr.contains("--release"), "{}", refused.stderr);
    }
}
