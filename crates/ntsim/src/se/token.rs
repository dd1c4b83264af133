//! Access tokens.

use super::Sid;
use crate::abi::Ptr;

/// The primary token of a process.
pub(crate) struct Token {
    ptr: Ptr,
    user: Sid,
    session: u32,
    administrator: bool,
}

impl Token {
    pub(crate) fn new(ptr: Ptr, user: Sid, session: u32, administrator: bool) -> Self {
        Self { ptr, user, session, administrator }
    }

    pub(crate) fn ptr(&self) -> Ptr {
        self.ptr
    }

    pub(crate) fn user(&self) -> &Sid {
        &self.user
    }

    pub(crate) fn session(&self) -> u32 {
        self.session
    }

    /// Whether the default security descriptor of the Filter Manager lets it in: `LocalSystem` and administrators.
    pub(crate) fn is_privileged(&self) -> bool {
        self.administrator || self.user == Sid::local_system()
    }
}
