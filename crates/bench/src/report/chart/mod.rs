//! The charts.

pub(crate) mod growth;
pub(crate) mod ring;
