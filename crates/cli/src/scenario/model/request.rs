//! Requests whose callers do not wait for them.

use super::Write;

/// How the caller learns of the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    Event,
    Apc,
    Port,
}

/// A write on an asynchronous handle, up to where `NtWriteFile` returns.
#[derive(Clone, Debug)]
pub(crate) struct StartWrite {
    pub(crate) request: String,
    pub(crate) notice: Notice,
    pub(crate) write: Write,
}

/// `NtCopyFileChunk`, up to where it returns.
#[derive(Clone, Debug)]
pub(crate) struct StartCopyChunk {
    pub(crate) request: String,
    pub(crate) thread: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) from_offset: i64,
    pub(crate) to_offset: i64,
    pub(crate) length: u32,
}
