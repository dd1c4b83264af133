//! JSON Lines: one object per record. The fields are described in `docs/output.md`.
//!
//! Keys and sequence numbers are 64-bit and go as decimal strings: many JSON readers take numbers for floating point,
//! which is exact up to 2^53 only.

use std::io;

use audit::record::WriteFlags;
use serde::Serialize;

use super::explain::{Conclusion, Explanation, Rule, Truth, Who};
use super::time::rfc3339;
use super::{ExplainedSink, Sink};
use crate::model::{File, FileTime, Loss, Offset, Party, Process, Source, Volume, Write};

/// Writes JSON Lines.
#[derive(Debug)]
pub struct Json<W> {
    out: W,
}

impl<W: io::Write> Json<W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W) -> Self {
        Self { out }
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }
}

/// Flags and their names, in the order they are told.
const FLAG_NAMES: [(WriteFlags, &str); 7] = [
    (WriteFlags::PAGING, "paging"),
    (WriteFlags::SYNCHRONOUS_PAGING, "synchronous_paging"),
    (WriteFlags::NON_CACHED, "non_cached"),
    (WriteFlags::FAST_IO, "fast_io"),
    (WriteFlags::GENERATED, "generated"),
    (WriteFlags::REISSUED, "reissued"),
    (WriteFlags::WRITE_THROUGH, "write_through"),
];

/// Names of the file systems that volumes have (`FLT_FILESYSTEM_TYPE`).
const FILE_SYSTEMS: [(u32, &str); 14] = [
    (1, "raw"),
    (2, "ntfs"),
    (3, "fat"),
    (4, "cdfs"),
    (5, "udfs"),
    (6, "lanman"),
    (7, "webdav"),
    (8, "rdpdr"),
    (9, "nfs"),
    (13, "mup"),
    (22, "exfat"),
    (27, "csvfs"),
    (28, "refs"),
    (30, "cimfs"),
];

/// A 64-bit key as a decimal string.
fn key(key: Option<u64>) -> Option<String> {
    key.map(|key| key.to_string())
}

#[derive(Serialize)]
struct WriteLine<'a> {
    kind: &'static str,
    time: Option<String>,
    operation: String,
    pid: Option<u32>,
    tid: Option<u32>,
    image: Option<&'a str>,
    path: Option<&'a str>,
    offset: Option<i64>,
    length: u32,
    basis: String,
    confidence: String,
    requestor_mode: &'static str,
    executor: Option<PartyObject<'a>>,
    copy_source: Option<SourceObject<'a>>,
    flags: Vec<&'static str>,
    process_key: Option<String>,
    file_key: Option<String>,
    sequence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<ExplainObject<'a>>,
}

#[derive(Serialize)]
struct PartyObject<'a> {
    pid: Option<u32>,
    tid: Option<u32>,
    image: Option<&'a str>,
    process_key: Option<String>,
}

#[derive(Serialize)]
struct SourceObject<'a> {
    path: Option<&'a str>,
    offset: i64,
    file_key: Option<String>,
}

#[derive(Serialize)]
struct ProcessLine<'a> {
    kind: &'static str,
    key: String,
    pid: Option<u32>,
    image: Option<&'a str>,
    kernel: bool,
    created: Option<String>,
    parent_key: Option<String>,
    parent_pid: Option<u32>,
    session: Option<u32>,
    user_sid: Option<&'a str>,
    truncated: bool,
}

#[derive(Serialize)]
struct VolumeLine<'a> {
    kind: &'static str,
    key: String,
    device: Option<&'a str>,
    guid: Option<&'a str>,
    drive: Option<&'a str>,
    file_system: Option<&'static str>,
    file_system_type: u32,
}

#[derive(Serialize)]
struct FileLine<'a> {
    kind: &'static str,
    key: String,
    volume_key: Option<String>,
    path: Option<&'a str>,
    name: &'static str,
    truncated: bool,
}

#[derive(Serialize)]
struct LossLine<'a> {
    kind: &'static str,
    time: Option<String>,
    reason: &'a str,
    count: u64,
    total: u64,
}

#[derive(Serialize)]
struct ExplainObject<'a> {
    current: WhoObject<'a>,
    thread: Option<WhoObject<'a>>,
    requestor_mode: &'static str,
    requestor_pid: Option<u32>,
    writer: TruthObject<'a>,
    rules: Vec<RuleObject>,
}

#[derive(Serialize)]
struct WhoObject<'a> {
    pid: u32,
    tid: u32,
    image: &'a str,
}

#[derive(Serialize)]
struct TruthObject<'a> {
    pid: u32,
    tid: u32,
    image: &'a str,
    kernel: bool,
}

#[derive(Serialize)]
struct RuleObject {
    rule: &'static str,
    pid: Option<u32>,
    verdict: &'static str,
}

#[derive(Serialize)]
struct UnrecordedLine<'a> {
    kind: &'static str,
    time: Option<String>,
    path: &'a str,
    offset: Option<i64>,
    length: u32,
    fast_io: bool,
    failed: Option<&'a str>,
    explain: ExplainObject<'a>,
}

