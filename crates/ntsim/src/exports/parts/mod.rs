//! The parts of the table that are about the kernel alone, by what they are about.

mod device;
mod dispatcher;
mod file;
mod library;
mod memory;
mod registry;
mod security;

use super::{Routine, table};

/// The parts, in their order.
pub(super) const PARTS: [&[Routine]; 8] = [
    &table::ROWS,
    &memory::ROWS,
    &security::ROWS,
    &device::ROWS,
    &library::ROWS,
    &dispatcher::ROWS,
    &registry::ROWS,
    &file::ROWS,
];

/// Number of routines in all parts.
pub(super) const END: usize = file::END;
