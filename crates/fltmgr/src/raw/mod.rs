//! `fltkernel.h` in its own names and types, as far as a minifilter that observes needs it.
//!
//! Everything here is as the header has it, nothing is checked: lifetimes, interrupt request levels and who
//! releases what are on the Microsoft page of each name. Kernel types come from `wdk-sys`. Sizes and offsets
//! are asserted at compile time against a table (see the crate's `layout` module).
#![expect(non_snake_case, non_camel_case_types, reason = "the header's own names")]
#![expect(
    missing_docs,
    reason = "the header's own names; their meaning is on the Microsoft page of each type"
)]

mod callback_data;
mod context;
mod functions;
mod instance;
mod name;
mod objects;
mod operation;
mod parameters;
mod port;
mod registration;
mod status;
mod volume;

pub use callback_data::*;
pub use context::*;
pub use functions::*;
pub use instance::*;
pub use name::*;
pub use objects::*;
pub use operation::*;
pub use parameters::*;
pub use port::*;
pub use registration::*;
pub use status::*;
pub use volume::*;
