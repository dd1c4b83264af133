//! The rules that a driver must keep, and what is reported when it does not.

pub(crate) mod books;
pub(crate) mod callback;
pub(crate) mod calls;
mod checks;
pub(crate) mod ecp;
mod hold;
mod injection;
pub(crate) mod leaks;
pub(crate) mod pointers;
mod rule;
pub(crate) mod site;
pub(crate) mod user_buffer;
pub(crate) mod watch;

pub(crate) use checks::Verifier;
pub use hold::HeldCall;
pub(crate) use injection::fallible;
pub use injection::{FaultPlan, FaultRoutines};
pub use rule::Rule;

use std::fmt;

/// A broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which rule.
    pub rule: Rule,
    /// The driver's entry point that was running, such as "pre-write"; "harness" if none was.
    pub callback: String,
    /// What it was about: an operation on a file, or the routine called.
    pub operation: String,
    /// What was wrong.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, callback, operation, detail } = self;
        write!(f, "rule {}, {rule}: {detail} (in {callback}, {operation})", rule.number())
    }
}
