//! The Filter Manager.

mod altitude;
pub(crate) mod cancel;
pub(crate) mod context;
pub(crate) mod dirty;
pub(crate) mod disk;
mod dispatch;
pub(crate) mod ecp;
pub(crate) mod enlistment;
pub(crate) mod filter;
pub(crate) mod initiate;
pub(crate) mod inquiry;
pub(crate) mod instance;
pub(crate) mod lock_buffer;
mod manager;
pub(crate) mod message;
pub(crate) mod model;
pub(crate) mod name;
mod operation;
pub(crate) mod parameters;
pub(crate) mod port;
pub(crate) mod queue;
pub(crate) mod reference;
mod registration;
pub(crate) mod relations;
pub(crate) mod routines;
mod stack;
pub(crate) mod teardown;
pub(crate) mod volume;
pub(crate) mod work_item;

pub(crate) use altitude::Altitude;
pub(crate) use context::ContextList;
pub(crate) use dispatch::{
    Answer, Arrival, Pended, Submitted, complete_pended_post_operation, complete_pended_pre_operation,
    dispatch, do_completion_processing_when_safe, rescue, submit,
};
pub(crate) use filter::Filter;
pub(crate) use manager::{FilterManager, leaks};
pub(crate) use name::NameCache;
pub(crate) use operation::{CopyOrigin, Kind, Operation};
pub(crate) use stack::Stack;
