//! I/O manager and file systems: drivers, volumes, file objects, and the operations on them.

pub(crate) mod asynchronous;
pub(crate) mod cancel;
pub(crate) mod close;
pub(crate) mod copy;
pub(crate) mod copy_chunk;
pub(crate) mod create;
mod data;
pub(crate) mod driver;
mod features;
pub(crate) mod file;
mod flags;
pub(crate) mod flush;
pub(crate) mod fs_control;
pub(crate) mod fs_filter;
mod handle;
pub(crate) mod handles;
pub(crate) mod in_flight;
pub(crate) mod inquiry;
mod lock;
pub(crate) mod mdl;
mod namespace;
mod node;
pub(crate) mod own;
pub(crate) mod paging;
mod path;
pub(crate) mod request;
pub(crate) mod send;
pub(crate) mod set_information;
mod share;
pub(crate) mod transaction;
pub(crate) mod transfer;
pub(crate) mod volume;

pub(crate) use flags::{callback_data, file_object, irp, stack_location};
pub(crate) use handle::FileHandles;
pub(crate) use node::Fcb;
pub(crate) use volume::{Volume, VolumeTable};
