//! Files: what a file key stands for, and how a file object leads to its key.

use core::hint::cold_path;
use core::num::NonZeroU64;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use audit::batch::{BatchWriter, NoRoom};
use audit::dictionary::{Dictionary, Limits};
use audit::index::{AddressIndex, Bucket};
use audit::key::{FileKey, VolumeKey};
use audit::omission::Because;
use audit::record::{FileEntry, NameKind, Text};
use fltmgr::irql::{APC_LEVEL, PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;
use fltmgr::{Context, FileObject, Instance, NtStatus, Result};

use super::shelf::{Entry, Shelf};
use crate::instance::InstanceContext;
use crate::irql;
use crate::memory::{Pool, TAG};
use crate::state::State;
use crate::streams::StreamContext;

/// Two million streams; memory is taken as they come. Retired entries that nobody fetches: as many as a ring
/// of 16 Mi holds writes, if each were to another file.
const LIMITS: Limits = Limits { entries: 1 << 21, retired: 1 << 16, kept: 0, buckets: 1 << 15 };

/// Eight streams each; 3 MiB. With more open streams than that, the context is asked.
const INDEX_BUCKETS: usize = 1 << 14;

/// Set beside the key in the index where writes to the stream are left out.
const EXCLUDED: u64 = 1 << 63;

/// Buckets of the index whose streams are judged again before others may change something.
const JUDGED_AT_ONCE: usize = 1 << 6;

type Known = Dictionary<File, Pool>;

/// A file, as its record tells it.
pub(crate) struct FileInfo {
    pub(crate) volume: VolumeKey,
    /// When it was met first.
    pub(crate) met: u64,
    pub(crate) name_kind: NameKind,
    /// On the volume; the volume itself has none.
    pub(crate) path: Option<PoolArray<u16>>,
}

impl FileInfo {
    /// Another of the same; `None` when there is no memory.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL`.
    pub(crate) fn try_clone(&self) -> Option<Self> {
        let path = match self.path.as_deref() {
            None => None,
            Some(path) => Some(PoolArray::try_copy_of(path, TAG).ok()?),
        };
        Some(Self { path, ..*self })
    }
}

pub(super) struct File {
    pub(super) key: FileKey,
    pub(super) info: FileInfo,
}

/// All files that have a key.
pub(crate) struct Files {
    shelf: Shelf<File>,
    index: AddressIndex<'static, INDEX_BUCKETS>,
    /// Whether the index had to refuse an address, so that streams may be missing from it.
    overflowed: AtomicBool,
    next_key: AtomicU64,
    // what `index` refers to: dropped after it
    _buckets: PoolArray<Bucket>,
}

impl Files {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn try_new() -> Result<Self> {
        let buckets = PoolArray::try_from_fn(INDEX_BUCKETS, TAG, |_| Bucket::default())?;
        // SAFETY: the index is dropped with the buckets, and lends nothing.
        let detached = unsafe { buckets.detached() };
        Ok(Self {
            shelf: Shelf::try_new(LIMITS)?,
            index: AddressIndex::new(detached).map_err(|_| NtStatus::INTERNAL_ERROR)?,
            overflowed: AtomicBool::new(false),
            next_key: AtomicU64::new(1),
            _buckets: buckets,
        })
    }

    /// A key that nothing has had.
    ///
    /// Maximum IRQL: any.
    fn new_key(&self) -> Option<(NonZeroU64, FileKey)> {
        // Relaxed: only has to be another number each time.
        let number = NonZeroU64::new(self.next_key.fetch_add(1, Ordering::Relaxed))?;
        Some((number, FileKey(number.get())))
    }

    /// Gives a file a key. `None` when there is no room, which is counted.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn add(&self, info: FileInfo) -> Option<FileKey> {
        assert_at_most(APC_LEVEL);
        let (number, key) = self.new_key()?;
        self.shelf.add(number, File { key, info }).ok().map(|()| key)
    }

    /// A stream was opened under this name. If that is not the one its key stands for, it was renamed, and
    /// gets another key: what was written under the old name stays so. Names that are not normalized may
    /// differ for other reasons.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn rename(&self, state: &State, stream: &StreamContext, info: FileInfo) {
        assert_at_most(PASSIVE_LEVEL);
        if info.name_kind != NameKind::Normalized {
            return;
        }
        self.shelf.with(|dictionary| {
            let Some(old) = NonZeroU64::new(stream.key().0) else { return };
            let has_name = |file: &File| file.info.path.as_deref() == info.path.as_deref();
            if dictionary.get(old).is_none_or(has_name) {
                return;
            }
            let Some((number, key)) = self.new_key() else { return };
            if dictionary.add(number, File { key, info }).is_err() {
                self.shelf.note_refused();
                return;
            }
            stream.set_key(key);
            self.index_stream(state, dictionary, stream);
            dictionary.retire(old);
        });
    }

    /// Lets a stream's key be found by the address that all opens of the stream share, if it is not yet.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn insert_address(&self, state: &State, stream: &StreamContext) {
        assert_at_most(PASSIVE_LEVEL);
        if self.index.get(stream.address().get()).map(key_of_value) == Some(stream.key()) {
            return;
        }
        // Under the lock, for the stream may be renamed at the same time.
        self.shelf.with(|dictionary| self.index_stream(state, dictionary, stream));
    }

    /// Judged under the lock: rules that change are in force before what is known is judged again.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn index_stream(&self, state: &State, dictionary: &Known, stream: &StreamContext) {
        let value = judged(state, dictionary, stream.key());
        if self.index.insert(stream.address(), value).is_err() {
            // Relaxed: whoever misses it for a moment takes the stream for one without a key.
            self.overflowed.store(true, Ordering::Relaxed);
        }
    }

    /// A stream is gone, or a volume.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn retire(&self, key: FileKey, address: NonZeroU64) {
        assert_at_most(APC_LEVEL);
        // Under the lock, lest it be put back by `judge_again`.
        self.shelf.with(|dictionary| {
            self.index.remove(address, key.0);
            self.index.remove(address, key.0 | EXCLUDED);
            if let Some(key) = NonZeroU64::new(key.0) {
                dictionary.retire(key);
            }
        });
    }

    /// A name that no stream has, such as that of a link, has been told of.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn retire_name(&self, key: FileKey) {
        assert_at_most(APC_LEVEL);
        if let Some(key) = NonZeroU64::new(key.0) {
            self.shelf.retire(key);
        }
    }

    /// Judges all streams that are known by the rules in force.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn judge_again(&self, state: &State) {
        assert_at_most(PASSIVE_LEVEL);
        for first in (0..self.index.bucket_count()).step_by(JUDGED_AT_ONCE) {
            let buckets = first..first.saturating_add(JUDGED_AT_ONCE);
            self.shelf.with(|dictionary| {
                for (address, [value]) in self.index.entries(buckets) {
                    let judged = judged(state, dictionary, key_of_value(value));
                    if judged != value {
                        let _replaced = self.index.insert(address, judged);
                    }
                }
            });
        }
    }

    /// Lets the volume itself be found by the driver's instance on it.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn insert_whole(&self, instance: NonZeroU64, whole: FileKey) {
        // Where there is no room for it, its context is asked.
        let _full = self.index.insert(instance, whole.0);
    }

    /// What the index has for an open file; 0 if it has nothing.
    ///
    /// Maximum IRQL: any.
    fn value_of(&self, file: FileObject<'_>) -> u64 {
        file.stream_address().and_then(|address| self.index.get(address.get())).unwrap_or(0)
    }

    /// The key of an open file, or of the volume when that itself is open; `None` if writes to it are left out, which is
    /// counted then.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL`; no lock, and almost always no call. With more open streams than the index has room
    /// for, those that it lacks are not known above `APC_LEVEL`, and not left out.
    pub(crate) fn key_of(
        &self,
        state: &State,
        instance: Instance<'_>,
        file: FileObject<'_>,
    ) -> Option<FileKey> {
        let value = self.value_of(file);
        if value & EXCLUDED != 0 {
            state.exclusions.count(Because::Path);
            return None;
        }
        if value != 0 {
            return Some(FileKey(value));
        }
        if file.is_volume_open() {
            let by_address = self.index.get(instance.address().get()).map(FileKey);
            return Some(by_address.or_else(|| whole_by_context(instance)).unwrap_or(FileKey::UNKNOWN));
        }
        // Relaxed: see `insert_address`.
        if self.overflowed.load(Ordering::Relaxed) && irql::is_at_most(APC_LEVEL) {
            return Some(
                Context::<StreamContext>::of_stream(instance, file)
                    .map_or(FileKey::UNKNOWN, |stream| stream.key()),
            );
        }
        Some(FileKey::UNKNOWN)
    }

    /// Whether an open file is excluded.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn is_excluded(&self, file: FileObject<'_>) -> bool {
        let value = file.stream_address().and_then(|address| self.index.get(address.get()));
        value.is_some_and(|value| value & EXCLUDED != 0)
    }

    /// All of them, for delivery and diagnosis.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn shelf(&self) -> &Shelf<impl Entry> {
        &self.shelf
    }

    /// The key of an open file on whatever volume, without a call.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn key_by_address(&self, file: FileObject<'_>) -> FileKey {
        key_of_value(self.value_of(file))
    }

    /// The key of an open file, if it is found at the first place and not excluded. [`key_of`](Self::key_of) looks at all.
    ///
    /// Maximum IRQL: any.
    #[expect(clippy::inline_always, reason = "on the way of every write")]
    #[inline(always)]
    pub(crate) fn key_at_first(&self, file: FileObject<'_>) -> Option<FileKey> {
        let [value] = self.index.find_first(file.stream_address()?)?;
        if value.cast_signed() <= 0 {
            cold_path();
            return None;
        }
        Some(FileKey(value))
    }
}

