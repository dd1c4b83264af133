//! What keys stand for: processes, volumes, files, remote clients.

pub(crate) mod capture;
pub(crate) mod clients;
pub(crate) mod described;
pub(crate) mod files;
pub(crate) mod processes;
mod shelf;
pub(crate) mod volumes;

pub(crate) use shelf::{Deliverable, Missing};
