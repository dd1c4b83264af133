//! `whowrote scenarios`, with the real driver's image.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::fs;
use std::path::Path;

use support::{Ran, driver, file, run, workspace};

/// Met by the driver, with a mark where more can be said of it.
const MET: &str = r##"scenario "x" {
    why "A test."
    // more
}
volume drive="C:" device=#"\Device\HarddiskVolume3"#
process "editor" pid=708 image=#"C:\a.exe"# { thread "main" tid=712; }
play {
    create "text" thread="main" path=#"C:\notes.txt"#
    write "text" thread="main" offset=0 length=10
}
expect { write pid=708 tid=712 image=#"C:\a.exe"# path=#"C:\notes.txt"# offset=0 length=10 basis="thread"; }
"##;

fn scenarios(folder: &Path, arguments: &[&str]) -> Ran {
    let driver = driver();
    let paths = [folder.to_str().unwrap(), "--driver", driver.to_str().unwrap()];
    run(&[&["scenarios"], &paths[..], arguments].concat())
}

/// Runs one scenario, in a folder of its own; what is said of it.
fn outcome(text: &str, code: i32) -> serde_json::Value {
    let (folder, _) = file("one.kdl", text.as_bytes());
    let mut lines = scenarios(folder.path(), &["--json"]).ended(code).objects("scenario");
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

#[test]
fn the_document_is_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made.md");
    scenarios(&workspace().join("tests/scenarios"), &["--document", made.to_str().unwrap()]).ended(0);
    let committed = fs::read_to_string(workspace().join("docs/attribution.md")).unwrap();
    let made = fs::read_to_string(made).unwrap();
    let difference = made.lines().zip(committed.lines()).find(|(made, committed)| made != committed);
    assert_eq!(difference, None, "run `cargo xtask scenarios --document`");
    assert_eq!(made.len(), committed.len(), "run `cargo xtask scenarios --document`");
}

#[test]
fn what_is_met_is_told() {
    assert_eq!(outcome(MET, 0)["outcome"], "met");
}

#[test]
fn what_is_not_met_is_an_error_with_its_difference() {
    let line = outcome(&MET.replace("pid=708 tid=712 image", "pid=709 tid=712 image"), 1);
    assert_eq!(line["outcome"], "not-met");
    assert_eq!(line["runs"].as_array().map(Vec::len), Some(5));
    let difference = line["runs"][0]["difference"].as_str().unwrap();
    assert!(difference.contains("differs in its pid") && difference.contains("one.kdl:11:"), "{difference}");
}

#[test]
fn what_says_that_it_is_not_met_must_not_be() {
    let yet = MET.replace("// more", "not-met \"because\" needs=\"records\"");
    assert_eq!(outcome(&yet, 1)["outcome"], "unexpectedly-met");
    let line = outcome(&yet.replace("basis=\"thread\"", "basis=\"unknown\""), 0);
    assert_eq!(line["outcome"], "not-met-yet");
    let run = &line["runs"][0];
    assert_eq!((&run["outcome"], &run["not_met"]), (&"not-met-yet".into(), &"because".into()));
    assert_eq!(run["needs"], "records");
}

#[test]
fn what_says_that_it_is_not_met_says_on_which_windows() {
    let only = MET.replace("// more", "not-met \"because\" needs=\"records\" windows=\"11-24h2\"");
    let line = outcome(&only, 1);
    let outcomes: Vec<_> = line["runs"].as_array().unwrap().iter().map(|run| &run["outcome"]).collect();
    assert_eq!(outcomes, ["met", "met", "met", "met", "unexpectedly-met"]);
}

/// The driver looks one routine up at run time, and calls it for chunks of copies. Here it finds another one by that
/// name, which takes what it is given for pointers: that ends the simulation or breaks a rule, depending on what happens to
/// be in the registers of arguments that the driver does not pass.
#[test]
fn what_goes_wrong_fails_its_own_scenario_alone() {
    const WANTED: &[u8] = b"FltGetCopyInformationFromCallbackData";
    const FOUND: &[u8] = b"FltSetInstanceContext";
    let mut image = fs::read(driver()).unwrap();
    let place = image.windows(WANTED.len()).position(|text| text == WANTED).unwrap();
    image[place..][..WANTED.len()].fill(0);
    image[place..][..FOUND.len()].copy_from_slice(FOUND);
    let (folder, _) = file("b-plain.kdl", MET.as_bytes());
    fs::copy(workspace().join("tests/scenarios/copy-chunk.kdl"), folder.path().join("a-copy.kdl")).unwrap();
    let damaged = tempfile::tempdir().unwrap();
    let path = damaged.path().join("damaged.sys");
    fs::write(&path, image).unwrap();
    let arguments =
        ["scenarios", folder.path().to_str().unwrap(), "--driver", path.to_str().unwrap(), "--json"];
    let ran = run(&arguments);
    if ran.stdout.is_empty() && std::env::var_os("WHOWROTE_REQUIRE_BUILDS").is_none() {
        // Built to end at a panic, the program can but tell why.
        assert!(ran.stderr.contains("the simulation ended"), "{}", ran.stderr);
        return;
    }
    let ran = ran.ended(1);
    let lines = ran.objects("scenario");
    let outcomes: Vec<_> = lines.iter().map(|line| &line["outcome"]).collect();
    assert_eq!(outcomes, ["not-met", "met"]);
    let said = lines[0]["runs"][0]["difference"].as_str().unwrap();
    for part in ["FltSetInstanceContext", "whowrote post-write", "IRP_MJ_WRITE"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn one_that_cannot_be_read_stops_all() {
    let (folder, _) = file("b.kdl", b"scenario 1");
    fs::write(folder.path().join("a.kdl"), MET).unwrap();
    let document = folder.path().join("out.md");
    scenarios(folder.path(), &["--document", document.to_str().unwrap()]).refused();
    assert!(!document.exists());
    scenarios(tempfile::tempdir().unwrap().path(), &[]).refused();
    scenarios(folder.path(), &["--explain", "c"]).refused();
}

#[test]
fn callbacks_are_shown_as_they_came() {
    let folder = workspace().join("tests/scenarios");
    let arguments = ["--explain", "explorer-copy", "--windows", "11-22h2"];
    let text = scenarios(&folder, &arguments).ended(0).stdout;
    let write = text.split("\n\n").find(|callback| callback.contains("pre-operation IRP_MJ_WRITE")).unwrap();
    for (label, value) in [
        ("current thread", "System (4:"),
        ("FLT_CALLBACK_DATA->Thread", "explorer.exe (3756:3760)"),
        ("RequestorMode", "KernelMode"),
        ("IRQL", "PASSIVE_LEVEL"),
        ("Flags", "FLTFL_CALLBACK_DATA_IRP_OPERATION"),
        ("copied from", "offset 0 of C:"),
    ] {
        assert!(write.lines().any(|line| line.contains(label) && line.contains(value)), "{label}: {write}");
    }
    let callbacks = scenarios(&folder, &[&arguments[..], &["--json"]].concat()).ended(0).objects("callback");
    let writes: Vec<_> = callbacks
        .iter()
        .filter(|line| line["operation"] == "IRP_MJ_WRITE" && line["phase"] == "pre")
        .collect();
    assert_eq!(writes.len(), 3, "one for each chunk");
    assert!(writes.iter().all(|write| write["driver"] == true));
    let of = |operation: &'static str| callbacks.iter().filter(move |line| line["operation"] == operation);
    assert!(of("IRP_MJ_READ").count() > 0, "the copy reads");
    assert!(of("IRP_MJ_READ").all(|line| line["driver"] == false), "it asks for no such calls");
    let truncated = |line: &&serde_json::Value| line["parameter"] == "FileEndOfFileInformation";
    assert!(callbacks.iter().filter(truncated).all(|line| line["driver"] == true), "it asks for those");
    assert_eq!((&writes[0]["current"]["pid"], &writes[0]["thread"]["pid"]), (&4.into(), &3756.into()));
}
