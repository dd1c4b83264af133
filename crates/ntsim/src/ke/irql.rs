//! Interrupt request levels.

use std::fmt;

/// An IRQL, as on x64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Irql(pub(crate) u8);

impl Irql {
    pub(crate) const PASSIVE: Self = Self(0);
    pub(crate) const APC: Self = Self(1);
    pub(crate) const DISPATCH: Self = Self(2);
    /// `HIGH_LEVEL`: a routine with this maximum may be called at any level.
    pub(crate) const HIGH: Self = Self(15);
}

impl fmt::Display for Irql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::PASSIVE => f.pad("PASSIVE_LEVEL"),
            Self::APC => f.pad("APC_LEVEL"),
            Self::DISPATCH => f.pad("DISPATCH_LEVEL"),
            Self::HIGH => f.pad("HIGH_LEVEL"),
            Self(level) => write!(f, "IRQL {level}"),
        }
    }
}
