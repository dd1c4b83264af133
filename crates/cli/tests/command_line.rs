//! The program as somebody at a prompt meets it, where no driver is needed: help, and input that cannot be used.

mod support;

use support::capture::{COLUMNS, COUNTRIES, Row, export};
use support::{file, run};

#[test]
fn help_shows_examples() {
    for arguments in [
        &["--help"][..],
        &["simulate", "--help"],
        &["scenarios", "--help"],
        &["torture", "--help"],
        &["watch", "--help"],
    ] {
        let help = run(arguments).ended(0).stdout;
        assert!(help.contains("Examples:") && help.contains("whowrote "), "{arguments:?}:\n{help}");
    }
    run(&["--version"]).ended(0);
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    run(&[]).refused();
    run(&["simulat"]).refused();
    let refused = run(&["simulate", "x.kdl", "--windows", "95"]).refused();
    assert!(refused.stderr.contains("11-22h2"), "the versions are named: {}", refused.stderr);
}

#[cfg(not(windows))]
#[test]
fn there_is_nothing_to_watch_here() {
    let refused = run(&["watch"]).refused();
    assert!(refused.stderr.contains("whowrote simulate"), "{}", refused.stderr);
    run(&["watch", "--json"]).refused();
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod simulate {
    use super::*;

    fn refused(name: &str, content: &[u8]) -> String {
        let (_folder, path) = file(name, content);
        run(&["simulate", path.to_str().unwrap(), "--json"]).refused().stderr
    }

    #[test]
    fn a_file_that_is_no_input_is_refused() {
        run(&["simulate", "not-there.kdl"]).refused();
        run(&["simulate", "not-there.csv"]).refused();
        assert!(refused("a.txt", b"").contains("neither a scenario"));
        assert!(refused("Logfile.PML", b"").contains("save it as CSV"));
        assert!(refused("a.csv", b"").contains("empty"));
        assert!(refused("a.kdl", b"\xFF").contains("a.kdl:1:1"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("folder.csv");
        std::fs::create_dir(&path).unwrap();
        run(&["simulate", path.to_str().unwrap()]).refused();
    }

    #[test]
    fn a_scenario_that_is_wrong_is_refused_with_its_place() {
        let error = refused("a.kdl", b"scenario \"x\"\nplay {\n    wait\n}\n");
        assert!(error.contains("`wait` cannot be played"), "{error}");
        assert!(error.contains("a.kdl:3:5 (line 3, column 5)"), "{error}");
    }

    #[test]
    fn a_driver_that_is_not_there_is_refused() {
        let (_folder, path) = file("a.kdl", b"scenario \"x\"\nplay\n");
        let path = path.to_str().unwrap();
        let refused = run(&["simulate", path, "--driver", "not-there.sys"]).refused();
        assert!(refused.stderr.contains("not-there.sys"), "{}", refused.stderr);
        let refused = run(&["simulate", path, "--driver", path]).refused();
        assert!(refused.stderr.contains("cannot be loaded"), "{}", refused.stderr);
    }

    fn capture() -> String {
        export(&COUNTRIES[0], &[Row::write(1, 5_242_880, 1_048_576), Row::write(2, 0, 24)])
    }

    fn compressed(text: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// Every cut but the ones at the end of a row.
    #[test]
    fn a_truncated_capture_is_refused_with_its_place() {
        let text = capture();
        let rows: Vec<usize> = text.match_indices("\r\n").map(|(at, _)| at).collect();
        for cut in (1..text.len()).step_by(7) {
            if rows.iter().any(|end| (*end..=end + 2).contains(&cut)) {
                continue;
            }
            let error = refused("a.csv", &text.as_bytes()[..cut]);
            assert!(error.contains("line ") && error.contains("column "), "{cut}: {error}");
        }
        let whole = compressed(text.as_bytes());
        for cut in (1..whole.len()).step_by(11) {
            let error = refused("a.csv.gz", &whole[..cut]);
            assert!(error.contains("line ") && error.contains("column "), "{cut}: {error}");
        }
    }

    #[test]
    fn an_altered_capture_is_refused_with_its_place() {
        // What is changed to what, the text where that shows, and what is said.
        for (from, to, blamed, message) in [
            ("\"708\"", "\"7O8\"", "O8\"", "the PID `7O8` is not a number"),
            ("Offset: 5,242", "Offset: 5,24?", "?,880", "`?` is not a digit"),
            ("Offset: 5,242,880", "Offset: 5.242,880", ",880", "group separator"),
            ("Offset: 5,242,880, ", "", "\",\"7/31/2020", "`Offset:` is missing"),
            ("Offset: 5,242,880, Length", "garbage", "garbage", "`Offset:` expected here"),
            ("Priority: Normal", "Priority: Norma", "Norma", "is no I/O priority"),
            ("\"712\"", "\"\"", "\",\"1\"", "the TID `` is no 32-bit number"),
        ] {
            let altered = capture().replacen(from, to, 1);
            let error = refused("a.csv", altered.as_bytes());
            let line = altered.lines().nth(1).unwrap();
            let before = &line[..line.find(blamed).unwrap_or_else(|| panic!("{blamed} in {line}"))];
            let place = format!("(line 2, column {})", before.chars().count() + 1);
            assert!(error.contains(message) && error.contains(&place), "{place} in {error}");
        }
    }

    #[test]
    fn a_column_that_is_missing_is_named() {
        for missing in ["Operation", "Path", "Result", "Detail", "PID", "TID"] {
            assert!(COLUMNS.contains(&missing));
            let error = refused("a.csv", capture().replacen(missing, "Other", 1).as_bytes());
            assert!(error.contains(&format!("the column `{missing}` is missing")), "{error}");
            assert!(error.contains("line 1, column "), "{error}");
        }
    }
}
