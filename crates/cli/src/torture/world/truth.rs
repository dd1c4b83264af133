//! Who really makes a write, as a record must tell it.

use std::sync::Arc;

use crate::model::Offset;

/// Who really makes a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::torture) enum Author {
    /// A thread of a user's process.
    Thread { tid: u32, process: Program },
    /// The system names this process, but no thread.
    Requestor(Program),
    /// Nobody can tell.
    Unknown,
}

/// A process as a record may name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::torture) struct Program {
    pub(in crate::torture) pid: u32,
    pub(in crate::torture) image: Arc<str>,
    /// Whether the driver has met it alive: it saw it start, or open a file.
    pub(in crate::torture) met: bool,
}

/// A file as a record may name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::torture) struct Named {
    /// What it was called since it was opened, the present name last: a stream that stays open keeps the name by which
    /// it was met until it is opened again.
    pub(in crate::torture) paths: Vec<Arc<str>>,
    /// Which of the world's files it is.
    pub(in crate::torture) file: usize,
    /// Whether the driver can know it: it saw the stream being opened for writing, or to be copied.
    pub(in crate::torture) known: bool,
}

/// A write that the driver must record, or may.
#[derive(Clone, Debug)]
pub(in crate::torture) struct Truth {
    /// Bytes that were written.
    pub(in crate::torture) length: u32,
    /// Bytes that were asked for and not written.
    pub(in crate::torture) missing: u32,
    /// `None` where the file pointer decides.
    pub(in crate::torture) offset: Option<Offset>,
    pub(in crate::torture) author: Author,
    pub(in crate::torture) file: Named,
    pub(in crate::torture) volume: usize,
    pub(in crate::torture) kernel_mode: bool,
    /// PID of the thread that runs, where it is not the author's.
    pub(in crate::torture) executor: Option<u32>,
    pub(in crate::torture) source: Option<(Named, i64)>,
    /// Whether it need not be a write at all on this Windows (a clone).
    pub(in crate::torture) optional: bool,
    /// Whether it may come after the step that asks for it.
    pub(in crate::torture) pends: bool,
}
