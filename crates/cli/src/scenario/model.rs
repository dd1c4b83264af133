//! What a scenario says, checked: every name is defined before it is used, every number fits.

use crate::model::{FileTime, Offset};
use crate::place::Place;
use crate::windows_version::{VersionRange, WindowsVersion};

/// A scenario: a machine, what happens on it, and what must be recorded of it.
#[derive(Debug)]
pub struct Scenario {
    /// One line that says what it is about.
    pub title: String,
    /// Why what is expected is right.
    pub why: Option<String>,
    /// Where the facts it relies on are written.
    pub sources: Vec<String>,
    /// The versions of Windows that it can happen on.
    pub applies: VersionRange,
    /// Why what is expected is not recorded yet, if it is known not to be.
    pub not_met: Option<String>,
    /// When it begins.
    pub(crate) start: Option<FileTime>,
    pub(crate) volumes: Vec<Volume>,
    /// Processes that run before the driver is loaded.
    pub(crate) processes: Vec<Process>,
    pub(crate) steps: Vec<Step>,
    pub(crate) expectations: Vec<Expectation>,
}

impl Scenario {
    /// What must be recorded on a version; `None` if the scenario expects nothing in particular.
    pub(crate) fn expectation(&self, version: WindowsVersion) -> Option<&Expectation> {
        self.expectations.iter().find(|expectation| expectation.versions.contains(version))
    }
}

#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) place: Place,
    /// Drive letter with its colon.
    pub(crate) drive: Option<String>,
    pub(crate) device: String,
    pub(crate) guid: Option<String>,
    pub(crate) file_system: FileSystem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileSystem {
    Ntfs,
    Fat,
    ExFat,
    Refs,
    Network,
}

#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) pid: u32,
    pub(crate) parent: Option<u32>,
    pub(crate) image: String,
    pub(crate) user: Option<String>,
    pub(crate) session: u32,
    pub(crate) minimal: bool,
    pub(crate) threads: Vec<Thread>,
}

#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) tid: u32,
}

/// Something that happens.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) place: Place,
    pub(crate) action: Action,
}

#[derive(Debug)]
pub(crate) enum Action {
    StartProcess(Process),
    StartThread {
        process: String,
        thread: Thread,
    },
    ExitProcess(String),
    ExitThread(String),
    Create(Create),
    Write(Write),
    Read {
        thread: String,
        handle: String,
        offset: i64,
        length: u32,
    },
    Close {
        thread: String,
        handle: String,
    },
    CopyFile {
        thread: String,
        from: String,
        to: String,
        size: u64,
        chunk: u32,
    },
    CopyChunk {
        thread: String,
        from: String,
        to: String,
        from_offset: i64,
        to_offset: i64,
        length: u32,
    },
    /// Time passes, in 100 ns.
    Advance(u64),
    Settle,
    Connect,
    Disconnect,
}

#[derive(Debug)]
pub(crate) struct Create {
    pub(crate) thread: String,
    pub(crate) handle: String,
    pub(crate) path: String,
    pub(crate) access: Access,
    pub(crate) disposition: Disposition,
    pub(crate) copy: Option<CopyIntent>,
    pub(crate) kernel_mode: bool,
    pub(crate) non_cached: bool,
    pub(crate) write_through: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) append: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    Supersede,
    Open,
    Create,
    OpenIf,
    Overwrite,
    OverwriteIf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CopyIntent {
    Source,
    Destination,
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a property of the write, independent of the others"
)]
#[expect(clippy::struct_field_names, reason = "write-through is what Windows calls it")]
pub(crate) struct Write {
    pub(crate) thread: String,
    pub(crate) handle: String,
    pub(crate) offset: Offset,
    pub(crate) length: u32,
    pub(crate) non_cached: bool,
    pub(crate) write_through: bool,
    pub(crate) paging: bool,
    pub(crate) synchronous_paging: bool,
    pub(crate) fast_io: FastIo,
    pub(crate) kernel_mode: bool,
    /// The thread in whose context filters run, where that is another.
    pub(crate) executor: Option<String>,
    /// `FLT_CALLBACK_DATA->Thread` is NULL.
    pub(crate) no_thread: bool,
    /// The process that `FltGetRequestorProcess` answers, where that is another.
    pub(crate) requestor: Option<String>,
    pub(crate) generated: bool,
    pub(crate) reissued: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FastIo {
    No,
    Accepted,
    /// Refused, and tried again as an IRP.
    Refused,
    /// Refused, and nothing follows.
    RefusedOnly,
}

/// What must be recorded on some versions: these writes, in this order, and no others.
#[derive(Debug)]
pub(crate) struct Expectation {
    pub(crate) place: Place,
    pub(crate) versions: VersionRange,
    pub(crate) writes: Vec<ExpectedWrite>,
}

#[derive(Debug)]
pub(crate) struct ExpectedWrite {
    pub(crate) place: Place,
    /// `None` if it must be unknown.
    pub(crate) pid: Option<u32>,
    pub(crate) tid: Option<u32>,
    pub(crate) image: Option<String>,
    pub(crate) path: Option<String>,
    pub(crate) offset: Offset,
    pub(crate) length: u32,
    pub(crate) basis: String,
    /// Compared if it is stated.
    pub(crate) confidence: Option<String>,
    /// Likewise: "user" or "kernel".
    pub(crate) requestor_mode: Option<String>,
    /// Must be there with these, or not be there.
    pub(crate) executor: Option<ExpectedExecutor>,
    /// Likewise.
    pub(crate) copy_source: Option<ExpectedSource>,
}

#[derive(Debug)]
pub(crate) struct ExpectedExecutor {
    pub(crate) pid: u32,
    /// Compared if it is stated: which worker carries a write out is not for a scenario to say.
    pub(crate) tid: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct ExpectedSource {
    /// `None` if it must be unknown.
    pub(crate) path: Option<String>,
    pub(crate) offset: i64,
}
