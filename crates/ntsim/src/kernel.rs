//! The kernel: its components together.

/// A simulated kernel.
pub(crate) struct Kernel;
