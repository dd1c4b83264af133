//! The parts of the table beside the first, by what they are about.

mod device;
mod dispatcher;
mod file;
mod filter_manager;
mod library;
mod memory;
mod object;
mod registry;
mod run_time;
mod security;

use super::{Routine, table};

/// The parts, in their order.
pub(super) const PARTS: [&[Routine]; 11] = [
    &table::ROWS,
    &filter_manager::ROWS,
    &memory::ROWS,
    &security::ROWS,
    &device::ROWS,
    &library::ROWS,
    &dispatcher::ROWS,
    &registry::ROWS,
    &file::ROWS,
    &run_time::ROWS,
    &object::ROWS,
];

/// Number of routines in all parts.
pub(super) const END: usize = object::END;
