//! The context that gives each stream of a file its key.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicU64, Ordering};

use audit::key::FileKey;
use audit::record::NameKind;
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::{PoolArray, PoolTag};
use fltmgr::{
    CallbackData, Context, FileNameInformation, FileObject, FilterContext, Instance, NameFormat, NameQuery,
    Put, RelatedObjects, StreamKind,
};

use crate::dictionary::files::FileInfo;
use crate::instance::InstanceContext;
use crate::mapped::SectionCreators;
use crate::memory::TAG;
use crate::state::{self, State};
use crate::time;

/// Kept at every stream that was opened for writing, or to be copied.
pub(crate) struct StreamContext {
    /// Another one when the stream is found under another name.
    key: AtomicU64,
    /// By which a copy's source is found: `FILE_OBJECT::FsContext`.
    address: NonZeroU64,
    section_creators: SectionCreators,
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

    /// Those who may change the stream through mapped views.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn section_creators(&self) -> &SectionCreators {
        &self.section_creators
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
            state.deletions.forget(self.address);
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
) -> Option<Context<StreamContext>> {
    assert_at_most(PASSIVE_LEVEL);
    let instance = objects.instance();
    let known = Context::<StreamContext>::of_stream(instance, file);
    if known.is_none() && instance.is_directory(file) == Ok(true) {
        return None;
    }
    let volume = Context::<InstanceContext>::of_instance(instance)?;
    let known = match known {
        Some(known) => known,
        None => match attach_first(state, objects, file, &|| info(data, &volume))? {
            Attached::First(stream) => return Some(stream),
            Attached::Before(known) => known,
        },
    };
    // Who put the context there may still be about to put its address into the index.
    state.files.insert_address(state, &known);
    if let Some(info) = info(data, &volume) {
        state.files.rename(state, &known, info);
    }
    Some(known)
}

/// The stream of an open file, or a directory, that something is done to, under the name it was met by first. `None` if no
/// name can be had.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
pub(crate) fn of_any(
    state: &'static State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    file: FileObject<'_>,
) -> Option<Context<StreamContext>> {
    assert_at_most(PASSIVE_LEVEL);
    known_or_first(state, objects, file, &|| {
        info(data, &*Context::<InstanceContext>::of_instance(objects.instance())?)
    })
}

/// The stream of another open file on the same volume, which the operation names and the caller keeps open.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
pub(crate) fn of_other(
    state: &'static State,
    objects: RelatedObjects<'_>,
    file: FileObject<'_>,
) -> Option<Context<StreamContext>> {
    assert_at_most(PASSIVE_LEVEL);
    known_or_first(state, objects, file, &|| {
        info_by(objects.instance(), &|format| {
            FileNameInformation::of_file(objects.instance(), file, format, NameQuery::Default).ok()
        })
    })
}

/// Maximum IRQL: `PASSIVE_LEVEL`.
fn known_or_first(
    state: &'static State,
    objects: RelatedObjects<'_>,
    file: FileObject<'_>,
    info: &dyn Fn() -> Option<FileInfo>,
) -> Option<Context<StreamContext>> {
    assert_at_most(PASSIVE_LEVEL);
    if let Some(known) = Context::<StreamContext>::of_stream(objects.instance(), file) {
        return Some(known);
    }
    match attach_first(state, objects, file, info)? {
        Attached::First(stream) | Attached::Before(stream) => Some(stream),
    }
}

/// A stream was renamed by this operation: gives it the key of its new name, which is returned; `None` if that cannot be had.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
pub(crate) fn renamed(
    state: &'static State,
    data: CallbackData<'_>,
    objects: RelatedObjects<'_>,
    stream: &StreamContext,
) -> Option<FileKey> {
    assert_at_most(PASSIVE_LEVEL);
    let volume = Context::<InstanceContext>::of_instance(objects.instance())?;
    let info = info(data, &volume).filter(|info| info.name_kind == NameKind::Normalized)?;
    state.files.rename(state, stream, info);
    Some(stream.key())
}

/// A stream has a context now.
enum Attached {
    /// The one it was just given.
    First(Context<StreamContext>),
    /// One that another open of the stream gave it meanwhile.
    Before(Context<StreamContext>),
}

/// Gives a stream without a context one.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
#[cold]
#[inline(never)]
fn attach_first(
    state: &'static State,
    objects: RelatedObjects<'_>,
    file: FileObject<'_>,
    info: &dyn Fn() -> Option<FileInfo>,
) -> Option<Attached> {
    assert_at_most(PASSIVE_LEVEL);
    let address = file.stream_address()?;
    let Some(info) = info() else {
        state.files.shelf().note_refused();
        return None;
    };
    // From here on the key is retired with the context, or in its place.
    let key = state.files.add(info)?;
    let section_creators = SectionCreators::default();
    let context = StreamContext { key: AtomicU64::new(key.0), address, section_creators };
    let context = Context::try_new(objects.filter(), context).ok()?;
    match context.put_at_stream(objects.instance(), file).ok()? {
        Put::New => {
            // While this reference is held the context is not dropped, so its key is not taken out before it
            // is put in.
            state.files.insert_address(state, &context);
            Some(Attached::First(context))
        }
        Put::Existing(known) => Some(Attached::Before(known)),
    }
}

/// What is told of the stream; `None` if its path cannot be had.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
fn info(data: CallbackData<'_>, volume: &InstanceContext) -> Option<FileInfo> {
    told(volume, &|format| FileNameInformation::query(&data, format, NameQuery::Default).ok())
}

/// What is told of another stream on an instance's volume, whose name `ask` asks for.
///
/// Maximum IRQL: that of `ask`, and no more than `APC_LEVEL`.
pub(crate) fn info_by(
    instance: Instance<'_>,
    ask: &dyn Fn(NameFormat) -> Option<FileNameInformation>,
) -> Option<FileInfo> {
    told(&*Context::<InstanceContext>::of_instance(instance)?, ask)
}

/// The path on the volume: the normalized name, or for want of that the one it was opened by.
///
/// Maximum IRQL: that of `ask`, and no more than `APC_LEVEL`.
fn told(
    volume: &InstanceContext,
    ask: &dyn Fn(NameFormat) -> Option<FileNameInformation>,
) -> Option<FileInfo> {
    let (name_kind, path) =
        [(NameFormat::Normalized, NameKind::Normalized), (NameFormat::Opened, NameKind::Opened)]
            .into_iter()
            .find_map(|(format, kind)| {
                let information = ask(format)?;
                let path = volume.relative(information.name())?;
                Some((kind, PoolArray::try_copy_of(path, TAG).ok()?))
            })?;
    Some(FileInfo { volume: volume.key(), met: time::now(), name_kind, path: Some(path) })
}
