//! What is told of a write, apart from how it came here and how it is shown.

use std::net::IpAddr;

use audit::attribution::{Basis, Confidence};
use audit::record::{Code, MAX_CANDIDATES, Operation, WriteFlags};

/// A time: 100 ns units since 1601-01-01 UTC, as Windows counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileTime(pub u64);

/// Where in a file a write goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offset {
    /// At this byte.
    At(i64),
    /// To the end of the file, wherever that was: an append.
    EndOfFile,
    /// At the file pointer, wherever that was.
    FilePointer,
}

impl Offset {
    /// The value that stands for [`Offset::EndOfFile`] (`FILE_WRITE_TO_END_OF_FILE`).
    pub const END_OF_FILE: i64 = -1;
    /// The value that stands for [`Offset::FilePointer`] (`FILE_USE_FILE_POINTER_POSITION`).
    pub const FILE_POINTER: i64 = -2;
}

impl From<audit::record::WriteOffset> for Offset {
    fn from(offset: audit::record::WriteOffset) -> Self {
        match offset {
            audit::record::WriteOffset::At(offset) => Self::At(offset),
            audit::record::WriteOffset::EndOfFile => Self::EndOfFile,
            audit::record::WriteOffset::FilePointer => Self::FilePointer,
        }
    }
}

/// A thread and the process it belongs to, as far as they are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party<'a> {
    /// Key of the process.
    pub process_key: Option<u64>,
    /// Its process ID.
    pub pid: Option<u32>,
    /// The thread ID.
    pub tid: Option<u32>,
    /// Path of the process's image.
    pub image: Option<&'a str>,
}

/// Where copied data comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source<'a> {
    /// Key of the file.
    pub file_key: Option<u64>,
    /// Its path.
    pub path: Option<&'a str>,
    /// Where in it the data begins.
    pub offset: i64,
}

/// A client on another machine, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientParty<'a> {
    /// Its key.
    pub key: u64,
    /// Where it is.
    pub address: Option<IpAddr>,
    /// The share that it came by.
    pub share: Option<&'a str>,
}

/// A write, with the names that its keys stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Write<'a> {
    /// Number in the stream: shard and position.
    pub sequence: u64,
    /// When; `None` if not known.
    pub time: Option<FileTime>,
    /// What was done.
    pub operation: Code<Operation>,
    /// Who wrote; all unknown if that is not known.
    pub originator: Party<'a>,
    /// What that was concluded from.
    pub basis: Code<Basis>,
    /// How far it may be relied on.
    pub confidence: Code<Confidence>,
    /// Circumstances.
    pub flags: WriteFlags,
    /// Key of the file.
    pub file_key: Option<u64>,
    /// Its path.
    pub path: Option<&'a str>,
    /// Where in the file.
    pub offset: Offset,
    /// How many bytes were written.
    pub length: u32,
    /// How many more were to be written.
    pub missing: u32,
    /// Who carried it out, where that is not the originator.
    pub executor: Option<Party<'a>>,
    /// Where the data comes from, for a chunk of a kernel-mode copy.
    pub copy_source: Option<Source<'a>>,
    /// For whom the kernel's server wrote.
    pub client: Option<ClientParty<'a>>,
    /// Those who may have written through a mapped view.
    pub candidates: [Option<Party<'a>>; MAX_CANDIDATES],
    /// Whether there are others besides.
    pub other_candidates: bool,
}

