//! From measurements to a page.

pub(crate) mod chart;
pub(crate) mod document;
pub(crate) mod machine;
pub(crate) mod results;
