//! The end of a simulation.

use std::any::Any;
use std::fmt;

use crate::abi::Address;
use crate::verifier::Rule;

/// Why the simulation cannot go on.
pub(crate) enum Crash {
    /// `KeBugCheckEx`.
    BugCheck {
        /// The stop code.
        code: u32,
        /// Its four parameters.
        parameters: [usize; 4],
    },
    /// The processor refused to go on.
    Fault {
        /// What happened, and where.
        report: String,
        /// The rule that it breaks.
        rule: Rule,
    },
    /// Every thread waits, and no timeout is pending.
    Deadlock(String),
    /// A panic of the harness or of ntsim itself, met in a routine that the driver called.
    Panic(Box<dyn Any + Send>),
}

impl fmt::Display for Crash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BugCheck { code, parameters: [first, second, third, fourth] } => {
                write!(f, "bug check 0x{code:08X} (0x{first:X}, 0x{second:X}, 0x{third:X}, 0x{fourth:X})")
            }
            Self::Fault { report, .. } => f.write_str(report),
            Self::Deadlock(who) => write!(f, "every thread waits for ever: {who}"),
            Self::Panic(_) => f.write_str("a panic in a routine that the driver called"),
        }
    }
}

/// Why a thread left driver code for good.
pub(crate) enum Exit {
    /// The simulation has ended.
    Crash,
    /// The thread ended itself (`PsTerminateSystemThread`).
    ThreadEnd,
    /// The simulation is being dropped.
    Killed,
}

/// A hardware exception in driver code, as the signal handler found it.
#[derive(Clone, Copy)]
pub(crate) struct Fault {
    /// What happened.
    pub(crate) kind: FaultKind,
    /// Where the processor was.
    pub(crate) instruction: Address,
    /// The address touched, for [`FaultKind::Memory`].
    pub(crate) address: Address,
    /// Whether the access was a write.
    pub(crate) write: bool,
    /// Whether an instruction was to be fetched from the address.
    pub(crate) fetch: bool,
}

/// Kind of hardware exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// Memory that is not mapped, or not for this access.
    Memory,
    /// A privileged instruction, or an address that is none (a general protection fault).
    Protection,
    /// An undefined instruction, such as a compiler's trap.
    Instruction,
    /// A division error.
    Arithmetic,
    /// A breakpoint.
    Breakpoint,
}

impl Fault {
    /// What happened, without where.
    pub(crate) fn describe(&self) -> String {
        match self.kind {
            FaultKind::Memory if self.address == 0 => "a NULL pointer access".to_owned(),
            FaultKind::Protection => "a general protection fault".to_owned(),
            FaultKind::Memory => format!("an access violation at 0x{:X}", self.address),
            FaultKind::Instruction => "an illegal instruction".to_owned(),
            FaultKind::Arithmetic => "a division error".to_owned(),
            FaultKind::Breakpoint => "a breakpoint".to_owned(),
        }
    }
}
