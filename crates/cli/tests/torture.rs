//! `whowrote torture`, where the driver has been built.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use support::{driver, file, run};

/// A case in which what happens fails the driver's or the simulator's promises no more than any other.
const LEFT: &str = r##"scenario "What a torture run left" {
    windows "11-24h2"
    torture schedule="seeded" seed=3 processors=2
}
parameter "Audit" value=1
volume drive="C:" device=#"\Device\HarddiskVolume1"#
process "p" pid=1000 image=#"C:\Programs\p.exe"# {
    thread "t" tid=100004
}
play {
    create "h" thread="t" path=#"C:\lane0\f.bin"#
    write "h" thread="t" offset=4096 length=512
    unload
    load
    consumer "silent"
    write "h" thread="t" offset=8192 length=1024 executor="system"
}
"##;

fn with_driver(arguments: &[&str]) -> support::Ran {
    let driver = driver();
    let driver = driver.to_str().expect("a path in UTF-8");
    run(&[arguments, &["--driver", driver]].concat())
}

#[test]
fn a_short_run_finds_nothing_and_comes_out_the_same_again() {
    for schedule in ["fixed", "seeded", "threads"] {
        let arguments = ["torture", "--operations", "2000", "--seed", "5", "--json", "--schedule", schedule];
        let played = |run: support::Ran| {
            let report: serde_json::Value = serde_json::from_str(&run.ended(0).stdout).expect("one object");
            assert_eq!(report["failures"].as_array().map(Vec::len), Some(0), "{report}");
            report["totals"]["operations"].as_u64()
        };
        let first = played(with_driver(&arguments));
        assert!(first >= Some(2000), "{first:?}");
        assert_eq!(played(with_driver(&arguments)), first, "{schedule}");
    }
}

#[test]
fn what_a_run_left_is_played_and_judged_by_its_steps() {
    let (_folder, path) = file("left.kdl", LEFT.as_bytes());
    let ran = support::simulate(&path, &[]).ended(0);
    assert!(ran.stderr.contains("2 records made"), "{}", ran.stderr);
    let (_folder, path) = file("wrong.kdl", LEFT.replacen("unload\n", "unload\n    unload\n", 1).as_bytes());
    let ran = support::simulate(&path, &[]).ended(1);
    assert!(ran.stderr.contains("cannot be played where it stands"), "{}", ran.stderr);
}

#[test]
fn without_a_driver_nothing_is_played() {
    let refused = run(&["torture", "--driver", "no-such.sys"]).refused();
    assert!(refused.stderr.contains("no-such.sys"), "{}", refused.stderr);
}

#[test]
fn a_run_that_does_not_go_on_ends_and_leaves_the_case() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().to_str().expect("a path in UTF-8");
    // Without any patience nothing goes on fast enough.
    let arguments = ["torture", "--operations", "2000", "--seed", "5", "--patience", "0", "--output", output];
    let ran = with_driver(&arguments).ended(1);
    assert!(ran.stderr.contains("no step has ended for 0 s"), "{}", ran.stderr);
    assert!(ran.stderr.contains("lane 0 "), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(&folder).expect("readable").count(), 1, "the case is there");
}
