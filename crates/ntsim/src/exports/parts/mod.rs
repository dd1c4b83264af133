//! The parts of the table that are about the kernel alone, by what they are about.

mod memory;
mod security;

use super::{Routine, table};

/// The parts, in their order.
pub(super) const PARTS: [&[Routine]; 3] = [&table::ROWS, &memory::ROWS, &security::ROWS];

/// Number of routines in all parts.
pub(super) const END: usize = security::END;