impl<'a> WriteLine<'a> {
    fn new(write: &Write<'a>, explanation: Option<&'a Explanation>) -> Self {
        let Write {
            sequence,
            time,
            operation,
            originator: Party { process_key, pid, tid, image },
            basis,
            confidence,
            flags,
            file_key,
            path,
            offset,
            length,
            executor,
            copy_source,
        } = *write;
        let mut names: Vec<&'static str> =
            FLAG_NAMES.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name).collect();
        names.extend(special_offset(offset));
        Self {
            kind: "write",
            time: time.and_then(rfc3339),
            operation: operation.to_string(),
            pid,
            tid,
            image,
            path,
            offset: byte_offset(offset),
            length,
            basis: basis.to_string(),
            confidence: confidence.to_string(),
            requestor_mode: mode(flags.contains(WriteFlags::USER_MODE)),
            executor: executor.map(PartyObject::new),
            copy_source: copy_source.map(SourceObject::new),
            flags: names,
            process_key: key(process_key),
            file_key: key(file_key),
            sequence: sequence.to_string(),
            explain: explanation.map(ExplainObject::new),
        }
    }
}

impl<'a> PartyObject<'a> {
    fn new(party: Party<'a>) -> Self {
        let Party { process_key, pid, tid, image } = party;
        Self { pid, tid, image, process_key: key(process_key) }
    }
}

impl<'a> SourceObject<'a> {
    fn new(source: Source<'a>) -> Self {
        let Source { file_key, path, offset } = source;
        Self { path, offset, file_key: key(file_key) }
    }
}

impl<'a> ExplainObject<'a> {
    fn new(explanation: &'a Explanation) -> Self {
        let rules = Rule::ALL.map(|rule| {
            let conclusion = rule.concludes(explanation);
            let pid = match conclusion {
                Conclusion::Skipped => None,
                Conclusion::Process { pid, .. } => Some(pid),
            };
            RuleObject { rule: rule.name(), pid, verdict: conclusion.verdict(explanation).name() }
        });
        let (Truth::User(Who { pid, tid, image }) | Truth::Kernel(Who { pid, tid, image })) =
            &explanation.truth;
        Self {
            current: WhoObject::new(&explanation.current),
            thread: explanation.thread.as_ref().map(WhoObject::new),
            requestor_mode: mode(explanation.user_mode),
            requestor_pid: explanation.requestor.as_ref().map(|(pid, _)| *pid),
            writer: TruthObject {
                pid: *pid,
                tid: *tid,
                image,
                kernel: matches!(explanation.truth, Truth::Kernel(_)),
            },
            rules: rules.into(),
        }
    }
}

impl<'a> WhoObject<'a> {
    fn new(Who { pid, tid, image }: &'a Who) -> Self {
        Self { pid: *pid, tid: *tid, image }
    }
}

fn mode(user: bool) -> &'static str {
    if user { "user" } else { "kernel" }
}

fn byte_offset(offset: Offset) -> Option<i64> {
    match offset {
        Offset::At(offset) => Some(offset),
        Offset::EndOfFile | Offset::FilePointer => None,
    }
}

fn special_offset(offset: Offset) -> Option<&'static str> {
    match offset {
        Offset::At(_) => None,
        Offset::EndOfFile => Some("to_end_of_file"),
        Offset::FilePointer => Some("at_file_pointer"),
    }
}

impl<W: io::Write> Sink for Json<W> {
    fn write(&mut self, write: &Write<'_>) -> io::Result<()> {
        self.line(&WriteLine::new(write, None))
    }

    fn process(&mut self, process: &Process) -> io::Result<()> {
        let Process {
            key: own,
            pid,
            image,
            kernel,
            created,
            parent_key,
            parent_pid,
            session,
            user,
            truncated,
        } = process;
        self.line(&ProcessLine {
            kind: "process",
            key: own.to_string(),
            pid: *pid,
            image: image.as_deref(),
            kernel: *kernel,
            created: created.and_then(rfc3339),
            parent_key: key(*parent_key),
            parent_pid: *parent_pid,
            session: *session,
            user_sid: user.as_deref(),
            truncated: *truncated,
        })
    }

    fn volume(&mut self, volume: &Volume) -> io::Result<()> {
        let Volume { key, device, guid, drive, file_system } = volume;
        self.line(&VolumeLine {
            kind: "volume",
            key: key.to_string(),
            device: device.as_deref(),
            guid: guid.as_deref(),
            drive: drive.as_deref(),
            file_system: FILE_SYSTEMS.iter().find(|(number, _)| number == file_system).map(|(_, name)| *name),
            file_system_type: *file_system,
        })
    }

    fn file(&mut self, file: &File) -> io::Result<()> {
        let File { key: own, volume_key, path, opened_name, truncated } = file;
        self.line(&FileLine {
            kind: "file",
            key: own.to_string(),
            volume_key: key(*volume_key),
            path: path.as_deref(),
            name: if *opened_name { "opened" } else { "normalized" },
            truncated: *truncated,
        })
    }

    fn loss(&mut self, loss: &Loss) -> io::Result<()> {
        let Loss { time, reason, count, total } = loss;
        let time: Option<FileTime> = *time;
        self.line(&LossLine {
            kind: "loss",
            time: time.and_then(rfc3339),
            reason,
            count: *count,
            total: *total,
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: io::Write> ExplainedSink for Json<W> {
    fn explained(&mut self, write: &Write<'_>, explanation: &Explanation) -> io::Result<()> {
        self.line(&WriteLine::new(write, Some(explanation)))
    }

    fn unrecorded(&mut self, explanation: &Explanation) -> io::Result<()> {
        self.line(&UnrecordedLine {
            kind: "unrecorded",
            time: rfc3339(explanation.time),
            path: &explanation.path,
            offset: byte_offset(explanation.offset),
            length: explanation.length,
            fast_io: explanation.fast_io,
            failed: explanation.failed.as_deref(),
            explain: ExplainObject::new(explanation),
        })
    }
}
