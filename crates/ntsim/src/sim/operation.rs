//! File operations that a harness can ask for.

use super::config::{Process, Thread};
use super::ecp::EcpSpec;
use super::transaction::Transaction;
use crate::status::NtStatus;

bitflags::bitflags! {
    /// `ACCESS_MASK` of a file, as far as it matters here; other bits may be passed too.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Access: u32 {
        /// `FILE_READ_DATA`
        const READ_DATA = 0x1;
        /// `FILE_WRITE_DATA`
        const WRITE_DATA = 0x2;
        /// `FILE_APPEND_DATA`
        const APPEND_DATA = 0x4;
        /// `FILE_EXECUTE`
        const EXECUTE = 0x20;
        /// `FILE_READ_ATTRIBUTES`
        const READ_ATTRIBUTES = 0x80;
        /// `FILE_WRITE_ATTRIBUTES`
        const WRITE_ATTRIBUTES = 0x100;
        /// `DELETE`
        const DELETE = 0x0001_0000;
        /// `SYNCHRONIZE`
        const SYNCHRONIZE = 0x0010_0000;
        /// `FILE_GENERIC_READ`
        const GENERIC_READ = 0x0012_0089;
        /// `FILE_GENERIC_WRITE`
        const GENERIC_WRITE = 0x0012_0116;
        /// Any other right.
        const _ = !0;
    }
}

bitflags::bitflags! {
    /// What an open lets others do (`ShareAccess`).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Share: u32 {
        /// `FILE_SHARE_READ`
        const READ = 0x1;
        /// `FILE_SHARE_WRITE`
        const WRITE = 0x2;
        /// `FILE_SHARE_DELETE`
        const DELETE = 0x4;
    }
}

bitflags::bitflags! {
    /// Create options, as far as they matter here; other bits may be passed too.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct CreateOptions: u32 {
        /// `FILE_DIRECTORY_FILE`
        const DIRECTORY_FILE = 0x1;
        /// `FILE_WRITE_THROUGH`
        const WRITE_THROUGH = 0x2;
        /// `FILE_SEQUENTIAL_ONLY`
        const SEQUENTIAL_ONLY = 0x4;
        /// `FILE_NO_INTERMEDIATE_BUFFERING`
        const NO_INTERMEDIATE_BUFFERING = 0x8;
        /// `FILE_SYNCHRONOUS_IO_ALERT`
        const SYNCHRONOUS_IO_ALERT = 0x10;
        /// `FILE_SYNCHRONOUS_IO_NONALERT`
        const SYNCHRONOUS_IO_NONALERT = 0x20;
        /// `FILE_NON_DIRECTORY_FILE`
        const NON_DIRECTORY_FILE = 0x40;
        /// `FILE_DELETE_ON_CLOSE`
        const DELETE_ON_CLOSE = 0x1000;
        /// Any other option.
        const _ = 0x00FF_FFFF;
    }
}

/// `CreateDisposition`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Disposition {
    /// `FILE_SUPERSEDE`
    Supersede = 0,
    /// `FILE_OPEN`
    Open = 1,
    /// `FILE_CREATE`
    Create = 2,
    /// `FILE_OPEN_IF`
    OpenIf = 3,
    /// `FILE_OVERWRITE`
    Overwrite = 4,
    /// `FILE_OVERWRITE_IF`
    OverwriteIf = 5,
}

/// Extended create flags: the intent that a copy engine declares (Windows 11 22H2 and later, ignored before).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CopyIntent {
    /// `EX_CREATE_FLAG_FILE_SOURCE_OPEN_FOR_COPY`
    Source,
    /// `EX_CREATE_FLAG_FILE_DEST_OPEN_FOR_COPY`
    Destination,
}

/// Who decides how an operation ends at the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Outcome {
    /// The simulated file system.
    #[default]
    Model,
    /// The caller, who plays something that happened; a file opened with success exists from then on.
    Given(NtStatus),
    /// The caller: it succeeded with so many bytes, which are no more than were asked for.
    Bytes(u32),
}

