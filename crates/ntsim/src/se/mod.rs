//! Security reference monitor: SIDs and tokens.

pub(crate) mod routines;
mod sid;
mod token;

pub use sid::{InvalidSid, Sid};
pub(crate) use token::Token;
