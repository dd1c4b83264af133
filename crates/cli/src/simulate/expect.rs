//! Whether what was recorded is what a scenario expects, and the first difference if not.

use std::fmt::Write as _;

use audit::record::WriteFlags;

use crate::model::{Offset, Write};
use crate::output::words::{file_name, grouped, offset};
use crate::place::Place;
use crate::scenario::model::{Expectation, ExpectedExecutor, ExpectedSource, ExpectedWrite};

/// What is compared of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordedWrite {
    pid: Option<u32>,
    tid: Option<u32>,
    image: Option<String>,
    path: Option<String>,
    offset: Offset,
    length: u32,
    basis: String,
    confidence: String,
    requestor_mode: &'static str,
    executor: Option<(Option<u32>, Option<u32>)>,
    copy_source: Option<(Option<String>, i64)>,
}

impl RecordedWrite {
    pub(super) fn new(write: &Write<'_>) -> Self {
        Self {
            pid: write.originator.pid,
            tid: write.originator.tid,
            image: write.originator.image.map(str::to_owned),
            path: write.path.map(str::to_owned),
            offset: write.offset,
            length: write.length,
            basis: write.basis.to_string(),
            confidence: write.confidence.to_string(),
            requestor_mode: if write.flags.contains(WriteFlags::USER_MODE) { "user" } else { "kernel" },
            executor: write.executor.map(|executor| (executor.pid, executor.tid)),
            copy_source: write.copy_source.map(|source| (source.path.map(str::to_owned), source.offset)),
        }
    }
}

/// The first difference between what was expected and what was recorded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Where in the scenario the expectation stands.
    pub(super) place: Place,
    pub(super) message: String,
}

/// Compares the writes one by one, in order.
pub(super) fn compare(expectation: &Expectation, recorded: &[RecordedWrite]) -> Result<(), Difference> {
    let expected = &expectation.writes;
    for (index, pair) in expected.iter().zip(recorded).enumerate() {
        let (expected_write, recorded_write) = pair;
        if let Some((field, wanted, found)) = difference(expected_write, recorded_write) {
            let mut message = format!("write {} of {} differs in its {field}:", index + 1, expected.len());
            let _ = write!(message, "\n  expected  {wanted}\n  recorded  {found}");
            let _ = write!(message, "\n  the write recorded is {}", described(recorded_write));
            return Err(Difference { place: expected_write.place, message });
        }
    }
    if let Some(missing) = expected.get(recorded.len()) {
        let message = format!(
            "{} of {} expected writes were recorded; the first that is missing is this one",
            recorded.len(),
            expected.len()
        );
        return Err(Difference { place: missing.place, message });
    }
    if let Some(extra) = recorded.get(expected.len()) {
        let message = format!(
            "{} writes were recorded where {} are expected; the first one too many is {}",
            recorded.len(),
            expected.len(),
            described(extra)
        );
        return Err(Difference { place: expectation.place, message });
    }
    Ok(())
}

/// A write in one line.
fn described(write: &RecordedWrite) -> String {
    let number = |id: Option<u32>| id.map_or_else(|| "?".to_owned(), |id| id.to_string());
    format!(
        "{} ({}:{}), {} bytes at {} of {}, basis {}",
        file_name(write.image.as_deref().unwrap_or("unknown")),
        number(write.pid),
        number(write.tid),
        grouped(write.length),
        offset(write.offset),
        write.path.as_deref().unwrap_or("an unknown file"),
        write.basis
    )
}

/// The first field that differs, with what was expected and what was found.
fn difference(expected: &ExpectedWrite, recorded: &RecordedWrite) -> Option<(&'static str, String, String)> {
    let ExpectedWrite {
        place: _,
        pid,
        tid,
        image,
        path,
        offset: expected_offset,
        length,
        basis,
        confidence,
        requestor_mode,
        executor,
        copy_source,
    } = expected;
    let differs = |field, wanted: String, found: String| (wanted != found).then_some((field, wanted, found));
    let number =
        |number: Option<u32>| number.map_or_else(|| "unknown".to_owned(), |number| number.to_string());
    let text = |text: Option<&String>| text.cloned().unwrap_or_else(|| "unknown".to_owned());
    let stated = |field, wanted: Option<&String>, found: &str| {
        differs(field, wanted.cloned().unwrap_or_else(|| found.to_owned()), found.to_owned())
    };
    differs("pid", number(*pid), number(recorded.pid))
        .or_else(|| differs("tid", number(*tid), number(recorded.tid)))
        .or_else(|| differs("image", text(image.as_ref()), text(recorded.image.as_ref())))
        .or_else(|| differs("path", text(path.as_ref()), text(recorded.path.as_ref())))
        .or_else(|| differs("offset", offset(*expected_offset), offset(recorded.offset)))
        .or_else(|| differs("length", grouped(*length), grouped(recorded.length)))
        .or_else(|| differs("basis", basis.clone(), recorded.basis.clone()))
        .or_else(|| stated("confidence", confidence.as_ref(), &recorded.confidence))
        .or_else(|| stated("requestor mode", requestor_mode.as_ref(), recorded.requestor_mode))
        .or_else(|| {
            let wanted = expected_executor(executor.as_ref(), recorded);
            differs("executor", wanted, recorded_executor(recorded))
        })
        .or_else(|| differs("copy source", expected_source(copy_source.as_ref()), recorded_source(recorded)))
}

