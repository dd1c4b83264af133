//! Tests of reading whole captures.

use std::io::Write as _;

use proptest::prelude::*;

use super::*;
use crate::model::Offset;

const HEADER: &str = "\"Time of Day\",\"Process Name\",\"PID\",\"Operation\",\"Path\",\"Result\",\"Detail\",\"TID\",\"Image Path\"";

fn capture(rows: &[&str]) -> Result<Capture, BadInput> {
    let mut text = HEADER.to_owned();
    for row in rows {
        text.push_str("\r\n");
        text.push_str(row);
    }
    text.push_str("\r\n");
    read("test.csv", Box::new(std::io::Cursor::new(text)), None)
}

fn row(second: u32, pid: &str, operation: &str, path: &str, detail: &str, tid: &str, image: &str) -> String {
    let name = image.rsplit('\\').next().unwrap();
    format!(
        "\"7:19:{second:02}.0000001 AM\",\"{name}\",\"{pid}\",\"{operation}\",\"{path}\",\"SUCCESS\",\"{detail}\",\"{tid}\",\"{image}\""
    )
}

fn write(second: u32, pid: &str, image: &str) -> String {
    row(second, pid, "WriteFile", r"C:\f", "Offset: 0, Length: 8, Priority: Normal", "12", image)
}

#[test]
fn a_write_is_read() {
    let capture = capture(&[&write(1, "100", r"C:\a.exe")]).unwrap();
    assert_eq!(capture.processes.len(), 1);
    assert_eq!(capture.paths, [r"C:\f"]);
    assert_eq!(capture.clock, ClockBasis::NoDate);
    let [
        Event {
            process: 0,
            step: Step::File { tid: 12, path: 0, operation: Operation::Write(transfer) },
            ..
        },
    ] = capture.events[..]
    else {
        panic!("{:?}", capture.events);
    };
    assert_eq!((transfer.offset, transfer.length), (Offset::At(0), 8));
}

#[test]
fn a_pid_used_again_is_two_processes() {
    let capture = capture(&[
        &write(1, "100", r"C:\a.exe"),
        &write(2, "100", r"C:\b.exe"),
        &write(3, "100", r"C:\B.EXE"),
    ])
    .unwrap();
    let processes: Vec<usize> = capture.events.iter().map(|event| event.process).collect();
    assert_eq!(processes, [0, 1, 1]);
}

#[test]
fn an_exit_comes_after_the_last_operation_of_its_process() {
    let capture = capture(&[
        &write(1, "100", r"C:\a.exe"),
        &row(2, "100", "Process Exit", "", "Exit Status: 0", "12", r"C:\a.exe"),
        &row(2, "100", "Thread Exit", "", "Thread ID: 12", "12", r"C:\a.exe"),
        &row(3, "100", "CloseFile", r"C:\f", "", "12", r"C:\a.exe"),
        &write(4, "200", r"C:\b.exe"),
    ])
    .unwrap();
    let steps: Vec<String> = capture
        .events
        .iter()
        .map(|event| match event.step {
            Step::File { operation: Operation::Close, .. } => "close".to_owned(),
            Step::File { .. } => "write".to_owned(),
            Step::Exit { tid } => format!("exit {tid:?}"),
        })
        .collect();
    assert_eq!(steps, ["write", "close", "exit Some(12)", "exit None", "write"]);
}

#[test]
fn what_is_not_played_is_counted() {
    let capture = capture(&[
        &row(1, "100", "RegOpenKey", "HKLM", "Desired Access: Read", "12", r"C:\a.exe"),
        &row(2, "100", "RegOpenKey", "HKLM", "", "12", r"C:\a.exe"),
        &row(3, "100", "FlushBuffersFile", r"C:\f", "", "12", r"C:\a.exe"),
    ])
    .unwrap();
    assert_eq!(capture.rows, 3);
    assert_eq!(
        capture.left_out.into_iter().collect::<Vec<_>>(),
        [("FlushBuffersFile".into(), 1), ("RegOpenKey".into(), 2)]
    );
}

