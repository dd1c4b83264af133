//! Why the program stops, and the exit code that says so.

use std::fmt;
use std::process::ExitCode;

use crate::place::BadInput;

/// Why the program stops early, or ends badly.
#[derive(Debug)]
pub enum Failure {
    /// Something that the user gave cannot be used, or there is nothing to connect to: exit code 2.
    Unusable(String),
    /// An expectation is not met, a rule is broken, or the records do not add up: exit code 1.
    Broken(String),
    /// Whoever read the output has closed it: exit code 1, and nothing to say to anybody.
    OutputClosed,
}

impl Failure {
    /// Exit code of a [`Failure::Unusable`].
    const UNUSABLE: u8 = 2;

    /// The exit code.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unusable(_) => ExitCode::from(Self::UNUSABLE),
            Self::Broken(_) | Self::OutputClosed => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(message) | Self::Broken(message) => f.write_str(message),
            Self::OutputClosed => f.write_str("the output has been closed"),
        }
    }
}

impl From<BadInput> for Failure {
    fn from(bad: BadInput) -> Self {
        Self::Unusable(bad.to_string())
    }
}
