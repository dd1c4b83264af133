//! The program and the real driver's image, end to end.

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use support::capture::{COUNTRIES, DAY, Row, export};
use support::{command, driver, file, shared, simulate, workspace};
use whowrote_cli::scenario::Scenario;
use whowrote_cli::windows_version::WindowsVersion;

fn scenario(name: &str) -> PathBuf {
    workspace().join("tests/scenarios").join(name)
}

/// Every scenario that comes with the project, in order of their names.
fn scenarios() -> Vec<PathBuf> {
    let folder = fs::read_dir(workspace().join("tests/scenarios")).unwrap();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "kdl"));
    paths.sort();
    assert!(paths.len() > 10, "{paths:?}");
    paths
}

#[test]
fn every_scenario_is_as_expected_on_every_windows_it_is_for() {
    for path in scenarios() {
        let text = fs::read_to_string(&path).unwrap();
        let parsed = Scenario::parse(&path.display().to_string(), &text).unwrap();
        assert!(parsed.why.is_some(), "{} says why", path.display());
        for version in WindowsVersion::ALL.into_iter().filter(|version| parsed.is_to_be_met(*version)) {
            let applies = parsed.applies.contains(version);
            let ran = simulate(&path, &["--json", "--windows", &version.to_string()]);
            let ran = ran.ended(if applies { 0 } else { 2 });
            if applies {
                assert!(ran.stderr.contains("as expected"), "{} expects something", path.display());
                assert!(ran.stderr.contains("lost 0"), "{}", ran.stderr);
            }
        }
    }
}

#[test]
fn a_copy_on_windows_11_is_credited_to_explorer_with_its_source() {
    let ran =
        simulate(&scenario("explorer-copy.kdl"), &["--json", "--explain", "--windows", "11-22h2"]).ended(0);
    let writes = ran.objects("write");
    assert_eq!(writes.len(), 3);
    for (write, offset) in writes.iter().zip([0, 1 << 20, 2 << 20]) {
        assert_eq!(write["pid"], 0x0EAC);
        assert_eq!(write["image"], r"C:\Windows\explorer.exe");
        assert_eq!(write["requestor_mode"], "kernel");
        assert_eq!(write["executor"]["pid"], 4);
        assert_eq!(write["executor"]["image"], "System");
        assert_eq!(write["copy_source"]["path"], r"C:\Users\ada\Pictures\photo.jpg");
        assert_eq!((&write["offset"], &write["copy_source"]["offset"]), (&json!(offset), &json!(offset)));
        assert_eq!(write["explain"]["current"]["pid"], 4);
        assert_eq!(write["explain"]["thread"]["pid"], 0x0EAC);
        let verdicts: Vec<&Value> =
            write["explain"]["rules"].as_array().unwrap().iter().map(|rule| &rule["verdict"]).collect();
        assert_eq!(verdicts, ["missed", "missed", "right", "right", "wrong"]);
    }
}

#[test]
fn a_copy_on_windows_10_is_explorers_own() {
    let ran = simulate(&scenario("explorer-copy.kdl"), &["--json", "--windows", "10-22h2"]).ended(0);
    let writes = ran.objects("write");
    assert_eq!(writes.len(), 3);
    for write in writes {
        assert_eq!((&write["pid"], &write["requestor_mode"]), (&json!(3756), &json!("user")));
        assert_eq!((&write["executor"], &write["copy_source"]), (&Value::Null, &Value::Null));
        assert!(write.get("explain").is_none());
    }
}

#[test]
fn the_explanation_is_readable() {
    let ran = simulate(&scenario("explorer-copy.kdl"), &["--explain", "--windows", "11-22h2"]).ended(0);
    for part in [
        "current thread               System (4:",
        "FLT_CALLBACK_DATA->Thread    explorer.exe (3756:3760)",
        "the current process          nothing: it skips the write                    ✗ misses the write",
        "whowrote                     explorer.exe (3756:3760), by thread, certain   ✓ right",
    ] {
        assert!(ran.stdout.contains(part), "{part}\nis not in\n{}", ran.stdout);
    }
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 120), "{}", ran.stdout);
}

/// Expectations that are wrong in one way each.
#[test]
fn what_is_not_as_expected_fails_with_the_first_difference() {
    let whole = fs::read_to_string(scenario("pid-reuse.kdl")).unwrap();
    let last = whole.lines().rfind(|line| line.trim_start().starts_with("write pid")).unwrap();
    for (from, to, message) in [
        ("cc.exe\"# path", "ld.exe\"# path", "change 1 of 2 differs in its image"),
        ("offset=0 length=200 basis", "offset=0 length=201 basis", "change 2 of 2 differs in its length"),
        (last, "", "2 changes were recorded where 1 are expected"),
        (last, &format!("{last}\n{last}"), "nothing recorded of the write"),
    ] {
        let wrong = whole.replacen(from, to, 1);
        assert_ne!(wrong, whole);
        let (_folder, path) = file("wrong.kdl", wrong.as_bytes());
        let ran = simulate(&path, &["--json"]).ended(1);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
        assert!(ran.stderr.contains("wrong.kdl:"), "{}", ran.stderr);
    }
}

