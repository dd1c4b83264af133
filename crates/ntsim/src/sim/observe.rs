//! What the harness sees of each callback, and what a filter that judges by less would conclude.

use std::borrow::Cow;
use std::fmt;

use crate::status::NtStatus;

/// `IRP_MJ_*`, as far as ntsim produces such operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Major {
    /// `IRP_MJ_CREATE`
    Create = 0x00,
    /// `IRP_MJ_CLOSE`
    Close = 0x02,
    /// `IRP_MJ_READ`
    Read = 0x03,
    /// `IRP_MJ_WRITE`
    Write = 0x04,
    /// `IRP_MJ_SET_INFORMATION`
    SetInformation = 0x06,
    /// `IRP_MJ_CLEANUP`
    Cleanup = 0x12,
}

/// What is known of each major function: its header name, and a short one.
const MAJORS: [(Major, &str, &str); 6] = [
    (Major::Create, "IRP_MJ_CREATE", "create"),
    (Major::Close, "IRP_MJ_CLOSE", "close"),
    (Major::Read, "IRP_MJ_READ", "read"),
    (Major::Write, "IRP_MJ_WRITE", "write"),
    (Major::SetInformation, "IRP_MJ_SET_INFORMATION", "set-information"),
    (Major::Cleanup, "IRP_MJ_CLEANUP", "cleanup"),
];

impl Major {
    fn row(self) -> &'static (Self, &'static str, &'static str) {
        MAJORS.iter().find(|(major, ..)| *major == self).expect("every major function has a row")
    }

    /// Such as `write`.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        self.row().2
    }
}

impl fmt::Display for Major {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.row().1)
    }
}

/// Which callback of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Pre-operation.
    Pre,
    /// Post-operation.
    Post,
}

/// A thread and its process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadFacts {
    /// PID of the process that owns the thread.
    pub pid: u32,
    /// TID.
    pub tid: u32,
    /// Image of that process.
    pub image: String,
}

/// The source of a kernel-mode copy, from `COPY_INFORMATION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    /// NT path of the source.
    pub path: String,
    /// Byte offset in the source.
    pub offset: i64,
}

/// One callback, as it is about to be called.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Callback<'a> {
    /// Service name of the driver called.
    pub driver: Cow<'a, str>,
    /// Pre or post.
    pub phase: Phase,
    /// Major function.
    pub major: Major,
    /// Minor function.
    pub minor: u8,
    /// `FLT_CALLBACK_DATA->Flags`.
    pub flags: u32,
    /// `FLT_IO_PARAMETER_BLOCK->IrpFlags`.
    pub irp_flags: u32,
    /// IRQL of the call.
    pub irql: u8,
    /// Time in 100 ns since 1601-01-01 UTC.
    pub time: u64,
    /// The current thread and process.
    pub current: ThreadFacts,
    /// `FLT_CALLBACK_DATA->Thread` and the process that owns it; `None` is NULL.
    pub thread: Option<ThreadFacts>,
    /// `FLT_CALLBACK_DATA->RequestorMode`.
    pub requestor_mode: super::Mode,
    /// `FltGetRequestorProcessId`: 0 when there is none.
    pub requestor_pid: u32,
    /// NT path of the target file.
    pub path: Cow<'a, str>,
    /// Byte offset of a read or write, as in its parameters (-1 end of file, -2 file pointer).
    pub offset: Option<i64>,
    /// Length of a read or write.
    pub length: Option<u32>,
    /// Source of a kernel-mode copy.
    pub copy_source: Option<CopySource>,
    /// How the operation ended; only for a post-operation callback.
    pub status: Option<NtStatus>,
}

/// Sees every callback before it is called.
pub type Observer = Box<dyn FnMut(&Callback<'_>) + Send>;