#[test]
fn an_altered_row_is_refused_with_its_place() {
    let good = write(1, "100", r"C:\a.exe");
    // What is changed to what; the text whose `delta`th character is to blame, and what is said of it.
    for (from, to, blamed, delta, message) in [
        ("\"100\"", "\"1x0\"", "1x0", 1, "the PID `1x0` is not a number: `x`"),
        ("\"100\"", "\"\"", "\",\"WriteFile", 0, "the PID `` is no 32-bit number"),
        ("\"100\"", "\"0\"", "0\",\"WriteFile", 0, "the PID 0 is no process that opens files"),
        ("\"12\"", "\"0\"", "0\",\"C:\\a", 0, "the TID 0 is no thread's"),
        ("Offset: 0", "Offset: 5,24x,880", "x,880", 0, "the offset `5,24x,880`: `x` is not a digit"),
        ("Offset: 0, Length: 8, Priority: Normal", "garbage", "garbage", 0, "`Offset:` expected here"),
        ("SUCCESS", "SuCCESS", "SuCCESS", 0, "`SuCCESS` is no result that Process Monitor knows"),
        ("\"C:\\f\"", "\"\"", "\",\"SUCCESS", 0, "the path of a write is missing"),
        ("7:19", "7:61", "7:61", 0, "`7:61:01.0000001 AM` is no time of day"),
        ("WriteFile", "WriteFi1e", "WriteFi1e", 0, "`WriteFi1e` is no operation; `WriteFile` is"),
        ("\"WriteFile\"", "\"\"", "\",\"C:\\f", 0, "the operation is missing"),
        ("\"SUCCESS\",", "", "C:\\a.exe\"", 9, "a row of 8 fields, where the header has 9"),
        (
            "\"SUCCESS\"",
            "\"SUCCESS",
            "Offset",
            0,
            "text after a closing quote; a comma or the end of the row belongs here",
        ),
    ] {
        let altered = good.replacen(from, to, 1);
        assert_ne!(altered, good, "{from}");
        let column = (altered.find(blamed).unwrap() + delta + 1) as u64;
        let error = capture(&[&good, &altered]).expect_err(to);
        assert_eq!((error.place, &*error.message), (Some(Place { line: 3, column }), message), "{altered}");
    }
}

#[test]
fn a_missing_column_is_named() {
    let text = "\"Time of Day\",\"Process Name\",\"PID\",\"Operation\",\"Path\",\"Result\",\"TID\"\r\n";
    let error = read("test.csv", Box::new(text.as_bytes()), None).unwrap_err();
    assert_eq!(error.message, "the column `Detail` is missing from the header");
}

#[test]
fn an_empty_file_is_refused() {
    assert!(read("test.csv", Box::new(&b""[..]), None).is_err());
}

#[test]
fn blank_lines_are_allowed_at_the_end_only() {
    let good = write(1, "100", r"C:\a.exe");
    assert!(capture(&[&good, "", ""]).is_ok());
    let error = capture(&[&good, "", &good]).unwrap_err();
    assert_eq!(error.place, Some(Place { line: 3, column: 1 }));
}

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn read_file(bytes: &[u8]) -> Result<Capture, BadInput> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    Capture::read(file.path(), None, Box::new(|_| {}))
}

#[test]
fn a_compressed_capture_is_read_and_a_cut_or_altered_one_refused() {
    let text = format!("\u{FEFF}{HEADER}\r\n{}\r\n", write(1, "100", r"C:\a.exe"));
    let whole = compressed(text.as_bytes());
    assert_eq!(read_file(&whole).unwrap().events.len(), 1);
    for cut in 1..whole.len() {
        let error = read_file(&whole[..cut]).expect_err("cut");
        assert!(error.place.is_some(), "{error}");
    }
    let mut altered = whole.clone();
    let last = altered.len() - 5;
    altered[last] ^= 1;
    assert!(read_file(&altered).unwrap_err().message.contains("damaged"), "the checksum");
}

#[test]
fn other_formats_are_told_apart() {
    assert!(read_file(b"PML_\x09\0\0\0").unwrap_err().message.contains("own format"));
    assert!(read_file(b"\xFF\xFEa\0").unwrap_err().message.contains("UTF-16"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Damage anywhere is either refused or leaves every row readable; it never panics.
    #[test]
    fn a_damaged_capture_never_panics(at in 0usize..300, byte in any::<u8>(), cut in 0usize..300) {
        let mut text = format!("{HEADER}\r\n{}\r\n", write(1, "100", r"C:\a.exe")).into_bytes();
        let at = at % text.len();
        text[at] = byte;
        text.truncate(text.len() - cut.min(text.len()));
        let _ = read("test.csv", Box::new(std::io::Cursor::new(text)), None);
    }
}
