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
    /// `IRP_MJ_QUERY_INFORMATION`
    QueryInformation = 0x05,
    /// `IRP_MJ_SET_INFORMATION`
    SetInformation = 0x06,
    /// `IRP_MJ_QUERY_EA`
    QueryEa = 0x07,
    /// `IRP_MJ_FLUSH_BUFFERS`
    FlushBuffers = 0x09,
    /// `IRP_MJ_QUERY_VOLUME_INFORMATION`
    QueryVolumeInformation = 0x0A,
    /// `IRP_MJ_DIRECTORY_CONTROL`
    DirectoryControl = 0x0C,
    /// `IRP_MJ_FILE_SYSTEM_CONTROL`
    FileSystemControl = 0x0D,
    /// `IRP_MJ_DEVICE_CONTROL`
    DeviceControl = 0x0E,
    /// `IRP_MJ_LOCK_CONTROL`
    LockControl = 0x11,
    /// `IRP_MJ_CLEANUP`
    Cleanup = 0x12,
    /// `IRP_MJ_VOLUME_DISMOUNT`
    VolumeDismount = 0xEC,
    /// `IRP_MJ_MDL_WRITE_COMPLETE`
    MdlWriteComplete = 0xEE,
    /// `IRP_MJ_PREPARE_MDL_WRITE`
    PrepareMdlWrite = 0xEF,
    /// `IRP_MJ_MDL_READ_COMPLETE`
    MdlReadComplete = 0xF0,
    /// `IRP_MJ_MDL_READ`
    MdlRead = 0xF1,
    /// `IRP_MJ_RELEASE_FOR_CC_FLUSH`
    ReleaseForCcFlush = 0xFA,
    /// `IRP_MJ_ACQUIRE_FOR_CC_FLUSH`
    AcquireForCcFlush = 0xFB,
    /// `IRP_MJ_RELEASE_FOR_MOD_WRITE`
    ReleaseForModifiedPageWriter = 0xFC,
    /// `IRP_MJ_ACQUIRE_FOR_MOD_WRITE`
    AcquireForModifiedPageWriter = 0xFD,
    /// `IRP_MJ_RELEASE_FOR_SECTION_SYNCHRONIZATION`
    ReleaseForSectionSynchronization = 0xFE,
    /// `IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION`
    AcquireForSectionSynchronization = 0xFF,
}

/// What is known of each major function: its header name, and a short one.
const MAJORS: [(Major, &str, &str); 25] = [
    (Major::Create, "IRP_MJ_CREATE", "create"),
    (Major::Close, "IRP_MJ_CLOSE", "close"),
    (Major::Read, "IRP_MJ_READ", "read"),
    (Major::Write, "IRP_MJ_WRITE", "write"),
    (Major::QueryInformation, "IRP_MJ_QUERY_INFORMATION", "query-information"),
    (Major::SetInformation, "IRP_MJ_SET_INFORMATION", "set-information"),
    (Major::QueryEa, "IRP_MJ_QUERY_EA", "query-ea"),
    (Major::FlushBuffers, "IRP_MJ_FLUSH_BUFFERS", "flush"),
    (Major::QueryVolumeInformation, "IRP_MJ_QUERY_VOLUME_INFORMATION", "query-volume-information"),
    (Major::DirectoryControl, "IRP_MJ_DIRECTORY_CONTROL", "directory-control"),
    (Major::FileSystemControl, "IRP_MJ_FILE_SYSTEM_CONTROL", "fs-control"),
    (Major::DeviceControl, "IRP_MJ_DEVICE_CONTROL", "device-control"),
    (Major::LockControl, "IRP_MJ_LOCK_CONTROL", "lock-control"),
    (Major::Cleanup, "IRP_MJ_CLEANUP", "cleanup"),
    (Major::VolumeDismount, "IRP_MJ_VOLUME_DISMOUNT", "volume-dismount"),
    (Major::MdlWriteComplete, "IRP_MJ_MDL_WRITE_COMPLETE", "mdl-write-complete"),
    (Major::PrepareMdlWrite, "IRP_MJ_PREPARE_MDL_WRITE", "prepare-mdl-write"),
    (Major::MdlReadComplete, "IRP_MJ_MDL_READ_COMPLETE", "mdl-read-complete"),
    (Major::MdlRead, "IRP_MJ_MDL_READ", "mdl-read"),
    (Major::ReleaseForCcFlush, "IRP_MJ_RELEASE_FOR_CC_FLUSH", "release-for-cc-flush"),
    (Major::AcquireForCcFlush, "IRP_MJ_ACQUIRE_FOR_CC_FLUSH", "acquire-for-cc-flush"),
    (Major::ReleaseForModifiedPageWriter, "IRP_MJ_RELEASE_FOR_MOD_WRITE", "release-for-mod-write"),
    (Major::AcquireForModifiedPageWriter, "IRP_MJ_ACQUIRE_FOR_MOD_WRITE", "acquire-for-mod-write"),
    (
        Major::ReleaseForSectionSynchronization,
        "IRP_MJ_RELEASE_FOR_SECTION_SYNCHRONIZATION",
        "release-for-section-sync",
    ),
    (
        Major::AcquireForSectionSynchronization,
        "IRP_MJ_ACQUIRE_FOR_SECTION_SYNCHRONIZATION",
        "acquire-for-section-sync",
    ),
];

impl Major {
    fn row(self) -> &'static (Self, &'static str, &'static str) {
        MAJORS.iter().find(|(major, ..)| *major == self).expect("every major function has a row")
    }

    /// The major function of this value, if ntsim has such operations.
    pub(crate) fn of(value: u8) -> Option<Self> {
        MAJORS.iter().map(|(major, ..)| *major).find(|major| *major as u8 == value)
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

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessFacts {
    /// PID.
    pub pid: u32,
    /// Its image.
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
    /// The current thread, and the process that owns it.
    pub current: ThreadFacts,
    /// The process that the current thread is attached to: `PsGetCurrentProcess` answers it in place of the owner.
    pub attached_to: Option<ProcessFacts>,
    /// `FLT_CALLBACK_DATA->Thread` and the process that owns it; `None` is NULL.
    pub thread: Option<ThreadFacts>,
    /// `FLT_CALLBACK_DATA->RequestorMode`.
    pub requestor_mode: super::Mode,
    /// `FltGetRequestorProcessId`: 0 when there is none.
    pub requestor_pid: u32,
    /// `TargetFileObject`, as a number that no other file object of this simulation ever has; 0 is NULL.
    pub file_object: u64,
    /// `Parameters` of the operation, word by word: the places and meanings are `FLT_PARAMETERS`'.
    pub parameters: [u64; 6],
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
