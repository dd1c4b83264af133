//! Creates that make, empty or replace a file, or have it deleted when it is closed.

use audit::key::FileKey;
use audit::record::Operation;
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::{CallbackData, CreateParameters, FileObject, RelatedObjects};

use super::deletions::Deleter;
use super::{begin, record, recording};
use crate::state::State;
use crate::streams;

/// `IoStatus.Information` of a create ("`IRP_MJ_CREATE` (IFS)").
const SUPERSEDED: u64 = 0;
const CREATED: u64 = 2;
const OVERWRITTEN: u64 = 3;

/// What became of the file that was opened, if that changed something.
///
/// Maximum IRQL: any.
fn operation(information: u64) -> Option<Operation> {
    match information {
        SUPERSEDED => Some(Operation::Supersede),
        CREATED => Some(Operation::Create),
        OVERWRITTEN => Some(Operation::Overwrite),
        _ => None,
    }
}

/// Gives a stream that was made, emptied or replaced, or is to be deleted, a key, and records that.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
#[cold]
#[inline(never)]
pub(crate) fn created(
    state: &'static State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    create: CreateParameters<'_>,
    file: FileObject<'_>,
) {
    assert_at_most(PASSIVE_LEVEL);
    let stream = streams::attach(state, data, objects, file);
    let done = operation(data.information());
    if done.is_none() && !create.is_delete_on_close() {
        return;
    }
    if recording().is_none() {
        return;
    }
    let Some(mut change) = begin(state, data, done.unwrap_or(Operation::DeletePending)) else { return };
    if state.is_excluded(file) {
        return;
    }
    change.file = stream.as_ref().map_or(FileKey::UNKNOWN, |stream| stream.key());
    if done.is_some() {
        record(state, &change);
    }
    if create.is_delete_on_close() {
        change.operation = Operation::DeletePending;
        record(state, &change);
        if let Some(address) = file.stream_address() {
            state.deletions.set(state, address, Deleter::of(&change));
        }
    }
}
