//! Security reference monitor: SIDs and tokens.

mod sid;

pub use sid::{InvalidSid, Sid};
