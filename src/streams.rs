//! The context that gives each stream of a file its key.

use core::num::NonZeroU64;

use audit::key::FileKey;
use audit::record::NameKind;
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::{PoolArray, PoolTag};
use fltmgr::{
    CallbackData, Context, FileNameInformation, FileObject, FilterContext, NameFormat, NameQuery, Put,
    RelatedObjects, StreamKind,
};

use crate::dictionary::files::FileInfo;
use crate::instance::InstanceContext;
use crate::memory::TAG;
use crate::state::{self, State};
use crate::time;

/// Kept at every stream that was opened for writing, or to be copied.
pub(crate) struct StreamContext {
    key: FileKey,
    /// By which a copy's source is found: `FILE_OBJECT::FsContext`.
    address: NonZeroU64,
}

impl FilterContext for StreamContext {
    type Kind = StreamKind;
    const TAG: PoolTag = TAG;
}

impl StreamContext {
    /// The key of the stream.
    pub(crate) fn key(&self) -> FileKey {
        self.key
    }
}

impl Drop for StreamContext {
    /// The stream is gone, or the driver detached from the volume.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    fn drop(&mut self) {
        // The state outlives all contexts: they go when the minifilter is unregistered at the latest.
        if let Some(state) = state::get() {
            state.files.retire(self.key, self.address);
        }
    }
}

/// Gives a stream that was just opened a key and its name, if it has none yet. Where that fails, nothing is kept, and the
/// next open tries again.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
pub(crate) fn attach(
    state: &'static State,
    data: &CallbackData<'_>,
    objects: &RelatedObjects<'_>,
    file: FileObject<'_>,
) {
    assert_at_most(PASSIVE_LEVEL);
    let instance = objects.instance();
    let Some(address) = file.stream_address() else { return };
    if Context::<StreamContext>::of_stream(instance, file).is_some() {
        return;
    }
    if instance.is_directory(file) == Ok(true) {
        return;
    }
    let Some(volume) = Context::<InstanceContext>::of_instance(instance) else { return };
    let Some((name_kind, path)) = path(data, &volume) else {
        state.files.shelf().note_refused();
        return;
    };
    let info = FileInfo { volume: volume.key(), met: time::now(), name_kind, path: Some(path) };
    // From here on the key is retired with the context, or in its place.
    let Some(key) = state.files.add(info) else { return };
    let Ok(context) = Context::try_new(objects.filter(), StreamContext { key, address }) else { return };
    if let Ok(Put::New) = context.put_at_stream(instance, file) {
        // While this reference is held, the context is not cleaned up, so this cannot come after its removal.
        state.files.insert_address(address, key);
    }
}

/// The path on the volume: the normalized name, or for want of that the one it was opened by.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
fn path(data: &CallbackData<'_>, volume: &InstanceContext) -> Option<(NameKind, PoolArray<u16>)> {
    [(NameFormat::Normalized, NameKind::Normalized), (NameFormat::Opened, NameKind::Opened)]
        .into_iter()
        .find_map(|(format, kind)| {
            let information = FileNameInformation::query(data, format, NameQuery::Default).ok()?;
            let path = volume.relative(information.name())?;
            Some((kind, PoolArray::try_copy_of(path, TAG).ok()?))
        })
}
