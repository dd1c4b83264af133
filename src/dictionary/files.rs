//! Files: what a file key stands for, and how a file object leads to its key.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use audit::batch::{BatchWriter, NoRoom};
use audit::dictionary::Limits;
use audit::index::{AddressIndex, Bucket};
use audit::key::{FileKey, VolumeKey};
use audit::record::{FileEntry, NameKind, Text};
use fltmgr::irql::{APC_LEVEL, DISPATCH_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;
use fltmgr::{Context, FileObject, Instance, NtStatus, Result};

use super::shelf::{Entry, Shelf};
use crate::instance::InstanceContext;
use crate::memory::TAG;
use crate::streams::StreamContext;

/// Two million streams; memory is taken as they come. Retired entries that nobody fetches: as many as a ring of 16 Mi
/// holds writes, if each were to another file.
const LIMITS: Limits = Limits { entries: 1 << 21, retired: 1 << 16, kept: 0, buckets: 1 << 15 };

/// Eight streams each; 3 MiB. With more open streams than that, the context is asked.
const INDEX_BUCKETS: usize = 1 << 14;

/// A file, as its record tells it.
pub(crate) struct FileInfo {
    pub(crate) volume: VolumeKey,
    /// When it was met first.
    pub(crate) met: u64,
    pub(crate) name_kind: NameKind,
    /// On the volume; the volume itself has none.
    pub(crate) path: Option<PoolArray<u16>>,
}

struct File {
    key: FileKey,
    info: FileInfo,
}

/// All files that have a key.
pub(crate) struct Files {
    shelf: Shelf<File>,
    index: AddressIndex<'static>,
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

    /// Gives a file a key. `None` when there is no room, which is counted.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn add(&self, info: FileInfo) -> Option<FileKey> {
        assert_at_most(APC_LEVEL);
        // Relaxed: only has to be another number each time.
        let number = NonZeroU64::new(self.next_key.fetch_add(1, Ordering::Relaxed))?;
        let key = FileKey(number.get());
        self.shelf.add(number, File { key, info }).ok().map(|()| key)
    }

    /// Lets a key be found by the address that all opens of the stream share.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL`.
    pub(crate) fn insert_address(&self, address: NonZeroU64, key: FileKey) {
        assert_at_most(DISPATCH_LEVEL);
        if self.index.insert(address, key.0).is_err() {
            // Relaxed: whoever misses it for a moment takes the stream for one without a key.
            self.overflowed.store(true, Ordering::Relaxed);
        }
    }

    /// A stream is gone.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn retire(&self, key: FileKey, address: NonZeroU64) {
        assert_at_most(APC_LEVEL);
        self.index.remove(address, key.0);
        self.retire_unaddressed(key);
    }

    /// Something without an address is gone.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn retire_unaddressed(&self, key: FileKey) {
        assert_at_most(APC_LEVEL);
        if let Some(key) = NonZeroU64::new(key.0) {
            self.shelf.retire(key);
        }
    }

    /// The key of an open file, or of the volume when that itself is open.
    ///
    /// Maximum IRQL: `APC_LEVEL`; no lock, and almost always no call.
    #[inline]
    pub(crate) fn key_of(&self, instance: Instance<'_>, file: FileObject<'_>) -> FileKey {
        let key = self.key_by_address(file);
        if key.is_known() {
            return key;
        }
        if file.is_volume_open() {
            return Context::<InstanceContext>::of_instance(instance)
                .map_or(FileKey::UNKNOWN, |volume| volume.whole());
        }
        // Relaxed: see `insert_address`.
        if self.overflowed.load(Ordering::Relaxed) {
            return Context::<StreamContext>::of_stream(instance, file)
                .map_or(FileKey::UNKNOWN, |stream| stream.key());
        }
        FileKey::UNKNOWN
    }

    /// All of them, for delivery and diagnosis.
    pub(crate) fn shelf(&self) -> &Shelf<impl Entry> {
        &self.shelf
    }

    /// The key of an open file on whatever volume, without a call.
    ///
    /// Maximum IRQL: any.
    #[inline]
    pub(crate) fn key_by_address(&self, file: FileObject<'_>) -> FileKey {
        let key = file.stream_address().and_then(|address| self.index.get(address.get()));
        key.map_or(FileKey::UNKNOWN, FileKey)
    }
}

impl Entry for File {
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