/// Processor mode of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(i8)]
pub enum Mode {
    /// `KernelMode`
    Kernel = 0,
    /// `UserMode`
    #[default]
    User = 1,
}

/// `NtCreateFile`.
#[derive(Clone, Debug)]
pub struct CreateSpec {
    /// DOS path (`C:\dir\file`), UNC path or NT path (`\Device\HarddiskVolume3\dir\file`), with `:stream` if wanted.
    pub path: String,
    /// Access asked for.
    pub access: Access,
    /// What others may do meanwhile.
    pub share: Share,
    /// What to do when the file exists, or does not.
    pub disposition: Disposition,
    /// Create options.
    pub options: CreateOptions,
    /// Copy intent.
    pub copy: Option<CopyIntent>,
    /// Mode of the requestor.
    pub mode: Mode,
    /// Extra create parameters.
    pub ecps: Vec<EcpSpec>,
    /// The transaction to open it under.
    pub transaction: Option<Transaction>,
    /// Who decides how it ends.
    pub outcome: Outcome,
}

impl CreateSpec {
    /// A synchronous open of a file that may have to be created, for reading and writing; others may do as they like.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            access: Access::GENERIC_READ | Access::GENERIC_WRITE,
            share: Share::all(),
            disposition: Disposition::OpenIf,
            options: CreateOptions::SYNCHRONOUS_IO_NONALERT | CreateOptions::NON_DIRECTORY_FILE,
            copy: None,
            mode: Mode::User,
            ecps: Vec::new(),
            transaction: None,
            outcome: Outcome::Model,
        }
    }

    /// The same open under a transaction.
    #[must_use]
    pub fn transaction(self, transaction: Transaction) -> Self {
        Self { transaction: Some(transaction), ..self }
    }

    /// The same open with one more extra create parameter.
    #[must_use]
    pub fn ecp(mut self, ecp: EcpSpec) -> Self {
        self.ecps.push(ecp);
        self
    }

    /// The same open with this access.
    #[must_use]
    pub fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// The same open that lets others do no more than this.
    #[must_use]
    pub fn share(self, share: Share) -> Self {
        Self { share, ..self }
    }

    /// The same open with this disposition.
    #[must_use]
    pub fn disposition(self, disposition: Disposition) -> Self {
        Self { disposition, ..self }
    }

    /// The same open with these options.
    #[must_use]
    pub fn options(self, options: CreateOptions) -> Self {
        Self { options, ..self }
    }

    /// The same open with this copy intent.
    #[must_use]
    pub fn copy(self, intent: CopyIntent) -> Self {
        Self { copy: Some(intent), ..self }
    }

    /// The same open in this mode.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The same open ending so.
    #[must_use]
    pub fn outcome(self, outcome: Outcome) -> Self {
        Self { outcome, ..self }
    }
}

/// An open handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle(pub(crate) u64);

/// Where a write goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WriteOffset {
    /// At this byte offset.
    At(i64),
    /// `FILE_WRITE_TO_END_OF_FILE` (-1): append.
    EndOfFile,
    /// `FILE_USE_FILE_POINTER_POSITION` (-2) as the caller passed it; the I/O manager puts the position in its place
    /// for synchronous handles.
    FilePointer,
}

/// Whether the I/O manager tries fast I/O first, and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum FastIo {
    /// Straight to an IRP.
    #[default]
    No,
    /// The file system does it.
    Accepted,
    /// The file system refuses it, and nothing follows: the retry is an operation of its own in what is being played.
    Refused,
    /// The file system refuses it, and the I/O manager retries as an IRP.
    RefusedThenIrp,
}

