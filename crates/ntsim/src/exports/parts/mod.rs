//! The parts of the table that are about the kernel alone, by what they are about.

use super::{Routine, table};

/// The parts, in their order.
pub(super) const PARTS: [&[Routine]; 1] = [&table::ROWS];

/// Number of routines in all parts.
pub(super) const END: usize = table::END;
