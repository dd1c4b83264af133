//! The callbacks of a scenario as they came.

use std::fmt::Write as _;

use ntsim::{Callback, Major, Mode, Phase, ThreadFacts};
use serde::Serialize;

use crate::consumer::names::Drives;
use crate::model::FileTime;
use crate::output::time::rfc3339;
use crate::output::words::{file_name, grouped, printable};

/// `FLT_CALLBACK_DATA->Flags`.
const FLAGS: [(u32, &str); 10] = [
    (0x0000_0001, "FLTFL_CALLBACK_DATA_IRP_OPERATION"),
    (0x0000_0002, "FLTFL_CALLBACK_DATA_FAST_IO_OPERATION"),
    (0x0000_0004, "FLTFL_CALLBACK_DATA_FS_FILTER_OPERATION"),
    (0x0000_0008, "FLTFL_CALLBACK_DATA_SYSTEM_BUFFER"),
    (0x0001_0000, "FLTFL_CALLBACK_DATA_GENERATED_IO"),
    (0x0002_0000, "FLTFL_CALLBACK_DATA_REISSUED_IO"),
    (0x0004_0000, "FLTFL_CALLBACK_DATA_DRAINING_IO"),
    (0x0008_0000, "FLTFL_CALLBACK_DATA_POST_OPERATION"),
    (0x0010_0000, "FLTFL_CALLBACK_DATA_NEW_SYSTEM_BUFFER"),
    (0x8000_0000, "FLTFL_CALLBACK_DATA_DIRTY"),
];
/// `FLT_IO_PARAMETER_BLOCK->IrpFlags`, as far as they tell something of a write.
const IRP_FLAGS: [(u32, &str); 8] = [
    (0x0001, "IRP_NOCACHE"),
    (0x0002, "IRP_PAGING_IO"),
    (0x0004, "IRP_SYNCHRONOUS_API"),
    (0x0008, "IRP_ASSOCIATED_IRP"),
    (0x0010, "IRP_BUFFERED_IO"),
    (0x0020, "IRP_DEALLOCATE_BUFFER"),
    (0x0040, "IRP_SYNCHRONOUS_PAGING_IO"),
    (0x0800, "IRP_DEFER_IO_COMPLETION"),
];
/// `FILE_INFORMATION_CLASS` in a set-information operation.
const CLASSES: [(u64, &str); 11] = [
    (4, "FileBasicInformation"),
    (10, "FileRenameInformation"),
    (11, "FileLinkInformation"),
    (13, "FileDispositionInformation"),
    (14, "FilePositionInformation"),
    (19, "FileAllocationInformation"),
    (20, "FileEndOfFileInformation"),
    (39, "FileValidDataLengthInformation"),
    (64, "FileDispositionInformationEx"),
    (65, "FileRenameInformationEx"),
    (72, "FileLinkInformationEx"),
];
/// Codes of file system controls.
const CONTROLS: [(u64, &str); 5] = [
    (0x0009_80C8, "FSCTL_SET_ZERO_DATA"),
    (0x0009_8344, "FSCTL_DUPLICATE_EXTENTS_TO_FILE"),
    (0x0009_83E8, "FSCTL_DUPLICATE_EXTENTS_TO_FILE_EX"),
    (0x0009_4264, "FSCTL_OFFLOAD_READ"),
    (0x0009_8268, "FSCTL_OFFLOAD_WRITE"),
];
/// Names of the IRQLs, from 0.
const IRQLS: [&str; 3] = ["PASSIVE_LEVEL", "APC_LEVEL", "DISPATCH_LEVEL"];
/// Width of the labels.
const LABEL: usize = 28;

/// The callbacks so far.
#[derive(Debug, Default)]
pub(in crate::simulate) struct Trace {
    lines: Vec<Line>,
    /// The driver's post-operation callback has come, which precedes that of the filter above it.
    driver_after: bool,
}

#[derive(Debug, Serialize)]
struct Thread {
    pid: u32,
    tid: u32,
    image: String,
}

#[derive(Debug, Serialize)]
struct Process {
    pid: u32,
    image: String,
}

#[derive(Debug, Serialize)]
struct Line {
    kind: &'static str,
    time: Option<String>,
    phase: &'static str,
    operation: String,
    /// What is set or controlled.
    parameter: Option<String>,
    /// Whether the driver is called too.
    driver: bool,
    irql: u8,
    current: Thread,
    attached_to: Option<Process>,
    thread: Option<Thread>,
    requestor_mode: &'static str,
    requestor_pid: Option<u32>,
    flags: Vec<&'static str>,
    irp_flags: Vec<&'static str>,
    path: String,
    offset: Option<i64>,
    length: Option<u32>,
    copy_source: Option<(String, i64)>,
    status: Option<String>,
}

