//! Access checks by a discretionary access control list.

use super::Token;

/// `GENERIC_ALL`
const GENERIC_ALL: u32 = 0x1000_0000;

/// An entry of a list.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) allows: bool,
    pub(crate) mask: u32,
    pub(crate) sid: Vec<u8>,
}

/// A discretionary access control list.
#[derive(Clone, Debug)]
pub(crate) struct Dacl(Option<Vec<Access>>);

impl Dacl {
    /// What everything has that has no list.
    pub(crate) fn everybody() -> Self {
        Self(None)
    }

    pub(crate) fn of(entries: impl Iterator<Item = Access>) -> Self {
        Self(Some(entries.collect()))
    }

    /// Whether a token gets all of these rights: the entries are gone through in their order, and what is denied before it is
    /// allowed is denied.
    pub(crate) fn grants(&self, token: &Token, desired: u32) -> bool {
        let Some(entries) = &self.0 else { return true };
        let mut missing = desired;
        for entry in entries.iter().filter(|entry| token.has(&entry.sid)) {
            let mask = if entry.mask & GENERIC_ALL != 0 { u32::MAX } else { entry.mask };
            if !entry.allows && mask & missing != 0 {
                return false;
            }
            missing &= !mask;
        }
        missing == 0
    }
}