#[test]
fn a_closed_output_ends_the_program_without_a_fuss() {
    let driver = driver();
    let arguments = ["simulate", "--json", "--driver", driver.to_str().unwrap()];
    let mut child = command(&arguments)
        .arg(scenario("explorer-copy.kdl"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{told}");
    assert!(told.contains("output has been closed") && !told.contains("panicked"), "{told}");
}

/// A little of what captures hold, with nothing but writes that must appear.
fn small_capture(hour: u32) -> Vec<Row> {
    const OPEN: &str = "Desired Access: Generic Write, Read Attributes, Disposition: OverwriteIf, Options: Synchronous IO \
                        Non-Alert, Non-Directory File, Attributes: N, ShareMode: Read, AllocationSize: 0, OpenResult: Created";
    let other = |row: Row| row.by(r"C:\Tools\cc.exe", 708, 712);
    let rows = [
        Row::write(1, 0, 24),
        Row::write(1, 5_242_880, 1_048_576),
        Row::write(2, 4096, 512).result("FAST IO DISALLOWED"),
        Row::write(2, 4096, 512),
        Row::write(3, -1, 80).path(r"C:\Temp\append.log"),
        Row::write(4, 0, 4096).flags("Non-cached, Paging I/O, Synchronous Paging I/O"),
        Row::write(5, 0, 4096).by("System", 4, 100),
        Row::write(5, 0, 4096).by("Registry", 88, 96),
        Row::write(6, 0, 10).path(r"\\server\share\report.txt"),
        Row::write(6, 0, 11).path(r"D:\data.bin:stream"),
        Row::write(6, 0, 12).path(r"\Device\HarddiskVolume9\raw.bin"),
        Row::write(6, 0, 13).path("C:"),
        Row::write(7, 0, 14).path(r"\Device\NamedPipe\lsass"),
        Row::write(7, 0, 15).result("DISK FULL"),
        other(Row::write(8, 0, 0)).path(r"C:\Temp\new.obj").operation("CreateFile", OPEN),
        other(Row::write(8, 0, 16)).path(r"C:\Temp\new.obj"),
        other(Row::write(8, 0, 0)).path(r"C:\Temp\new.obj").operation("CloseFile", ""),
        other(Row::write(8, 0, 0)).operation("Thread Exit", "Thread ID: 712, User Time: 0.0000000"),
        other(Row::write(8, 0, 0)).operation("Process Exit", "Exit Status: 0"),
        Row::write(9, 7, 17).by(r"C:\Tools\link.exe", 708, 712),
        Row::write(9, 0, 0)
            .path(r"HKLM\Software")
            .operation("RegSetValue", "Type: REG_DWORD, Length: 4, Data: 0"),
    ];
    rows.map(|row| Row { hour, ..row }).into()
}

/// What must appear of it: PID, image, path, offset and length.
fn small_capture_writes() -> Vec<Value> {
    const EDITOR: &str = r"C:\WINDOWS\system32\NOTEPAD.EXE";
    vec![
        json!([EDITOR, r"C:\Temp\notes.txt", 0, 24]),
        json!([EDITOR, r"C:\Temp\notes.txt", 5_242_880, 1_048_576]),
        json!([EDITOR, r"C:\Temp\notes.txt", 4096, 512]),
        json!([EDITOR, r"C:\Temp\append.log", null, 80]),
        json!([EDITOR, r"\\server\share\report.txt", 0, 10]),
        json!([EDITOR, r"D:\data.bin:stream", 0, 11]),
        json!([EDITOR, r"\Device\HarddiskVolume9\raw.bin", 0, 12]),
        json!([EDITOR, "C:", 0, 13]),
        json!([r"C:\Tools\cc.exe", r"C:\Temp\new.obj", 0, 16]),
        json!([r"C:\Tools\link.exe", r"C:\Temp\notes.txt", 7, 17]),
    ]
}

#[test]
fn a_capture_of_any_country_yields_its_writes() {
    for (country, hour) in COUNTRIES.iter().flat_map(|country| [(country, 7), (country, 19)]) {
        let (_folder, path) = file("small.csv", export(country, &small_capture(hour)).as_bytes());
        let ran = simulate(&path, &["--json"]).ended(0);
        let writes: Vec<Value> = ran
            .objects("write")
            .iter()
            .map(|write| {
                assert_eq!((&write["pid"], &write["tid"]), (&json!(708), &json!(712)), "{}", country.name);
                json!([write["image"], write["path"], write["offset"], write["length"]])
            })
            .collect();
        assert_eq!(writes, small_capture_writes(), "{}", country.name);
        let times: Vec<String> =
            ran.objects("write").iter().map(|write| write["time"].as_str().unwrap().to_owned()).collect();
        assert_eq!(times[0], format!("{DAY}T{hour:02}:19:01.0147934Z"), "{}", country.name);
        assert_eq!(times[9], format!("{DAY}T{hour:02}:19:09.0147934Z"), "{}", country.name);
        for left_out in [
            "writes that failed or cannot be played: DISK FULL 1 (line 15), on no volume 1 (line 14)",
            "not played: RegSetValue 1",
        ] {
            assert!(ran.stderr.contains(left_out), "{}", ran.stderr);
        }
    }
}

#[test]
fn a_pid_used_again_in_a_capture_is_two_processes() {
    let (_folder, path) = file("small.csv", export(&COUNTRIES[0], &small_capture(0)).as_bytes());
    let ran = simulate(&path, &["--json"]).ended(0);
    let keys: BTreeMap<String, String> = ran
        .objects("write")
        .iter()
        .map(|write| (write["image"].to_string(), write["process_key"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(keys.len(), 3);
    let mut different: Vec<&String> = keys.values().collect();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), 3, "{keys:?}");
}

/// Process Monitor's own choice of columns has neither times of day with dates nor images with paths.
#[test]
fn a_capture_without_the_columns_that_may_lack_is_played() {
    let text = "PID,TID,Operation,Path,Result,Detail,Relative Time,Process Name\r\n\
                100,104,WriteFile,C:\\f,SUCCESS,\"Offset: 0, Length: 8\",00:00:01.5000000,tool.exe\r\n\
                88,96,WriteFile,C:\\g,SUCCESS,\"Offset: 0, Length: 8\",00:00:02.0000000,Registry\r\n";
    let (_folder, path) = file("bare.csv", text.as_bytes());
    let ran = simulate(&path, &["--json"]).ended(0);
    let writes = ran.objects("write");
    assert_eq!(writes.len(), 1, "{}", ran.stdout);
    assert_eq!((&writes[0]["image"], &writes[0]["path"]), (&json!("tool.exe"), &json!(r"C:\f")));
    assert_eq!(writes[0]["time"], "1601-01-02T00:00:01.5000000Z", "from the start of the capture");
    assert!(ran.stderr.contains("the time of day is not known"), "{}", ran.stderr);
}

/// What the capture's reader says a row is, independent of the program's own.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct Written {
    pid: u64,
    tid: u64,
    path: String,
    offset: i64,
    length: u64,
    image: String,
}

/// The successful writes, without paging I/O, of processes other than System and Registry.
fn expected_of(capture: &Path) -> Vec<Written> {
    let file = fs::File::open(capture).unwrap();
    let mut reader = csv::Reader::from_reader(flate2::read::GzDecoder::new(file));
    let names: Vec<String> =
        reader.headers().unwrap().iter().map(|name| name.replace(['\u{FEFF}', '"'], "")).collect();
    let column =
        |name: &str| names.iter().position(|known| known == name).unwrap_or_else(|| panic!("{name}"));
    let [operation, result, detail, process, pid, tid, path, image] =
        ["Operation", "Result", "Detail", "Process Name", "PID", "TID", "Path", "Image Path"].map(column);
    let number = |detail: &str, key: &str| -> i64 {
        let value = detail.split(key).nth(1).unwrap().split(", ").next().unwrap();
        value.replace(',', "").trim().parse().unwrap()
    };
    let mut written = Vec::new();
    for row in reader.records().map(Result::unwrap) {
        let kernel = ["System", "Registry"].contains(&&row[process]);
        if &row[operation] != "WriteFile"
            || &row[result] != "SUCCESS"
            || row[detail].contains("Paging I/O")
            || kernel
        {
            continue;
        }
        written.push(Written {
            pid: row[pid].parse().unwrap(),
            tid: row[tid].parse().unwrap(),
            path: row[path].to_owned(),
            offset: number(&row[detail], "Offset: "),
            length: number(&row[detail], "Length: ").try_into().unwrap(),
            image: row[image].to_lowercase(),
        });
    }
    written
}

#[test]
fn a_real_capture_yields_each_of_its_writes_once() {
    let Some(capture) = shared("captures/windows10-18362-filesystem.csv.gz") else {
        return;
    };
    let mut expected = expected_of(&capture);
    assert_eq!(expected.len(), 3253);
    let ran = simulate(&capture, &["--json"]).ended(0);
    let mut found: Vec<Written> = ran
        .objects("write")
        .iter()
        .map(|write| Written {
            pid: write["pid"].as_u64().unwrap(),
            tid: write["tid"].as_u64().unwrap(),
            path: write["path"].as_str().unwrap().to_owned(),
            offset: write["offset"].as_i64().unwrap(),
            length: write["length"].as_u64().unwrap(),
            image: write["image"].as_str().unwrap().to_lowercase(),
        })
        .collect();
    expected.sort();
    found.sort();
    let pairs = expected.iter().zip(&found);
    if let Some((wanted, got)) = pairs.clone().find(|(wanted, got)| wanted != got) {
        panic!("expected {wanted:?}\nfound    {got:?}");
    }
    assert_eq!(found.len(), expected.len());
    assert!(ran.stderr.contains("117 refused as fast I/O"), "{}", ran.stderr);
    assert!(ran.stderr.contains("417 other changes"), "{}", ran.stderr);
    assert!(ran.stderr.contains("produced 3,670 = delivered 3,670 + lost 0"), "{}", ran.stderr);
}
