//! Volumes: what a volume key stands for.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicU64, Ordering};

use audit::batch::{BatchWriter, NoRoom};
use audit::dictionary::Limits;
use audit::index::{AddressIndex, Bucket};
use audit::key::VolumeKey;
use audit::record::{Text, VolumeEntry};
use fltmgr::irql::{APC_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;
use fltmgr::{NtStatus, Result};

use super::shelf::{Entry, Shelf};
use crate::memory::TAG;
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

pub(super) struct Volume {
    pub(super) key: VolumeKey,
    pub(super) info: VolumeInfo,
}

/// All volumes that the driver is attached to.
pub(crate) struct Volumes {
    shelf: Shelf<Volume>,
    /// Volume objects that the driver is attached to.
    attached: AddressIndex<'static, INDEX_BUCKETS>,
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
    /// Maximum IRQL: any.
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
            state.volumes.shelf.retire(key);
        }
    }
}

impl Volumes {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn try_new() -> Result<Self> {
        let buckets = PoolArray::try_from_fn(INDEX_BUCKETS, TAG, |_| Bucket::default())?;
        // SAFETY: the index is dropped with the buckets, and lends nothing.
        let detached = unsafe { buckets.detached() };
        Ok(Self {
            shelf: Shelf::try_new(LIMITS)?,
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
        // Relaxed: only has to be another number each time.
        let number = self.next_key.fetch_add(1, Ordering::Relaxed);
        let (number, place) =
            NonZeroU64::new(number).zip(NonZeroU64::new(address)).ok_or(NtStatus::INTERNAL_ERROR)?;
        let key = VolumeKey(number.get());
        self.shelf.with(|dictionary| {
            if self.attached.get(address).is_some() {
                return Err(NtStatus::FLT_DO_NOT_ATTACH);
            }
            dictionary.add(number, Volume { key, info }).map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?;
            // A full index only means that a second attachment goes unnoticed.
            let _full = self.attached.insert(place, key.0);
            Ok(VolumeRegistration { key, address })
        })
    }

    /// Shows the device name of a volume.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn with_device<R>(&self, volume: VolumeKey, visit: impl FnOnce(&[u16]) -> R) -> Option<R> {
        assert_at_most(APC_LEVEL);
        let key = NonZeroU64::new(volume.0)?;
        self.shelf.read(|dictionary| dictionary.get(key).map(|volume| visit(&volume.info.device)))
    }

    /// All of them, for delivery.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn shelf(&self) -> &Shelf<impl Entry> {
        &self.shelf
    }
}

impl Entry for Volume {
    /// Maximum IRQL: any.
    fn write(&self, batch: &mut BatchWriter<'_>) -> core::result::Result<(), NoRoom> {
        let Self { key, info: VolumeInfo { attached, file_system, device, guid } } = self;
        batch.push_volume(&VolumeEntry {
            key: *key,
            attached: *attached,
            file_system: *file_system,
            device: Text::new(device),
            guid: guid.as_deref().map_or(Text::EMPTY, Text::new),
            truncated: false,
        })
    }
}