/// A change of a file without a write, with the names that its keys stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change<'a> {
    /// Number in the stream: shard and position.
    pub sequence: u64,
    /// When; `None` if not known.
    pub time: Option<FileTime>,
    /// What was done.
    pub operation: Operation,
    /// Who did it; all unknown if that is not known.
    pub originator: Party<'a>,
    /// What that was concluded from.
    pub basis: Code<Basis>,
    /// How far it may be relied on.
    pub confidence: Code<Confidence>,
    /// Circumstances.
    pub flags: WriteFlags,
    /// Key of the file.
    pub file_key: Option<u64>,
    /// Its path.
    pub path: Option<&'a str>,
    /// First byte and number of bytes, of what is about a range.
    pub range: Option<(i64, u64)>,
    /// The size that was set, of what sets one.
    pub size: Option<i64>,
    /// The end of the file before.
    pub end_before: Option<i64>,
    /// Key of the new name, of what gives one.
    pub to_key: Option<u64>,
    /// The new name.
    pub to: Option<&'a str>,
    /// From when on a transaction's end concerns the file.
    pub since: Option<FileTime>,
    /// Where the data comes from.
    pub source: Option<Source<'a>>,
    /// Who carried it out, where that is not the originator.
    pub executor: Option<Party<'a>>,
}

/// What a process key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// The key.
    pub key: u64,
    /// Its process ID.
    pub pid: Option<u32>,
    /// Path of its image.
    pub image: Option<String>,
    /// Whether it is System, or a process like Registry that is the kernel's too.
    pub kernel: bool,
    /// When it was created.
    pub created: Option<FileTime>,
    /// Key of the process that created it.
    pub parent_key: Option<u64>,
    /// That one's process ID.
    pub parent_pid: Option<u32>,
    /// Its session.
    pub session: Option<u32>,
    /// The user it runs as, as a SID.
    pub user: Option<String>,
    /// Whether the image's path is cut off.
    pub truncated: bool,
}

/// What a volume key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The key.
    pub key: u64,
    /// Device name.
    pub device: Option<String>,
    /// Volume GUID name.
    pub guid: Option<String>,
    /// Drive letter with its colon.
    pub drive: Option<String>,
    /// Number of the file system (`FLT_FILESYSTEM_TYPE`).
    pub file_system: u32,
}

/// What a file key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The key.
    pub key: u64,
    /// Key of its volume.
    pub volume_key: Option<u64>,
    /// Its path, as people write it; `None` if not known.
    pub path: Option<String>,
    /// Whether the path is the one it was opened by, rather than its one normalized name.
    pub opened_name: bool,
    /// Whether the path is cut off.
    pub truncated: bool,
}

/// What a client key stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The key.
    pub key: u64,
    /// Where it is.
    pub address: Option<IpAddr>,
    /// The share that it came by.
    pub share: Option<String>,
    /// When it was met first.
    pub met: Option<FileTime>,
    /// Whether the share's name is cut off.
    pub truncated: bool,
}

/// Records that are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// When it was reported.
    pub time: Option<FileTime>,
    /// Why they are missing.
    pub reason: String,
    /// How many since the last report of that reason.
    pub count: u64,
    /// How many for that reason since the driver started.
    pub total: u64,
}

/// Writes that were left out on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omission {
    /// When it was reported.
    pub time: Option<FileTime>,
    /// What excluded them.
    pub because: String,
    /// How many since the last report of that kind.
    pub count: u64,
    /// How many since the driver started.
    pub total: u64,
}

/// What a parameter of the driver is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Since when.
    pub since: Option<FileTime>,
    /// Where the value in effect comes from.
    pub source: String,
    /// The value in effect; of rules, how many.
    pub value: u32,
    /// The value that was refused last.
    pub refused: Option<RefusedValue>,
}

/// A value of a parameter that the driver refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedValue {
    /// Where it came from.
    pub source: String,
    /// Why.
    pub reason: String,
    /// Which of its texts, from 0.
    pub text_index: u32,
    /// That text, where one is at fault.
    pub text: Option<String>,
    /// What was found: a type, a number, a place; depends on the reason.
    pub found: u64,
}

/// `None` for the value that stands for "unknown" on the wire.
#[must_use]
pub(crate) fn known<T: Default + PartialEq>(value: T) -> Option<T> {
    Some(value).filter(|value| *value != T::default())
}
