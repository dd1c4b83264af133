//! Processes and threads.

pub(crate) mod attach;
pub(crate) mod lifecycle;
pub(crate) mod notify;
pub(crate) mod open;
mod process;
pub(crate) mod query;
pub(crate) mod routines;
pub(crate) mod system_thread;
mod table;
mod thread;
pub(crate) mod thread_io;

pub(crate) use process::Process;
pub(crate) use table::ProcessTable;
pub(crate) use thread::{Thread, ThreadKind};
