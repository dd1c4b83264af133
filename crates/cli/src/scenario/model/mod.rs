//! What a scenario says, checked: every name is defined before it is used, every number fits.

mod expectation;
mod filter;
mod handle;
mod memory;
mod request;
mod step;
mod torture;

pub(crate) use self::expectation::{
    Candidate, ChangeKind, Expectation, ExpectedChange, ExpectedExecutor, ExpectedOriginator, ExpectedSource,
    FieldUse, RemoteClient,
};
pub(crate) use self::filter::{Act, Filter, Operation};
pub(crate) use self::handle::{BlockClone, HandleAction, OffloadRead, OffloadWrite, Share};
pub(crate) use self::memory::{Memory, Protection};
pub(crate) use self::request::{Notice, StartCopyChunk, StartWrite};
pub(crate) use self::step::{
    Access, Action, CopyIntent, Create, Disposition, FastIo, ServerOpen, Step, Write, WriteEnd, WriteFailure,
};
pub(crate) use self::torture::{Faults, Manner, Schedule, Torture};
use crate::model::FileTime;
use crate::place::Place;
use crate::windows_version::{VersionRange, WindowsVersion};

/// A scenario: a machine, what happens on it, and what must be recorded of it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// One line that says what it is about.
    pub title: String,
    /// Why what is expected is right.
    pub why: Option<String>,
    /// Where the facts it relies on are written.
    pub sources: Vec<String>,
    /// What it is about, in a word.
    pub(crate) topic: Topic,
    /// The versions of Windows that it can happen on.
    pub applies: VersionRange,
    /// What is expected and known not to be recorded yet.
    pub(crate) not_met: Vec<NotMet>,
    /// How it is played, if a torture run left it.
    pub(crate) torture: Option<Torture>,
    /// When it begins.
    pub(crate) start: Option<FileTime>,
    /// Values of the driver's `Parameters` key.
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) volumes: Vec<Volume>,
    /// Processes that run before the driver is loaded.
    pub(crate) processes: Vec<Process>,
    pub(crate) steps: Vec<Step>,
    pub(crate) expectations: Vec<Expectation>,
}

impl Scenario {
    /// A scenario without anything in it, for all versions.
    pub(crate) fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            why: None,
            sources: Vec::new(),
            topic: Topic::Writes,
            applies: VersionRange::ALL,
            not_met: Vec::new(),
            torture: None,
            start: None,
            parameters: Vec::new(),
            volumes: Vec::new(),
            processes: Vec::new(),
            steps: Vec::new(),
            expectations: Vec::new(),
        }
    }

    /// Why what is expected on a version is not recorded yet, if it says so.
    pub(crate) fn not_met(&self, version: WindowsVersion) -> Option<&NotMet> {
        self.not_met.iter().find(|not_met| not_met.versions.contains(version))
    }

    /// Whether what it expects should be recorded on a version.
    #[must_use]
    pub fn is_to_be_met(&self, version: WindowsVersion) -> bool {
        self.not_met(version).is_none()
    }

    /// What must be recorded on a version; `None` if the scenario expects nothing in particular.
    pub(crate) fn expectation(&self, version: WindowsVersion) -> Option<&Expectation> {
        self.expectations.iter().find(|expectation| expectation.versions.contains(version))
    }
}

/// What scenarios are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Writes,
    Identity,
    Copies,
    Cache,
    Others,
    Changes,
}

impl Topic {
    pub(crate) const ALL: [Self; 6] =
        [Self::Writes, Self::Identity, Self::Copies, Self::Cache, Self::Others, Self::Changes];

    /// For a heading.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Writes => "Writes",
            Self::Identity => "Threads, processes, handles and accounts",
            Self::Copies => "Copies",
            Self::Cache => "The cache and mapped views",
            Self::Others => "Other filters, drivers and machines",
            Self::Changes => "Changes without a write",
        }
    }
}

/// Why something is not recorded yet on some versions.
#[derive(Clone, Debug)]
pub(crate) struct NotMet {
    pub(crate) place: Place,
    pub(crate) versions: VersionRange,
    /// The feature that is missing, in a word or two.
    pub(crate) needs: String,
    pub(crate) reason: String,
}

/// A value of the driver's `Parameters` key: `REG_DWORD`.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) value: u32,
}

#[derive(Clone, Debug)]
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

#[derive(Clone, Debug)]
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

#[derive(Clone, Debug)]
pub(crate) struct Thread {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) tid: u32,
}
