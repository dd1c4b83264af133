//! The context that gives each stream of a file its key.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicU64, Ordering};

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
    /// Another one when the stream is found under another name.
    key: AtomicU64,
    /// By which a copy's source is found: `FILE_OBJECT::FsContext`.
    address: NonZeroU64,
}

impl FilterContext for StreamContext {
    type Kind = StreamKind;
    const TAG: PoolTag = TAG;
}

impl StreamContext {
    /// The key of the stream.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn key(&self) -> FileKey {
        // Relaxed: the key's entry was added before the key came here, and is only read under its lock.
        FileKey(self.key.load(Ordering::Relaxed))
    }

    /// Gives the stream another key. Its callers come one after the other.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn set_key(&self, key: FileKey) {
        // Relaxed: see `key`.
        self.key.store(key.0, Ordering::Relaxed);
    }

    /// Where the stream is found.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn address(&self) -> NonZeroU64 {
        self.address
    }
}

impl Drop for StreamContext {
    /// The stream is gone, or the driver detached from the volume.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    fn drop(&mut self) {
        // The state outlives all contexts: they go when the minifilter is unregistered at the latest.
        if let Some(state) = state::get() {
            state.files.retire(self.key(), self.address);
        }
    }
}

/// Gives a stream that was just opened a key, if it has none yet, and another one if it is called otherwise
/// by now. Where that fails everything stays as it is, and the next open tries again.
///
/// When this returns the stream is found by its address: the create is over then, and a write can follow.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
pub(crate) fn attach(
    state: &'static State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    file: FileObject<'_>,
) {
    assert_at_most(PASSIVE_LEVEL);
    let instance = objects.instance();
    let known = Context::<StreamContext>::of_stream(instance, file);
    if known.is_none() && instance.is_directory(file) == Ok(true) {
        return;
    }
    let Some(volume) = Context::<InstanceContext>::of_instance(instance) else { return };
    let Some(known) = known.or_else(|| attach_first(state, data, objects, file, &volume)) else { return };
    // Who put the context there may still be about to put its address into the index.
    state.files.insert_address(state, &known);
    if let Some(info) = info(data, &volume) {
        state.files.rename(state, &known, info);
    }
}

/// Gives a stream without a context one. Returns the one that another open of the stream gave it meanwhile.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
fn attach_first(
    state: &'static State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    file: FileObject<'_>,
    volume: &InstanceContext,
) -> Option<Context<StreamContext>> {
    assert_at_most(PASSIVE_LEVEL);
    let address = file.stream_address()?;
    let Some(info) = info(data, volume) else {
        state.files.shelf().note_refused();
        return None;
    };
    // From here on the key is retired with the context, or in its place.
    let key = state.files.add(info)?;
    let context = StreamContext { key: AtomicU64::new(key.0), address };
    let context = Context::try_new(objects.filter(), context).ok()?;
    match context.put_at_stream(objects.instance(), file).ok()? {
        Put::New => {
            // While this reference is held the context is not dropped, so its key is not taken out before it
            // is put in.
            state.files.insert_address(state, &context);
            None
        }
        Put::Existing(known) => Some(known),
    }
}

/// What is told of the stream; `None` if its path cannot be had.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
fn info(data: CallbackData<'_>, volume: &InstanceContext) -> Option<FileInfo> {
    let (name_kind, path) = path(data, volume)?;
    Some(FileInfo { volume: volume.key(), met: time::now(), name_kind, path: Some(path) })
}

/// The path on the volume: the normalized name, or for want of that the one it was opened by.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
fn path(data: CallbackData<'_>, volume: &InstanceContext) -> Option<(NameKind, PoolArray<u16>)> {
    [(NameFormat::Normalized, NameKind::Normalized), (NameFormat::Opened, NameKind::Opened)]
        .into_iter()
        .find_map(|(format, kind)| {
            let information = FileNameInformation::query(&data, format, NameQuery::Default).ok()?;
            let path = volume.relative(information.name())?;
            Some((kind, PoolArray::try_copy_of(path, TAG).ok()?))
        })
}