/// What the index has for a stream with this key.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
fn judged(state: &State, dictionary: &Known, key: FileKey) -> u64 {
    let excluded = || {
        let file = dictionary.get(NonZeroU64::new(key.0)?)?;
        let path = file.info.path.as_deref()?;
        state.volumes.with_device(file.info.volume, |device| state.exclusions.cover_file(device, path))
    };
    if state.exclusions.has_paths() && excluded() == Some(true) { key.0 | EXCLUDED } else { key.0 }
}

/// Maximum IRQL: any.
fn key_of_value(value: u64) -> FileKey {
    FileKey(value & !EXCLUDED)
}

impl Entry for File {
    /// Maximum IRQL: any.
    fn write(&self, batch: &mut BatchWriter<'_>) -> core::result::Result<(), NoRoom> {
        let Self { key, info: FileInfo { volume, met, name_kind, path } } = self;
        batch.push_file(&FileEntry {
            key: *key,
            volume: *volume,
            met: *met,
            name_kind: *name_kind,
            path: path.as_deref().map_or(Text::EMPTY, Text::new),
            truncated: false,
        })
    }
}

/// The volume's key, from the context of the driver's instance on it.
///
/// Maximum IRQL: `DISPATCH_LEVEL`; above `APC_LEVEL` contexts cannot be had ("Writing postoperation callback routines").
fn whole_by_context(instance: Instance<'_>) -> Option<FileKey> {
    if !irql::is_at_most(APC_LEVEL) {
        return None;
    }
    Context::<InstanceContext>::of_instance(instance).map(|volume| volume.whole())
}
