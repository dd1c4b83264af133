//! What a simulation is made of: the machine, its volumes, processes and threads.

use thiserror::Error;

use crate::se::Sid;
use crate::status::NtStatus;
use crate::windows::Windows;

/// 2024-01-01 00:00:00 UTC as `FILETIME`.
const DEFAULT_START_TIME: u64 = 133_485_408_000_000_000;
const DEFAULT_PROCESSORS: u32 = 4;
/// Processors in a group.
const MAX_PROCESSORS: u32 = 64;

/// Which thread runs when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Schedule {
    /// One at a time, in a fixed order: drivers' threads run at the end of each operation.
    #[default]
    Fixed,
    /// One at a time, in an order drawn from a seed: a thread may lose its turn in any routine that it calls below
    /// `DISPATCH_LEVEL`, and need not get one at the end of an operation. The same seed gives the same run.
    Seeded(u64),
    /// All at once, as OS threads. Several threads of the harness may then act on the machine at the same time, each
    /// in the name of simulated threads of its own. Time is virtual all the same: a timeout expires in
    /// [`Sim::advance`](crate::Sim::advance), or when everyone inside the kernel waits.
    Threads,
}

/// When the lazy writer and the modified page writer write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LazyWriter {
    /// By themselves, when their time has come, and when the harness asks for it.
    #[default]
    OnTime,
    /// When the harness asks for it ([`crate::Sim::lazy_write`], [`crate::Sim::modified_write`]).
    OnRequest,
}

/// The machine.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Its Windows version.
    pub windows: Windows,
    /// The time at which it starts, in 100 ns since 1601-01-01 UTC.
    pub start_time: u64,
    /// Number of active processors, from 1 to 64 (one group); each simulated thread is bound to one of them.
    pub processors: u32,
    /// When dirty pages are written by themselves.
    pub lazy_writer: LazyWriter,
    /// Whether what is not in memory is read, by paging reads.
    pub paging_reads: bool,
    /// Which thread runs when.
    pub schedule: Schedule,
    /// Whether memory is watched, which takes time: each block of pool ends at a page that cannot be touched, what is freed
    /// stays untouchable for a while, what is pageable cannot be touched where it must not, and it is noted where
    /// everything was taken.
    pub watch: bool,
    /// Whether a new thread gets the object of the one that went last, as pool would have it. Otherwise no address is used
    /// twice, so that pointers that drivers keep are noticed.
    pub reuse_threads: bool,
}

impl Config {
    /// A machine with the given Windows version and the defaults for everything else.
    #[must_use]
    pub fn new(windows: Windows) -> Self {
        Self {
            windows,
            start_time: DEFAULT_START_TIME,
            processors: DEFAULT_PROCESSORS,
            lazy_writer: LazyWriter::OnTime,
            paging_reads: true,
            schedule: Schedule::Fixed,
            watch: true,
            reuse_threads: false,
        }
    }

    /// The same machine with another lazy writer.
    #[must_use]
    pub fn lazy_writer(self, lazy_writer: LazyWriter) -> Self {
        Self { lazy_writer, ..self }
    }

    /// The same machine with paging reads, or as if all were in memory always; there are unless this says otherwise.
    #[must_use]
    pub fn paging_reads(self, paging_reads: bool) -> Self {
        Self { paging_reads, ..self }
    }

    /// The same machine with its memory watched or not; it is unless this says otherwise.
    #[must_use]
    pub fn watch(self, watch: bool) -> Self {
        Self { watch, ..self }
    }

    /// The same machine, which gives the objects of threads that are gone to new ones or not; it does not unless this says
    /// otherwise.
    #[must_use]
    pub fn reuse_threads(self, reuse_threads: bool) -> Self {
        Self { reuse_threads, ..self }
    }

    /// The same machine, started at another time (100 ns since 1601-01-01 UTC).
    #[must_use]
    pub fn start_time(self, start_time: u64) -> Self {
        Self { start_time, ..self }
    }

    /// The same machine with another number of processors, from 1 to 64.
    #[must_use]
    pub fn processors(self, processors: u32) -> Self {
        Self { processors: processors.clamp(1, MAX_PROCESSORS), ..self }
    }

    /// The same machine with another schedule.
    #[must_use]
    pub fn schedule(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }
}

/// `FLT_FILESYSTEM_TYPE`, as far as ntsim has such volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum FileSystem {
    /// NTFS.
    Ntfs = 2,
    /// FAT.
    Fat = 3,
    /// A network volume reached through the SMB redirector.
    Lanman = 6,
    /// exFAT.
    ExFat = 22,
    /// `ReFS`.
    Refs = 28,
}

/// A volume to mount.
#[derive(Clone, Debug)]
pub struct VolumeSpec {
    /// NT device name, such as `\Device\HarddiskVolume3`.
    pub device: String,
    /// Volume GUID name, such as `\??\Volume{…}`; a network volume has none.
    pub guid: Option<String>,
    /// Drive letter with its colon, such as `C:`, if one is assigned.
    pub dos: Option<String>,
    /// Its file system.
    pub file_system: FileSystem,
}

