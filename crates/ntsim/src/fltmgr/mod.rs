//! The Filter Manager.

pub(crate) mod context;
#[allow(dead_code, unused_imports, reason = "the senders follow")]
mod dispatch;
pub(crate) mod filter;
pub(crate) mod instance;
mod manager;
pub(crate) mod message;
pub(crate) mod name;
mod operation;
pub(crate) mod port;
mod registration;
pub(crate) mod routines;
pub(crate) mod volume;

#[allow(dead_code, unused_imports, reason = "the senders follow")]
pub(crate) use dispatch::{Answer, Arrival, Pended, Submitted, dispatch, submit};
pub(crate) use filter::Filter;
pub(crate) use instance::Instance;
pub(crate) use manager::{FilterManager, leaks};
pub(crate) use operation::{CopyOrigin, Kind, Operation};