/// `NtWriteFile`, or a write that the system makes.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the request, independent of the others")]
pub struct WriteSpec {
    /// Where to.
    pub offset: WriteOffset,
    /// How many bytes.
    pub length: u32,
    /// `IRP_NOCACHE`.
    pub non_cached: bool,
    /// `SL_WRITE_THROUGH`.
    pub write_through: bool,
    /// `IRP_PAGING_IO`.
    pub paging: bool,
    /// `IRP_SYNCHRONOUS_PAGING_IO`.
    pub synchronous_paging: bool,
    /// Fast I/O.
    pub fast_io: FastIo,
    /// Mode of the requestor.
    pub mode: Mode,
    /// The thread in whose context the filters run, when a filter above reposted the request; the caller's otherwise.
    pub executor: Option<Thread>,
    /// `FLT_CALLBACK_DATA->Thread` is NULL.
    pub thread_null: bool,
    /// What `FltGetRequestorProcess` answers when that is not the process that owns `Thread`: an attached thread,
    /// or a request that kept its process but no thread.
    pub requestor: Option<Process>,
    /// `FLTFL_CALLBACK_DATA_GENERATED_IO`: a filter's own write.
    pub generated: bool,
    /// `FLTFL_CALLBACK_DATA_REISSUED_IO`.
    pub reissued: bool,
    /// Who decides how it ends.
    pub outcome: Outcome,
}

impl WriteSpec {
    /// A cached user-mode write by IRP.
    #[must_use]
    pub fn new(offset: WriteOffset, length: u32) -> Self {
        Self {
            offset,
            length,
            non_cached: false,
            write_through: false,
            paging: false,
            synchronous_paging: false,
            fast_io: FastIo::No,
            mode: Mode::User,
            executor: None,
            thread_null: false,
            requestor: None,
            generated: false,
            reissued: false,
            outcome: Outcome::Model,
        }
    }

    /// A cached user-mode write by IRP at a byte offset.
    #[must_use]
    pub fn at(offset: i64, length: u32) -> Self {
        Self::new(WriteOffset::At(offset), length)
    }
}

/// `NtReadFile`, or a read that the system makes.
#[derive(Clone, Debug)]
pub struct ReadSpec {
    /// Byte offset.
    pub offset: i64,
    /// How many bytes.
    pub length: u32,
    /// `IRP_NOCACHE`.
    pub non_cached: bool,
    /// `IRP_PAGING_IO`.
    pub paging: bool,
    /// `IRP_SYNCHRONOUS_PAGING_IO`.
    pub synchronous_paging: bool,
    /// Fast I/O.
    pub fast_io: FastIo,
    /// Mode of the requestor.
    pub mode: Mode,
    /// Who decides how it ends.
    pub outcome: Outcome,
}

impl ReadSpec {
    /// A cached user-mode read by IRP at a byte offset.
    #[must_use]
    pub fn at(offset: i64, length: u32) -> Self {
        Self {
            offset,
            length,
            non_cached: false,
            paging: false,
            synchronous_paging: false,
            fast_io: FastIo::No,
            mode: Mode::User,
            outcome: Outcome::Model,
        }
    }
}

/// One `NtCopyFileChunk`.
#[derive(Clone, Copy, Debug)]
pub struct ChunkSpec {
    /// Handle to read from.
    pub source: Handle,
    /// Handle to write to.
    pub destination: Handle,
    /// Byte offset in the source.
    pub source_offset: i64,
    /// Byte offset in the destination.
    pub destination_offset: i64,
    /// How many bytes.
    pub length: u32,
}

/// `CopyFile2`.
#[derive(Clone, Debug)]
pub struct CopySpec {
    /// Path of the source. It comes to exist with this size if it does not yet.
    pub source: String,
    /// Path of the destination, which is overwritten.
    pub destination: String,
    /// Size of the source in bytes.
    pub size: u64,
    /// Size of a chunk in bytes, at least 1.
    pub chunk: u32,
}

impl CopySpec {
    /// A copy in chunks of 1 MiB, the copy engine's usual size for local files.
    #[must_use]
    pub fn new(source: &str, destination: &str, size: u64) -> Self {
        Self { source: source.to_owned(), destination: destination.to_owned(), size, chunk: 1 << 20 }
    }

    /// The same copy in chunks of this size.
    #[must_use]
    pub fn chunk(self, chunk: u32) -> Self {
        Self { chunk, ..self }
    }
}

/// What a whole `CopyFile2` did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyReport {
    /// Writes that reached the destination.
    pub writes: u32,
    /// Bytes they wrote.
    pub bytes: u64,
    /// Bytes that were cloned instead.
    pub cloned: u64,
}
