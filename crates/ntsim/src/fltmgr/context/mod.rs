//! Contexts: exactly counted references, and a cleanup callback when the last is gone.

mod attach;
mod gone;
mod kind;
mod lifetime;
mod list;
mod related;
mod routines;
pub(crate) mod section;
mod table;

pub(crate) use gone::{file_object_gone, stream_gone, transaction_gone};
pub(super) use gone::{filter_gone, instance_gone, volume_gone, wait_for_cleanups};
pub(crate) use kind::{FILE, STREAM, STREAM_HANDLE};
pub(crate) use lifetime::{allocate_context, delete_context, reference_context, release_context};
pub(crate) use list::ContextList;
pub(crate) use related::{get_contexts, get_contexts_ex, release_contexts, release_contexts_ex};
pub(crate) use routines::{
    delete_instance_context, delete_of_file, delete_transaction_context, delete_volume_context,
    get_instance_context, get_of_file, get_transaction_context, get_volume_context, set_instance_context,
    set_of_file, set_transaction_context, set_volume_context, supports, supports_ex,
};
pub(super) use table::ContextTable;
