//! What keys stand for: processes, volumes, files.

pub(crate) mod capture;
pub(crate) mod files;
pub(crate) mod processes;
pub(crate) mod volumes;
