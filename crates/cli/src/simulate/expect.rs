//! Whether what was recorded is what a scenario expects, and the first difference if not.

use std::fmt::Write as _;

use audit::record::{Code, Operation, Sequence, WriteFlags};

use crate::model::{Change, FileTime, Offset, Party, Source, Write};
use crate::output::words::{file_name, grouped, offset};
use crate::place::Place;
use crate::scenario::model::{
    Candidate, ChangeKind, Expectation, ExpectedChange, ExpectedExecutor, ExpectedOriginator, ExpectedSource,
    RemoteClient,
};

/// What is compared of a recorded change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordedChange {
    moment: Moment,
    kind: ChangeKind,
    originator: ExpectedOriginator,
    path: Option<String>,
    to: Option<String>,
    offset: Option<Offset>,
    length: Option<u64>,
    size: Option<u64>,
    basis: String,
    confidence: String,
    requestor_mode: &'static str,
    executor: Option<(Option<u32>, Option<u32>)>,
    copy_source: Option<(Option<String>, i64)>,
    client: Option<RemoteClient>,
}

/// When and by which processor's part of the ring a record was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Moment {
    time: Option<FileTime>,
    shard: u8,
}

impl RecordedChange {
    /// A write.
    pub(super) fn new(write: &Write<'_>) -> Self {
        Self {
            kind: match write.operation {
                Code::Known(Operation::MappedWrite) => ChangeKind::MappedWrite,
                _ => ChangeKind::Write,
            },
            originator: originator(write),
            moment: Moment { time: write.time, shard: Sequence(write.sequence).shard() },
            path: write.path.map(str::to_owned),
            to: None,
            offset: Some(write.offset),
            length: Some(write.length.into()),
            size: None,
            basis: write.basis.to_string(),
            confidence: write.confidence.to_string(),
            requestor_mode: mode(write.flags),
            executor: write.executor.map(|executor| (executor.pid, executor.tid)),
            copy_source: write.copy_source.map(place_of),
            client: write.client.map(|client| RemoteClient {
                address: client.address.map(|address| address.to_string()),
                share: client.share.map(str::to_owned),
            }),
        }
    }

    /// Another change.
    pub(super) fn of_change(change: &Change<'_>) -> Self {
        Self {
            moment: Moment { time: change.time, shard: Sequence(change.sequence).shard() },
            kind: kind_of(change),
            originator: one(&change.originator),
            path: change.path.map(str::to_owned),
            to: change.to.map(str::to_owned),
            offset: change.range.map(|(offset, _)| Offset::At(offset)),
            length: change.range.map(|(_, length)| length),
            size: change.size.and_then(|size| u64::try_from(size).ok()),
            basis: change.basis.to_string(),
            confidence: change.confidence.to_string(),
            requestor_mode: mode(change.flags),
            executor: change.executor.map(|executor| (executor.pid, executor.tid)),
            copy_source: change.source.map(place_of),
            client: None,
        }
    }

    pub(super) fn kind(&self) -> ChangeKind {
        self.kind
    }
}

fn one(originator: &Party<'_>) -> ExpectedOriginator {
    let Party { pid, tid, image, .. } = *originator;
    ExpectedOriginator::One { pid, tid, image: image.map(str::to_owned) }
}

/// Who wrote, or those who may have. (That there are others besides is for the driver's own tests.)
fn originator(write: &Write<'_>) -> ExpectedOriginator {
    let candidate = |party: &Party<'_>| Candidate {
        pid: party.pid.unwrap_or_default(),
        image: party.image.map(str::to_owned),
    };
    let candidates: Vec<Candidate> = write.candidates.iter().flatten().map(candidate).collect();
    if candidates.is_empty() { one(&write.originator) } else { ExpectedOriginator::Candidates(candidates) }
}

fn mode(flags: WriteFlags) -> &'static str {
    if flags.contains(WriteFlags::USER_MODE) { "user" } else { "kernel" }
}

fn place_of(source: Source<'_>) -> (Option<String>, i64) {
    (source.path.map(str::to_owned), source.offset)
}

