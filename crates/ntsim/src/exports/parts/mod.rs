//! The parts of the table beside the first, by what they are about.

mod device;
mod dispatcher;
mod file;
mod filter_manager;
mod library;
mod memory;
mod registry;
mod security;

use super::{Routine, table};

/// The parts, in their order.
pub(super) const PARTS: [&[Routine]; 9] = [
    &table::ROWS,
    &filter_manager::ROWS,
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
