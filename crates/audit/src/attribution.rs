//! Who wrote: a pure function from what the Filter Manager says about an operation to its originator.
//!
//! The process that happens to be current is deliberately not among the facts. Since Windows 11 22H2 a
//! copied chunk is written by a System worker thread, and an upper filter may repost any write to one;
//! what stays true is the thread recorded in the operation and the process that owns it
//! (`FLT_CALLBACK_DATA::Thread`, `IoThreadToProcess`).

use crate::key::ProcessKey;

/// What a process is, as far as attribution is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ProcessKind {
    /// It runs code of its own in user mode.
    User,
    /// System, or a minimal process such as Registry: all its threads are the kernel's.
    Kernel,
}

/// A process, as the driver saw it during the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Process {
    /// Its key; [`ProcessKey::UNKNOWN`] if that could not be had.
    pub key: ProcessKey,
    /// Its process id.
    pub pid: u32,
    /// Whether it can be the author of a user's write.
    pub kind: ProcessKind,
}

/// The thread recorded in the operation (`FLT_CALLBACK_DATA::Thread`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Thread {
    /// Its thread id.
    pub tid: u32,
    /// The process that owns it (`IoThreadToProcess`), not one it is attached to.
    pub process: Process,
}

/// `FLT_CALLBACK_DATA::RequestorMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `UserMode`.
    User,
    /// `KernelMode`: also every write of a user's `CopyFile2` since Windows 11 22H2.
    Kernel,
}

/// What the Filter Manager says about a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Facts {
    /// The thread recorded in the operation; the field may be NULL.
    pub thread: Option<Thread>,
    /// `FltGetRequestorProcess`; needs asking only when `thread` is `None`.
    pub requestor: Option<Process>,
    /// The mode of the operation.
    pub requestor_mode: Mode,
    /// Whether the operation carries kernel-mode copy information
    /// (`FltGetCopyInformationFromCallbackData` succeeded).
    pub copy: bool,
}

/// Who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Originator {
    /// A user process.
    User {
        /// The process.
        process: Process,
        /// Its thread that asked for the write; 0 if that is not known.
        tid: u32,
    },
    /// The kernel itself: no user's write.
    Kernel,
    /// The facts do not tell.
    Unknown,
}

/// What an originator was concluded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// Nothing: the originator is unknown.
    Unknown,
    /// The thread recorded in the operation and the process that owns it.
    Thread,
    /// `FltGetRequestorProcess`, for want of a thread.
    RequestorProcess,
    /// Who opened the file in the transaction whose end this is.
    Transaction,
    /// Who made a section of the file by which it can be written to.
    Section,
    /// What the kernel's server said of whom it opens the file for (`GUID_ECP_SRV_OPEN`).
    RemoteClient,
}

/// How far an originator may be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// Not at all: the originator is unknown.
    None,
    /// The system names this process, but it may only have been attached to.
    Likely,
    /// The operation itself records it.
    Certain,
}

/// The conclusion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attribution {
    /// Who wrote.
    pub originator: Originator,
    /// What that was concluded from.
    pub basis: Basis,
    /// How far it may be relied on.
    pub confidence: Confidence,
}

/// Concludes who wrote.
///
/// 1. The thread recorded in the operation decides, whatever the requestor mode: its owning process is
///    the originator, or the kernel if that is a kernel process.
/// 2. Without a thread, the requestor process is the likely originator. If it is a kernel process
///    while the operation is a copy, or was asked for in user mode, the two contradict each other and
///    the originator is unknown: a copy is made for somebody, and a kernel process has no user mode.
/// 3. Without either the originator is unknown.
#[expect(clippy::inline_always, reason = "on the way of every write, whose facts are in registers")]
#[inline(always)]
#[must_use]
pub fn attribute(facts: &Facts) -> Attribution {
    match (facts.thread, facts.requestor) {
        (Some(Thread { tid, process }), _) => {
            let originator = match process.kind {
                ProcessKind::User => Originator::User { process, tid },
                ProcessKind::Kernel => Originator::Kernel,
            };
            Attribution { originator, basis: Basis::Thread, confidence: Confidence::Certain }
        }
        (None, Some(process)) => {
            let originator = match process.kind {
                ProcessKind::User => Originator::User { process, tid: 0 },
                ProcessKind::Kernel if facts.copy || facts.requestor_mode == Mode::User => {
                    return Attribution::UNKNOWN;
                }
                ProcessKind::Kernel => Originator::Kernel,
            };
            Attribution { originator, basis: Basis::RequestorProcess, confidence: Confidence::Likely }
        }
        (None, None) => Attribution::UNKNOWN,
    }
}

impl Attribution {
    /// The facts do not tell who wrote.
    pub const UNKNOWN: Self =
        Self { originator: Originator::Unknown, basis: Basis::Unknown, confidence: Confidence::None };

    /// What is left of a conclusion of [`attribute`] if the operation is in kernel mode and no copy: a driver asked for it, and
    /// drivers act in whatever thread runs, for its process or of their own accord.
    ///
    /// * What a minifilter generated (`FLTFL_CALLBACK_DATA_GENERATED_IO`) is its own, and nothing tells whether it is for
    ///   anybody: the originator is unknown.
    /// * Else a user's thread is likely to be the one that it is done for, and no more than that.
    #[must_use]
    pub const fn by_driver(self, generated: bool) -> Self {
        match (self.originator, self.basis) {
            (Originator::User { .. }, Basis::Thread) if generated => Self::UNKNOWN,
            (Originator::User { .. }, Basis::Thread) => Self { confidence: Confidence::Likely, ..self },
            _ => self,
        }
    }

    /// The kernel's server did it for a client on another machine, and says so.
    pub const REMOTE_CLIENT: Self =
        Self { originator: Originator::Unknown, basis: Basis::RemoteClient, confidence: Confidence::Certain };

    /// Whether the write belongs in the audit: a user process's does, and one of an unknown
    /// originator, lest a user's write be missed; the kernel's own does not.
    #[inline]
    #[must_use]
    pub const fn is_recorded(&self) -> bool {
        !matches!(self.originator, Originator::Kernel)
    }
}