impl Trace {
    /// Takes note of a callback; `watcher` is the name of the filter above the driver.
    pub(in crate::simulate) fn see(&mut self, callback: &Callback<'_>, drives: &Drives, watcher: &str) {
        if callback.driver != watcher {
            match (callback.phase, self.lines.last_mut()) {
                (Phase::Pre, Some(line)) => line.driver = true,
                (Phase::Pre, None) => {}
                (Phase::Post, _) => self.driver_after = true,
            }
            return;
        }
        let is_called = callback.phase == Phase::Post && std::mem::take(&mut self.driver_after);
        let thread = |facts: &ThreadFacts| Thread {
            pid: facts.pid,
            tid: facts.tid,
            image: drives.readable(&facts.image),
        };
        let source = callback.copy_source.as_ref();
        self.lines.push(Line {
            kind: "callback",
            time: rfc3339(FileTime(callback.time)),
            phase: match callback.phase {
                Phase::Pre => "pre",
                Phase::Post => "post",
            },
            operation: callback.major.to_string(),
            parameter: parameter(callback),
            driver: is_called,
            irql: callback.irql,
            current: thread(&callback.current),
            attached_to: callback
                .attached_to
                .as_ref()
                .map(|process| Process { pid: process.pid, image: drives.readable(&process.image) }),
            thread: callback.thread.as_ref().map(thread),
            requestor_mode: match callback.requestor_mode {
                Mode::User => "user",
                Mode::Kernel => "kernel",
            },
            requestor_pid: Some(callback.requestor_pid).filter(|pid| *pid != 0),
            flags: names(callback.flags, &FLAGS),
            irp_flags: names(callback.irp_flags, &IRP_FLAGS),
            path: drives.readable(&callback.path),
            offset: callback.offset,
            length: callback.length,
            copy_source: source.map(|source| (drives.readable(&source.path), source.offset)),
            status: callback.status.map(|status| status.to_string()),
        });
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (index, line) in self.lines.iter().enumerate() {
            line.tell(index + 1, &mut text).expect("a String takes all");
        }
        text
    }

    /// JSON Lines.
    pub(super) fn json(&self) -> String {
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(&serde_json::to_string(line).expect("names and numbers"));
            text.push('\n');
        }
        text
    }
}

impl Line {
    fn tell(&self, number: usize, text: &mut String) -> std::fmt::Result {
        write!(text, "#{number} {}-operation {}", self.phase, self.operation)?;
        if let Some(parameter) = &self.parameter {
            write!(text, " {parameter}")?;
        }
        write!(text, ", {}", printable(&self.path))?;
        if let (Some(offset), Some(length)) = (self.offset, self.length) {
            write!(text, ", {} bytes at {}", grouped(length), grouped(offset))?;
        }
        text.push('\n');
        let irql =
            IRQLS.get(usize::from(self.irql)).map_or_else(|| self.irql.to_string(), ToString::to_string);
        let mode = if self.requestor_mode == "user" { "UserMode" } else { "KernelMode" };
        let requestor = self.requestor_pid.map_or_else(|| "none".to_owned(), |pid| pid.to_string());
        let joined = |flags: &[&str]| if flags.is_empty() { "none".to_owned() } else { flags.join(" | ") };
        let rows = [
            ("time", self.time.clone()),
            ("current thread", Some(self.current.tell())),
            ("attached to", self.attached_to.as_ref().map(Process::tell)),
            (
                "FLT_CALLBACK_DATA->Thread",
                Some(self.thread.as_ref().map_or_else(|| "NULL".to_owned(), Thread::tell)),
            ),
            ("FltGetRequestorProcessId", Some(requestor)),
            ("RequestorMode", Some(mode.to_owned())),
            ("IRQL", Some(irql)),
            ("Flags", Some(joined(&self.flags))),
            ("IrpFlags", Some(joined(&self.irp_flags))),
            (
                "copied from",
                self.copy_source
                    .as_ref()
                    .map(|(path, offset)| format!("offset {} of {}", grouped(*offset), printable(path))),
            ),
            ("status", self.status.clone()),
            ("whowrote", Some(if self.driver { "is called" } else { "is not called" }.to_owned())),
        ];
        for (label, value) in rows {
            if let Some(value) = value {
                writeln!(text, "    {label:LABEL$} {value}")?;
            }
        }
        text.push('\n');
        Ok(())
    }
}

impl Thread {
    fn tell(&self) -> String {
        format!("{} ({}:{})", printable(file_name(&self.image)), self.pid, self.tid)
    }
}

impl Process {
    fn tell(&self) -> String {
        format!("{} ({})", printable(file_name(&self.image)), self.pid)
    }
}

/// What is set or controlled.
fn parameter(callback: &Callback<'_>) -> Option<String> {
    let (table, word): (&[(u64, &str)], usize) = match callback.major {
        Major::SetInformation => (&CLASSES, 1),
        Major::FileSystemControl => (&CONTROLS, 2),
        _ => return None,
    };
    let value = callback.parameters[word] & 0xFFFF_FFFF;
    let named = table.iter().find(|(known, _)| *known == value);
    Some(named.map_or_else(|| format!("0x{value:X}"), |(_, name)| (*name).to_owned()))
}

/// The names of the flags that are set.
fn names(flags: u32, known: &[(u32, &'static str)]) -> Vec<&'static str> {
    known.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| *name).collect()
}