/// What a recorded operation is for a scenario.
fn kind_of(change: &Change<'_>) -> ChangeKind {
    match (change.operation, change.size.zip(change.end_before)) {
        // Those two are no changes of this sort.
        (Operation::Write, _) => ChangeKind::Write,
        (Operation::MappedWrite, _) => ChangeKind::MappedWrite,
        (Operation::Clone, _) => ChangeKind::Clone,
        (Operation::OffloadWrite, _) => ChangeKind::OffloadWrite,
        (Operation::Zero, _) => ChangeKind::Zero,
        (Operation::SetEndOfFile | Operation::SetAllocation, Some((size, before))) if size < before => {
            ChangeKind::Truncate
        }
        (Operation::SetEndOfFile, Some(_)) => ChangeKind::Extend,
        (Operation::SetEndOfFile, None) => ChangeKind::SetEndOfFile,
        (Operation::SetAllocation, _) => ChangeKind::SetAllocation,
        (Operation::SetValidData, _) => ChangeKind::SetValidData,
        (Operation::Create, _) => ChangeKind::Create,
        (Operation::Overwrite, _) => ChangeKind::Overwrite,
        (Operation::Supersede, _) => ChangeKind::Supersede,
        (Operation::Rename, _) => ChangeKind::Rename,
        (Operation::Link, _) => ChangeKind::Link,
        (Operation::DeletePending, _) => ChangeKind::DeletePending,
        (Operation::DeleteCancelled, _) => ChangeKind::DeleteCancelled,
        (Operation::Delete, _) => ChangeKind::Delete,
        (Operation::Commit, _) => ChangeKind::Commit,
        (Operation::RollBack, _) => ChangeKind::RollBack,
    }
}

/// The first difference between what was expected and what was recorded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Where in the scenario the expectation stands.
    pub(super) place: Place,
    pub(super) message: String,
}

/// Compares the changes one by one, in order. Of what two processors did at the same moment, either may come first.
pub(super) fn compare(expectation: &Expectation, recorded: &[RecordedChange]) -> Result<(), Difference> {
    let expected = &expectation.changes;
    let kinds = expectation.kinds();
    let mut rest: Vec<&RecordedChange> = recorded
        .iter()
        .filter(|change| !change.kind.is_incidental() || kinds.contains(&change.kind))
        .collect();
    let total = rest.len();
    for (index, wanted) in expected.iter().enumerate() {
        let number = format!("change {} of {}", index + 1, expected.len());
        let missing = |next: &str| {
            let what = wanted_change(wanted);
            let message = format!("nothing recorded of {what} ({number}{next})");
            Err(Difference { place: wanted.place, message })
        };
        if rest.is_empty() {
            return missing("");
        }
        let is_it = |at: &usize| rest[*at].kind == wanted.kind && difference(wanted, rest[*at]).is_none();
        let found = rest.remove(next_of_each(&rest).into_iter().find(is_it).unwrap_or(0));
        if found.kind != wanted.kind {
            return missing(&format!("; what was recorded next is {}", described(found)));
        }
        if let Some((field, wanted_value, found_value)) = difference(wanted, found) {
            let mut message = format!("{number} differs in its {field}:");
            let _ = write!(message, "\n  expected  {wanted_value}\n  recorded  {found_value}");
            let _ = write!(message, "\n  what was recorded is {}", described(found));
            return Err(Difference { place: wanted.place, message });
        }
    }
    if let Some(extra) = rest.first() {
        let message = format!(
            "{total} changes were recorded where {} are expected; the first one too many is {}",
            expected.len(),
            described(extra)
        );
        return Err(Difference { place: expectation.place, message });
    }
    Ok(())
}

/// Where those are that may be next: of each processor the first, as long as they are of one moment.
fn next_of_each(rest: &[&RecordedChange]) -> Vec<usize> {
    let Some(first) = rest.first() else { return Vec::new() };
    let mut shards = Vec::new();
    let mut places = Vec::new();
    for (place, change) in rest.iter().enumerate() {
        if change.moment.time != first.moment.time {
            break;
        }
        if !shards.contains(&change.moment.shard) {
            shards.push(change.moment.shard);
            places.push(place);
        }
    }
    places
}

/// What was expected, in a few words: "the rename of C:\a to C:\b by editor.exe (708)".
fn wanted_change(change: &ExpectedChange) -> String {
    let path = change.path.as_deref().unwrap_or("an unknown file");
    let to = change.to.as_deref().map_or_else(String::new, |to| format!(" to {to}"));
    format!("the {} of {path}{to} by {}", change.kind.name(), originator_text(&change.originator))
}

/// A recorded change in one line.
fn described(change: &RecordedChange) -> String {
    let range = match (change.offset, change.length) {
        (Some(at), Some(length)) => format!("{} bytes at {} of ", grouped(length), offset(at)),
        _ => String::new(),
    };
    format!(
        "a {} by {}, {range}{}, basis {}",
        change.kind.name(),
        originator_text(&change.originator),
        change.path.as_deref().unwrap_or("an unknown file"),
        change.basis
    )
}

fn number_text(number: Option<u32>) -> String {
    number.map_or_else(|| UNKNOWN.to_owned(), |number| number.to_string())
}

