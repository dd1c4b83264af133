//! The end of a handle, with which a file may go: `IRP_MJ_CLEANUP`.

use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::{PoolBox, PoolTag};
use fltmgr::raw::IRP_MJ_CLEANUP;
use fltmgr::{CallbackData, FileObject, Instance, NtStatus, RelatedObjects, Synchronized};

use super::{carry, record, recording};
use crate::facts;
use crate::memory::TAG;

pub(crate) enum Cleanup {}

impl Synchronized for Cleanup {
    const MAJOR_FUNCTION: u8 = IRP_MJ_CLEANUP;
    const TAG: PoolTag = TAG;
    type Carried = ();

    /// Almost always nothing is to be deleted, and this is over.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("Dispatch routine IRQL and thread context").
    fn pre(_data: &CallbackData<'_>, objects: &RelatedObjects<'_>) -> Option<PoolBox<()>> {
        let state = recording().filter(|state| !state.deletions.is_empty())?;
        assert_at_most(PASSIVE_LEVEL);
        let address = objects.file_object()?.stream_address()?;
        if state.deletions.contains(address) { carry(state, ()) } else { None }
    }

    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, _carried: PoolBox<()>) {
        assert_at_most(PASSIVE_LEVEL);
        let (Some(state), Some(file)) = (recording(), objects.file_object()) else { return };
        let Some(address) = file.stream_address().filter(|_| is_gone(objects.instance(), file)) else {
            return;
        };
        // Of several that close at the same time one finds it.
        let Some(deleter) = state.deletions.forget(address) else { return };
        let mut change = deleter.change();
        change.executor =
            Some(facts::closer(state, *data)).filter(|closer| Some(*closer) != change.originator);
        record(state, &change);
    }
}

/// Whether a file has no name any more. The file system says so itself of one that is gone, as Microsoft's sample `delete`
/// relies on; one that lost its name by POSIX semantics may have no links left instead.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
fn is_gone(instance: Instance<'_>, file: FileObject<'_>) -> bool {
    match instance.standard_information(file) {
        Err(NtStatus::FILE_DELETED) => true,
        Err(_) => false,
        Ok(information) => information.links == 0,
    }
}
