//! Sizes, names and the end of files: `IRP_MJ_SET_INFORMATION`.

use audit::key::FileKey;
use audit::record::{Change, Operation};
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::{PoolBox, PoolTag};
use fltmgr::raw::IRP_MJ_SET_INFORMATION;
use fltmgr::{
    CallbackData, Context, FileNameInformation, FileObject, NameFormat, RelatedObjects,
    SetInformationParameters, Synchronized,
};

use super::deletions::Deleter;
use super::{begin, carry, record, recording};
use crate::dictionary::files::FileInfo;
use crate::memory::TAG;
use crate::state::State;
use crate::streams::{self, StreamContext};

/// Classes of information that change what a file is, and what they ask for. (`FILE_INFORMATION_CLASS`, "wdm.h".)
const CLASSES: [(u32, Asked); 10] = [
    (10, Asked::Rename), // FileRenameInformation
    (11, Asked::Link),   // FileLinkInformation
    (13, Asked::Delete), // FileDispositionInformation
    (19, Asked::Allocation),
    (20, Asked::EndOfFile),
    (39, Asked::ValidData),
    (64, Asked::Delete), // FileDispositionInformationEx
    (65, Asked::Rename), // FileRenameInformationEx
    (72, Asked::Link),   // FileLinkInformationEx
    (56, Asked::Rename), // FileRenameInformationBypassAccessCheck
];

/// `FILE_DISPOSITION_DELETE`, and `DeleteFile` of the older structure.
const DELETE: u32 = 1;

#[derive(Clone, Copy)]
enum Asked {
    EndOfFile,
    Allocation,
    ValidData,
    Rename,
    Link,
    Delete,
}

pub(crate) enum SetInformation {}

/// What is known before the operation.
pub(crate) struct Pending {
    change: Change,
    asked: Asked,
    stream: Option<Context<StreamContext>>,
    /// The new name of a link.
    name: Option<FileInfo>,
}

impl Synchronized for SetInformation {
    const MAJOR_FUNCTION: u8 = IRP_MJ_SET_INFORMATION;
    const TAG: PoolTag = TAG;
    type Carried = Pending;

    /// Maximum IRQL: `PASSIVE_LEVEL` ("Dispatch routine IRQL and thread context").
    fn pre(data: &CallbackData<'_>, objects: &RelatedObjects<'_>) -> Option<PoolBox<Pending>> {
        assert_at_most(PASSIVE_LEVEL);
        let set = data.set_information()?;
        let class = set.class();
        let (_, asked) = CLASSES.iter().find(|(known, _)| *known == class)?;
        let state = recording()?;
        let file = objects.file_object().filter(|file| !file.is_volume_open())?;
        let pending = before(state, *data, *objects, file, set, *asked)?;
        carry(state, pending)
    }

    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn post(data: &CallbackData<'_>, objects: &RelatedObjects<'_>, carried: PoolBox<Pending>) {
        assert_at_most(PASSIVE_LEVEL);
        if !data.status().is_success() {
            return;
        }
        if let (Some(state), Some(file)) = (recording(), objects.file_object()) {
            after(state, *data, *objects, file, &carried);
        }
    }
}

/// Maximum IRQL: `PASSIVE_LEVEL`.
fn before(
    state: &'static State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    file: FileObject<'_>,
    set: SetInformationParameters<'_>,
    asked: Asked,
) -> Option<Pending> {
    assert_at_most(PASSIVE_LEVEL);
    let operation = match asked {
        // The cache manager's own doing.
        Asked::EndOfFile if set.is_advance_only() => return None,
        Asked::EndOfFile => Operation::SetEndOfFile,
        Asked::Allocation => Operation::SetAllocation,
        Asked::ValidData => Operation::SetValidData,
        Asked::Rename => Operation::Rename,
        Asked::Link => Operation::Link,
        Asked::Delete if set.flags()? & DELETE == 0 => Operation::DeleteCancelled,
        Asked::Delete => Operation::DeletePending,
    };
    let mut change = begin(state, data, operation)?;
    let mut name = None;
    match asked {
        Asked::EndOfFile | Asked::Allocation => {
            change.offset = set.number()?;
            let end = objects.instance().standard_information(file).ok().map(|known| known.end_of_file);
            if matches!(asked, Asked::EndOfFile) && end == Some(change.offset) {
                return None; // it changes nothing
            }
            change.detail = end.map(i64::cast_unsigned);
        }
        Asked::ValidData => change.offset = set.number()?,
        Asked::Link => name = destination(objects, file, set),
        Asked::Rename | Asked::Delete => {}
    }
    let stream = streams::of_any(state, data, objects, file);
    change.file = stream.as_ref().map_or(FileKey::UNKNOWN, |stream| stream.key());
    if state.is_excluded(file) {
        return None;
    }
    Some(Pending { change, asked, stream, name })
}

/// What the file is to be called besides. Where it cannot be had, the record says that it is not known.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
fn destination(
    objects: RelatedObjects<'_>,
    file: FileObject<'_>,
    set: SetInformationParameters<'_>,
) -> Option<FileInfo> {
    assert_at_most(PASSIVE_LEVEL);
    let name = set.new_name()?;
    streams::info_by(objects.instance(), &|format: NameFormat| {
        FileNameInformation::of_destination(objects.instance(), file, name, format).ok()
    })
}

/// Maximum IRQL: `PASSIVE_LEVEL`.
fn after(
    state: &'static State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    file: FileObject<'_>,
    pending: &PoolBox<Pending>,
) {
    assert_at_most(PASSIVE_LEVEL);
    let Pending { change, asked, stream, name } = &**pending;
    let mut change = *change;
    match asked {
        Asked::EndOfFile | Asked::Allocation | Asked::ValidData => record(state, &change),
        Asked::Rename => {
            let key = stream.as_ref().and_then(|stream| streams::renamed(state, data, objects, stream));
            change.detail = Some(key.unwrap_or(FileKey::UNKNOWN).0);
            record(state, &change);
        }
        Asked::Link => {
            let key = name.as_ref().and_then(FileInfo::try_clone).and_then(|name| state.files.add(name));
            change.detail = Some(key.unwrap_or(FileKey::UNKNOWN).0);
            record(state, &change);
            if let Some(key) = key {
                // It stands for a name, which no stream keeps alive.
                state.files.retire_name(key);
            }
        }
        Asked::Delete => {
            record(state, &change);
            let Some(address) = file.stream_address() else { return };
            if change.operation == Operation::DeletePending {
                state.deletions.set(state, address, Deleter::of(&change));
            } else {
                state.deletions.forget(address);
            }
        }
    }
}