fn originator_text(originator: &ExpectedOriginator) -> String {
    match originator {
        ExpectedOriginator::One { pid: None, .. } => UNKNOWN.to_owned(),
        ExpectedOriginator::One { pid, tid, image } => {
            let image = file_name(image.as_deref().unwrap_or(UNKNOWN));
            format!("{image} ({}:{})", number_text(*pid), number_text(*tid))
        }
        ExpectedOriginator::Candidates(all) => {
            let name = |Candidate { pid, image }: &Candidate| {
                format!("{} ({pid})", file_name(image.as_deref().unwrap_or(UNKNOWN)))
            };
            format!("one of {}", all.iter().map(name).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Parts of the originator with their names, as far as the expected one has them.
fn originator_difference(
    expected: &ExpectedOriginator,
    recorded: &ExpectedOriginator,
) -> Option<(&'static str, String, String)> {
    use ExpectedOriginator::One;
    let (One { pid, tid, image }, One { pid: other_pid, tid: found_tid, image: found_image }) =
        (expected, recorded)
    else {
        return differs("originator", originator_text(expected), originator_text(recorded));
    };
    let text = |image: &Option<String>| image.clone().unwrap_or_else(|| UNKNOWN.to_owned());
    differs("pid", number_text(*pid), number_text(*other_pid))
        .or_else(|| differs("tid", number_text(*tid), number_text(*found_tid)))
        .or_else(|| differs("image", text(image), text(found_image)))
}

fn differs(field: &'static str, wanted: String, found: String) -> Option<(&'static str, String, String)> {
    (wanted != found).then_some((field, wanted, found))
}

/// The first field that differs, with what was expected and what was found.
fn difference(
    expected: &ExpectedChange,
    recorded: &RecordedChange,
) -> Option<(&'static str, String, String)> {
    let ExpectedChange {
        place: _,
        kind: _,
        originator,
        path,
        to,
        offset: expected_offset,
        length,
        size,
        basis,
        confidence,
        requestor_mode,
        executor,
        copy_source,
        client,
    } = expected;
    let text = |text: Option<&String>| text.cloned().unwrap_or_else(|| UNKNOWN.to_owned());
    let stated = |field, wanted: Option<&String>, found: &str| {
        differs(field, wanted.cloned().unwrap_or_else(|| found.to_owned()), found.to_owned())
    };
    let bytes = |field, wanted: Option<u64>, found: Option<u64>| {
        let bytes = |number: Option<u64>| number.map_or_else(|| NONE.to_owned(), grouped);
        differs(field, bytes(wanted.or(found)), bytes(found))
    };
    originator_difference(originator, &recorded.originator)
        .or_else(|| differs("path", text(path.as_ref()), text(recorded.path.as_ref())))
        .or_else(|| differs("new path", text(to.as_ref()), text(recorded.to.as_ref())))
        .or_else(|| {
            let place = |at: Option<Offset>| at.map_or_else(|| NONE.to_owned(), offset);
            differs("offset", place(expected_offset.or(recorded.offset)), place(recorded.offset))
        })
        .or_else(|| bytes("length", *length, recorded.length))
        .or_else(|| bytes("size", *size, recorded.size))
        .or_else(|| differs("basis", basis.clone(), recorded.basis.clone()))
        .or_else(|| stated("confidence", confidence.as_ref(), &recorded.confidence))
        .or_else(|| stated("requestor mode", requestor_mode.as_ref(), recorded.requestor_mode))
        .or_else(|| {
            let wanted = expected_executor(executor.as_ref(), recorded);
            differs("executor", wanted, recorded_executor(recorded))
        })
        .or_else(|| differs("copy source", expected_source(copy_source.as_ref()), recorded_source(recorded)))
        .or_else(|| differs("client", client_text(client.as_ref()), client_text(recorded.client.as_ref())))
}

const NONE: &str = "none";
const UNKNOWN: &str = "unknown";

fn expected_executor(executor: Option<&ExpectedExecutor>, recorded: &RecordedChange) -> String {
    executor.map_or_else(
        || NONE.to_owned(),
        |executor| {
            let found_tid = recorded.executor.and_then(|(_, tid)| tid);
            executor_text(Some(executor.pid), executor.tid.or(found_tid))
        },
    )
}

fn recorded_executor(recorded: &RecordedChange) -> String {
    recorded.executor.map_or_else(|| NONE.to_owned(), |(pid, tid)| executor_text(pid, tid))
}

fn executor_text(pid: Option<u32>, tid: Option<u32>) -> String {
    format!("pid {}, tid {}", number_text(pid), number_text(tid))
}

fn expected_source(source: Option<&ExpectedSource>) -> String {
    source.map_or_else(|| NONE.to_owned(), |source| source_text(source.path.as_deref(), source.offset))
}

fn recorded_source(recorded: &RecordedChange) -> String {
    recorded
        .copy_source
        .as_ref()
        .map_or_else(|| NONE.to_owned(), |(path, offset)| source_text(path.as_deref(), *offset))
}

fn source_text(path: Option<&str>, offset: i64) -> String {
    format!("{} at {}", path.unwrap_or(UNKNOWN), grouped(offset))
}

fn client_text(client: Option<&RemoteClient>) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| UNKNOWN.to_owned());
    client.map_or_else(
        || NONE.to_owned(),
        |RemoteClient { address, share }| format!("{} by way of the share {}", text(address), text(share)),
    )
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

    fn recorded() -> [RecordedChange; 2] {
        let copied = RecordedChange {
            moment: Moment { time: None, shard: 0 },
            kind: ChangeKind::Write,
            originator: ExpectedOriginator::One {
                pid: Some(8),
                tid: Some(12),
                image: Some("a.exe".to_owned()),
            },
            to: None,
            size: None,
            client: None,
            path: Some(r"C:\a".to_owned()),
            offset: Some(Offset::At(0)),
            length: Some(4096),
            basis: "thread".to_owned(),
            confidence: "certain".to_owned(),
            requestor_mode: "kernel",
            executor: Some((Some(4), Some(120))),
            copy_source: Some((Some(r"C:\b".to_owned()), 0)),
        };
        let unknown = RecordedChange {
            originator: ExpectedOriginator::One { pid: None, tid: None, image: None },
            path: None,
            offset: Some(Offset::EndOfFile),
            length: Some(1),
            basis: "unknown".to_owned(),
            confidence: "none".to_owned(),
            executor: None,
            copy_source: None,
            ..copied.clone()
        };
        [copied, unknown]
    }

    fn outcome(recorded: &[RecordedChange]) -> Result<(), (u64, String)> {
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
        assert!(
            line == 8
                && message.starts_with(
                    "nothing recorded of the write of an unknown file by unknown (change 2 of 2"
                ),
            "{line} {message}"
        );
        let (line, message) = outcome(&[copied, unknown.clone(), unknown]).unwrap_err();
        assert!(
            line == 3 && message.contains("the first one too many is a write by unknown"),
            "{line} {message}"
        );
    }

    #[test]
    fn what_two_processors_did_at_one_moment_may_come_in_either_order() {
        let [copied, unknown] = recorded();
        let elsewhere =
            RecordedChange { moment: Moment { time: Some(FileTime(1)), shard: 1 }, ..copied.clone() };
        let here = RecordedChange { moment: Moment { time: Some(FileTime(1)), shard: 0 }, ..unknown.clone() };
        assert_eq!(outcome(&[here.clone(), elsewhere.clone()]), Ok(()));
        assert!(outcome(&[unknown, copied]).is_err(), "one processor's are in its order");
        let later = RecordedChange { moment: Moment { time: Some(FileTime(2)), shard: 1 }, ..elsewhere };
        assert!(outcome(&[here, later]).is_err(), "and so are moments");
    }

    #[test]
    fn what_is_of_another_kind_is_nothing_of_this_one() {
        let text = SCENARIO.replace("write pid=8", "clone pid=8");
        let scenario = Scenario::parse("x.kdl", &text).unwrap();
        let expectation = scenario.expectation(WindowsVersion::Win11_24H2).unwrap();
        let message = compare(expectation, &recorded()).unwrap_err().message;
        assert!(message.starts_with(r"nothing recorded of the clone of C:\a by a.exe (8:12)"), "{message}");
        assert!(message.contains("what was recorded next is a write by a.exe (8:12)"), "{message}");
    }

    #[test]
    fn every_field_is_compared() {
        type Change = fn(&mut RecordedChange);
        fn one(pid: u32, tid: u32, image: &str) -> ExpectedOriginator {
            ExpectedOriginator::One { pid: Some(pid), tid: Some(tid), image: Some(image.to_owned()) }
        }
        let changes: [(&str, Change); 15] = [
            ("pid", |write| write.originator = one(9, 12, "a.exe")),
            ("tid", |write| write.originator = one(8, 1, "a.exe")),
            ("image", |write| write.originator = one(8, 12, "b.exe")),
            ("originator", |write| write.originator = ExpectedOriginator::Candidates(Vec::new())),
            ("path", |write| write.path = Some("C:\\A".to_owned())),
            ("new path", |write| write.to = Some("C:\\A".to_owned())),
            ("offset", |write| write.offset = Some(Offset::FilePointer)),
            ("length", |write| write.length = Some(1)),
            ("basis", |write| write.basis = "unknown".to_owned()),
            ("confidence", |write| write.confidence = "likely".to_owned()),
            ("requestor mode", |write| write.requestor_mode = "user"),
            ("executor", |write| write.executor = None),
            ("executor", |write| write.executor = Some((Some(8), Some(120)))),
            ("copy source", |write| write.copy_source = Some((None, 0))),
            ("client", |write| write.client = Some(RemoteClient { address: None, share: None })),
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
