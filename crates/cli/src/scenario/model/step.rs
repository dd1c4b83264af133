//! What happens, step by step.

use std::net::IpAddr;

use super::{
    BlockClone, Filter, HandleAction, Manner, Memory, OffloadRead, OffloadWrite, Process, Share,
    StartCopyChunk, StartWrite, Thread, Volume,
};
use crate::model::Offset;
use crate::place::Place;

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) place: Place,
    pub(crate) action: Action,
}

impl Step {
    /// A step that no text says.
    pub(crate) fn new(action: Action) -> Self {
        Self { place: Place::START, action }
    }
}

#[derive(Clone, Debug)]
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
    /// A thread does something with a handle.
    OnHandle {
        thread: String,
        handle: String,
        what: HandleAction,
    },
    Clone(BlockClone),
    OffloadRead(OffloadRead),
    OffloadWrite(OffloadWrite),
    Share(Share),
    Memory(Memory),
    StartWrite(StartWrite),
    StartCopyChunk(StartCopyChunk),
    /// A request must be complete, with success.
    Complete(String),
    /// Another filter is placed on all volumes.
    Filter(Filter),
    /// What filters hold up goes on.
    ReleaseHeld,
    BeginTransaction(String),
    /// A transaction ends, with what was done under it or as if that never was.
    EndTransaction {
        transaction: String,
        commit: bool,
    },
    /// A driver attaches a thread to a process (`KeStackAttachProcess`).
    Attach {
        thread: String,
        process: String,
    },
    Detach(String),
    /// A thread acts under the account of a process.
    Impersonate {
        thread: String,
        client: String,
    },
    /// It acts under its own again.
    Revert(String),
    /// Time passes, in microseconds.
    Advance(u64),
    Settle,
    Connect,
    Disconnect,
    /// The driver is loaded, unloaded.
    Load,
    Unload,
    /// A volume is mounted.
    AddVolume(Volume),
    /// From now on the consumer treats messages so.
    Consumer(Manner),
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
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
    pub(crate) delete_on_close: bool,
    /// Neither of the `FILE_SYNCHRONOUS_IO` options.
    pub(crate) asynchronous: bool,
    /// What the SMB server says of its client.
    pub(crate) server_open: Option<ServerOpen>,
    /// The transaction under which it is opened.
    pub(crate) transaction: Option<String>,
}

/// `GUID_ECP_SRV_OPEN`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServerOpen {
    pub(crate) client: IpAddr,
    pub(crate) share: String,
    /// A program put it there, not the server.
    pub(crate) forged: bool,
}

impl Create {
    /// What a scenario has that says no more than this.
    pub(crate) fn new(thread: &str, handle: &str, path: &str) -> Self {
        Self {
            thread: thread.to_owned(),
            handle: handle.to_owned(),
            path: path.to_owned(),
            access: Access { read: true, write: true, append: false, delete: false },
            disposition: Disposition::OpenIf,
            copy: None,
            kernel_mode: false,
            non_cached: false,
            write_through: false,
            delete_on_close: false,
            asynchronous: false,
            server_open: None,
            transaction: None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub(crate) struct Access {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) append: bool,
    /// To delete, rename or link it.
    pub(crate) delete: bool,
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

#[derive(Clone, Debug)]
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
    pub(crate) end: WriteEnd,
}

/// What becomes of a write at the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteEnd {
    /// What the file system makes of it.
    Model,
    /// So many bytes are written, fewer than were asked for.
    Partly(u32),
    Fails(WriteFailure),
}

impl Write {
    /// What a scenario has that says no more than this.
    pub(crate) fn new(thread: &str, handle: &str, offset: Offset, length: u32) -> Self {
        Self {
            thread: thread.to_owned(),
            handle: handle.to_owned(),
            offset,
            length,
            non_cached: false,
            write_through: false,
            paging: false,
            synchronous_paging: false,
            fast_io: FastIo::No,
            kernel_mode: false,
            executor: None,
            no_thread: false,
            requestor: None,
            generated: false,
            reissued: false,
            end: WriteEnd::Model,
        }
    }

    /// The bytes that get written, unless the file system itself refuses.
    pub(crate) fn written(&self) -> u32 {
        match self.end {
            WriteEnd::Model => self.length,
            WriteEnd::Partly(bytes) => bytes,
            WriteEnd::Fails(_) => 0,
        }
    }
}

/// Why a write fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteFailure {
    DiskFull,
    LockConflict,
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
