//! Volumes: what a volume key stands for.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicU64, Ordering};

use audit::batch::{BatchWriter, NoRoom};
use audit::dictionary::{Dictionary, Limits};
use audit::index::{AddressIndex, Bucket};
use audit::key::VolumeKey;
use audit::record::{Text, VolumeEntry};
use fltmgr::irql::{APC_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;
use fltmgr::{NtStatus, PushLock, Result};

use crate::memory::{Pool, TAG};
use crate::state;

const LIMITS: Limits = Limits { entries: 1 << 16, retired: 1 << 12, kept: 0, buckets: 1 << 8 };

/// Eight volumes each. Beyond them nothing keeps the driver from attaching to a volume twice.
const INDEX_BUCKETS: usize = 1 << 5;

/// A volume, as its record tells it.
pub(crate) struct VolumeInfo {
    /// When the driver attached to it.
    pub(crate) attached: u64,
    /// `FLT_FILESYSTEM_TYPE`
    pub(crate) file_system: u32,
    pub(crate) device: PoolArray<u16>,
    pub(crate) guid: Option<PoolArray<u16>>,
}

struct Volume {
    key: VolumeKey,
    info: VolumeInfo,
}

/// All volumes that the driver is attached to.
pub(crate) struct Volumes {
    dictionary: PushLock<Dictionary<Volume, Pool>>,
    /// Volume objects that the driver is attached to.
    attached: AddressIndex<'static>,
    next_key: AtomicU64,
    // what `attached` refers to: dropped after it
    _buckets: PoolArray<Bucket>,
}

/// A volume's key, for as long as the driver is attached to it.
pub(crate) struct VolumeRegistration {
    key: VolumeKey,
    address: u64,
}

impl VolumeRegistration {
    pub(crate) fn key(&self) -> VolumeKey {
        self.key
    }
}

impl Drop for VolumeRegistration {
    /// Maximum IRQL: `APC_LEVEL`.
    fn drop(&mut self) {
        // The state outlives all contexts, and registrations are in contexts.
        let Some(state) = state::get() else { return };
        if let Some(address) = NonZeroU64::new(self.address) {
            state.volumes.attached.remove(address, self.key.0);
        }
        if let Some(key) = NonZeroU64::new(self.key.0) {
            state.volumes.dictionary.exclusive().retire(key);
        }
    }
}

impl Volumes {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn try_new() -> Result<Self> {
        let dictionary = Dictionary::new(LIMITS).ok_or(NtStatus::INSUFFICIENT_RESOURCES)?;
        let buckets = PoolArray::try_from_fn(INDEX_BUCKETS, TAG, |_| Bucket::default())?;
        // SAFETY: the index is dropped with the buckets, and lends nothing.
        let detached = unsafe { buckets.detached() };
        Ok(Self {
            dictionary: PushLock::try_new(dictionary, TAG)?,
            attached: AddressIndex::new(detached).map_err(|_| NtStatus::INTERNAL_ERROR)?,
            next_key: AtomicU64::new(1),
            _buckets: buckets,
        })
    }

    /// Gives a volume a key.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    ///
    /// # Errors
    ///
    /// `STATUS_FLT_DO_NOT_ATTACH` when it has one; `STATUS_INSUFFICIENT_RESOURCES`.
    pub(crate) fn register(&self, address: u64, info: VolumeInfo) -> Result<VolumeRegistration> {
        assert_at_most(APC_LEVEL);
        let mut dictionary = self.dictionary.exclusive();
        if self.attached.get(address).is_some() {
            return Err(NtStatus::FLT_DO_NOT_ATTACH);
        }
        // Relaxed: only has to be another number each time.
        let number = self.next_key.fetch_add(1, Ordering::Relaxed);
        let (number, address) =
            NonZeroU64::new(number).zip(NonZeroU64::new(address)).ok_or(NtStatus::INTERNAL_ERROR)?;
        let key = VolumeKey(number.get());
        dictionary.add(number, Volume { key, info }).map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
        // A full index only means that a second attachment goes unnoticed.
        let _full = self.attached.insert(address, key.0);
        Ok(VolumeRegistration { key, address: address.get() })
    }

    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn begin_connection(&self) {
        self.dictionary.exclusive().begin_connection();
    }

    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn begin_cycle(&self) {
        self.dictionary.exclusive().begin_cycle();
    }

    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn complete_cycle(&self) {
        self.dictionary.exclusive().complete_cycle();
    }

    /// Writes what is unsent, as far as there is room.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn write_unsent(&self, batch: &mut BatchWriter<'_>) -> core::result::Result<(), NoRoom> {
        let mut dictionary = self.dictionary.exclusive();
        while let Some(volume) = dictionary.next() {
            batch.push_volume(&volume.record())?;
            dictionary.sent_next();
        }
        Ok(())
    }
}

impl Volume {
    fn record(&self) -> VolumeEntry<'_> {
        let Self { key, info: VolumeInfo { attached, file_system, device, guid } } = self;
        VolumeEntry {
            key: *key,
            attached: *attached,
            file_system: *file_system,
            device: Text::new(device),
            guid: guid.as_deref().map_or(Text::EMPTY, Text::new),
            truncated: false,
        }
    }
}