const NONE: &str = "none";

fn expected_executor(executor: Option<&ExpectedExecutor>, recorded: &RecordedWrite) -> String {
    executor.map_or_else(
        || NONE.to_owned(),
        |executor| {
            let found_tid = recorded.executor.and_then(|(_, tid)| tid);
            executor_text(Some(executor.pid), executor.tid.or(found_tid))
        },
    )
}

fn recorded_executor(recorded: &RecordedWrite) -> String {
    recorded.executor.map_or_else(|| NONE.to_owned(), |(pid, tid)| executor_text(pid, tid))
}

fn executor_text(pid: Option<u32>, tid: Option<u32>) -> String {
    let number =
        |number: Option<u32>| number.map_or_else(|| "unknown".to_owned(), |number| number.to_string());
    format!("pid {}, tid {}", number(pid), number(tid))
}

fn expected_source(source: Option<&ExpectedSource>) -> String {
    source.map_or_else(|| NONE.to_owned(), |source| source_text(source.path.as_deref(), source.offset))
}

fn recorded_source(recorded: &RecordedWrite) -> String {
    recorded
        .copy_source
        .as_ref()
        .map_or_else(|| NONE.to_owned(), |(path, offset)| source_text(path.as_deref(), *offset))
}

fn source_text(path: Option<&str>, offset: i64) -> String {
    format!("{} at {}", path.unwrap_or("unknown"), grouped(offset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use crate::windows_version::WindowsVersion;

    const SCENARIO: &str = r##"scenario "x"
play
expect {
    write pid=8 tid=12 image="a.exe" path=#"C:\a"# offset=0 length=4096 basis="thread" confidence="certain" requestor-mode="kernel" {
        executor pid=4
        copy-source path=#"C:\b"# offset=0
    }
    write pid=#null tid=#null image=#null path=#null offset="end-of-file" length=1 basis="unknown"
}
"##;

    fn recorded() -> [RecordedWrite; 2] {
        let copied = RecordedWrite {
            pid: Some(8),
            tid: Some(12),
            image: Some("a.exe".to_owned()),
            path: Some(r"C:\a".to_owned()),
            offset: Offset::At(0),
            length: 4096,
            basis: "thread".to_owned(),
            confidence: "certain".to_owned(),
            requestor_mode: "kernel",
            executor: Some((Some(4), Some(120))),
            copy_source: Some((Some(r"C:\b".to_owned()), 0)),
        };
        let unknown = RecordedWrite {
            pid: None,
            tid: None,
            image: None,
            path: None,
            offset: Offset::EndOfFile,
            length: 1,
            basis: "unknown".to_owned(),
            confidence: "none".to_owned(),
            executor: None,
            copy_source: None,
            ..copied.clone()
        };
        [copied, unknown]
    }

    fn outcome(recorded: &[RecordedWrite]) -> Result<(), (u64, String)> {
        let scenario = Scenario::parse("x.kdl", SCENARIO).unwrap();
        let expectation = scenario.expectation(WindowsVersion::Win11_24H2).unwrap();
        compare(expectation, recorded).map_err(|difference| (difference.place.line, difference.message))
    }

    #[test]
    fn what_is_as_expected_passes() {
        assert_eq!(outcome(&recorded()), Ok(()));
    }

    #[test]
    fn a_write_too_few_or_too_many_is_told() {
        let [copied, unknown] = recorded();
        let (line, message) = outcome(std::slice::from_ref(&copied)).unwrap_err();
        assert!(line == 8 && message.starts_with("1 of 2 expected writes"), "{line} {message}");
        let (line, message) = outcome(&[copied, unknown.clone(), unknown]).unwrap_err();
        assert!(line == 3 && message.contains("the first one too many is unknown (?:?)"), "{line} {message}");
    }

    #[test]
    fn every_field_is_compared() {
        type Change = fn(&mut RecordedWrite);
        let changes: [(&str, Change); 12] = [
            ("pid", |write| write.pid = None),
            ("tid", |write| write.tid = Some(1)),
            ("image", |write| write.image = None),
            ("path", |write| write.path = Some("C:\\A".to_owned())),
            ("offset", |write| write.offset = Offset::FilePointer),
            ("length", |write| write.length = 1),
            ("basis", |write| write.basis = "unknown".to_owned()),
            ("confidence", |write| write.confidence = "likely".to_owned()),
            ("requestor mode", |write| write.requestor_mode = "user"),
            ("executor", |write| write.executor = None),
            ("executor", |write| write.executor = Some((Some(8), Some(120)))),
            ("copy source", |write| write.copy_source = Some((None, 0))),
        ];
        for (field, change) in changes {
            let mut writes = recorded();
            change(&mut writes[0]);
            let (line, message) = outcome(&writes).expect_err(field);
            assert!(line == 4 && message.contains(&format!("differs in its {field}:")), "{message}");
        }
        let mut writes = recorded();
        writes[1].executor = Some((Some(4), None));
        assert!(outcome(&writes).unwrap_err().1.contains("expected  none"), "none is expected unless stated");
    }
}