impl VolumeSpec {
    /// An NTFS volume without GUID name and drive letter.
    #[must_use]
    pub fn new(device: &str) -> Self {
        Self { device: device.to_owned(), guid: None, dos: None, file_system: FileSystem::Ntfs }
    }

    /// The same volume with a drive letter, such as `C:`.
    #[must_use]
    pub fn dos(self, letter: &str) -> Self {
        Self { dos: Some(letter.to_owned()), ..self }
    }

    /// The same volume with a volume GUID name.
    #[must_use]
    pub fn guid(self, name: &str) -> Self {
        Self { guid: Some(name.to_owned()), ..self }
    }

    /// The same volume with another file system.
    #[must_use]
    pub fn file_system(self, file_system: FileSystem) -> Self {
        Self { file_system, ..self }
    }
}

/// A mounted volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Volume(pub(crate) u64);

/// A mounted volume and its names.
#[derive(Clone, Debug)]
pub struct VolumeInfo {
    /// The volume.
    pub volume: Volume,
    /// What it was mounted as.
    pub spec: VolumeSpec,
}

/// What kind of process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProcessKind {
    /// An ordinary user process.
    User,
    /// A minimal process without user-mode code, such as Registry or Memory Compression; its threads are system threads.
    Minimal,
}

/// A process to start.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    /// Its PID; chosen by the simulator when absent. The PID of a dead process may be used again.
    pub pid: Option<u32>,
    /// Parent's PID, which need not be alive; System when absent.
    pub parent: Option<u32>,
    /// Image: DOS or NT path, or a bare name such as `Registry`.
    pub image: String,
    /// The account it runs as.
    pub user: Sid,
    /// Whether its token carries the Administrators group, so that it may connect to a filter's port.
    pub administrator: bool,
    /// Terminal Services session.
    pub session: u32,
    /// What kind of process.
    pub kind: ProcessKind,
    /// Creation time in 100 ns since 1601-01-01 UTC; now when absent.
    pub created: Option<u64>,
}

impl ProcessSpec {
    /// A user process of `LocalSystem` in session 0, started now by System.
    #[must_use]
    pub fn new(image: &str) -> Self {
        Self {
            pid: None,
            parent: None,
            image: image.to_owned(),
            user: Sid::local_system(),
            administrator: false,
            session: 0,
            kind: ProcessKind::User,
            created: None,
        }
    }

    /// The same process with this PID.
    #[must_use]
    pub fn pid(self, pid: u32) -> Self {
        Self { pid: Some(pid), ..self }
    }

    /// The same process with this parent.
    #[must_use]
    pub fn parent(self, pid: u32) -> Self {
        Self { parent: Some(pid), ..self }
    }

    /// The same process run by this account.
    #[must_use]
    pub fn user(self, user: Sid) -> Self {
        Self { user, ..self }
    }

    /// The same process with the Administrators group in its token.
    #[must_use]
    pub fn administrator(self) -> Self {
        Self { administrator: true, ..self }
    }

    /// The same process in this session.
    #[must_use]
    pub fn session(self, session: u32) -> Self {
        Self { session, ..self }
    }

    /// The same process of this kind.
    #[must_use]
    pub fn kind(self, kind: ProcessKind) -> Self {
        Self { kind, ..self }
    }

    /// The same process created at this time.
    #[must_use]
    pub fn created(self, time: u64) -> Self {
        Self { created: Some(time), ..self }
    }
}

/// A process, alive or dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process(pub(crate) u64);

/// A thread, alive or dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thread(pub(crate) u64);

/// What is known of a process.
#[derive(Clone, Debug)]
pub struct ProcessInfo {
    /// Its PID.
    pub pid: u32,
    /// Its parent's PID.
    pub parent: u32,
    /// Its image, as an NT path where there is one.
    pub image: String,
    /// Value of `PsGetProcessStartKey`, never used twice.
    pub start_key: u64,
    /// Creation time in 100 ns since 1601-01-01 UTC.
    pub created: u64,
    /// Whether it still runs.
    pub alive: bool,
}

/// A volume, process or thread that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The PID belongs to a living process, or is 0 or 4.
    #[error("PID {0} is in use")]
    PidInUse(u32),
    /// The TID belongs to a living thread, or is 0.
    #[error("TID {0} is in use")]
    TidInUse(u32),
    /// The process has ended, or belongs to another simulation.
    #[error("the process has ended or never was")]
    NoSuchProcess,
    /// The thread has ended, or belongs to another simulation.
    #[error("the thread has ended or never was")]
    NoSuchThread,
    /// A driver refused the process.
    #[error("a driver refused the process with {0}")]
    Refused(NtStatus),
    /// System, or a thread that the driver made.
    #[error("{0} cannot be ended from outside")]
    NotYours(&'static str),
    /// A name that another volume has.
    #[error("another volume is called `{0}`")]
    VolumeNameInUse(String),
    /// An altitude that another filter has.
    #[error("another filter is at altitude {0}")]
    AltitudeInUse(String),
    /// A name of the wrong form.
    #[error("`{0}` is no {1}")]
    BadName(String, &'static str),
}
