//! Security reference monitor: SIDs, tokens, security descriptors, access checks.

mod access;
pub(crate) mod acl;
pub(crate) mod descriptor;
mod exports;
pub(crate) mod routines;
mod sid;
pub(crate) mod sid_routines;
pub(crate) mod subject;
mod token;
pub(crate) mod token_query;

pub(crate) use access::{Access, Dacl};
pub(crate) use exports::SeExports;
pub use sid::{InvalidSid, Sid};
pub(crate) use token::Token;
