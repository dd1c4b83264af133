//! Volumes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::namespace::Namespace;
use super::path;
use crate::abi::{Address, DeviceObject, Ptr, Shared, SharedText};
use crate::fltmgr::{ContextList, Stack};
use crate::ob::Arena;
use crate::sim::{FileSystem, SpecError, VolumeSpec};
use crate::status::NtStatus;
use crate::util::Lock;

/// `IO_TYPE_DEVICE`
const IO_TYPE_DEVICE: i16 = 3;
/// Sector size of every volume, in bytes.
pub(crate) const SECTOR_BYTES: u32 = 512;
/// Cluster size of every volume, in bytes.
pub(super) const CLUSTER_BYTES: i64 = 4096;

/// The least multiple of a unit that is not below an offset.
pub(crate) fn round_up(offset: i64, unit: i64) -> i64 {
    offset.saturating_add(unit - 1) / unit * unit
}

/// A mounted volume and what lies on it.
pub(crate) struct Volume {
    id: u64,
    spec: VolumeSpec,
    /// The `PFLT_VOLUME`.
    ptr: Ptr,
    device: Shared<DeviceObject>,
    /// That of the disk, for a volume that is local.
    disk: Option<Shared<DeviceObject>>,
    device_name: SharedText,
    guid_name: Option<SharedText>,
    pub(crate) names: Namespace,
    dismounted: AtomicBool,
    /// The file object by which the volume is locked.
    locked_by: Lock<Option<Address>>,
    pub(crate) filters: Stack,
    /// What filters attached to it.
    pub(crate) contexts: ContextList,
}

impl Volume {
    pub(super) fn new(id: u64, spec: VolumeSpec, arena: &Arena) -> Self {
        let device = Shared::new(device_object(device_type(&spec)));
        let is_local = spec.file_system != FileSystem::Lanman;
        let disk = is_local.then(|| Shared::new(device_object(FILE_DEVICE_DISK)));
        Self {
            id,
            ptr: arena.allocate(),
            device,
            disk,
            device_name: SharedText::new(spec.device.clone()),
            guid_name: spec.guid.clone().map(SharedText::new),
            spec,
            names: Namespace::default(),
            dismounted: AtomicBool::new(false),
            locked_by: Lock::default(),
            filters: Stack::default(),
            contexts: ContextList::default(),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn spec(&self) -> &VolumeSpec {
        &self.spec
    }

    pub(crate) fn ptr(&self) -> Ptr {
        self.ptr
    }

    // Relaxed, here and below: a request that is sent while the volume goes may fail or not.
    pub(crate) fn is_dismounted(&self) -> bool {
        self.dismounted.load(Ordering::Relaxed)
    }

    pub(super) fn set_dismounted(&self) {
        self.dismounted.store(true, Ordering::Relaxed);
    }

    /// Locks it by a file object, unless it is locked; returns whether it is now.
    pub(super) fn lock(&self, by: Address) -> bool {
        let mut locked_by = self.locked_by.lock();
        let free = locked_by.is_none();
        if free {
            *locked_by = Some(by);
        }
        free
    }

    /// Unlocks it; returns whether it was locked by that file object.
    pub(super) fn unlock(&self, by: Address) -> bool {
        let mut locked_by = self.locked_by.lock();
        let was_locked = *locked_by == Some(by);
        if was_locked {
            *locked_by = None;
        }
        was_locked
    }

    pub(super) fn is_locked_by_other(&self, than: Address) -> bool {
        self.locked_by.lock().is_some_and(|by| by != than)
    }

    pub(super) fn is_locked(&self) -> bool {
        self.locked_by.lock().is_some()
    }

    pub(crate) fn device(&self) -> Ptr {
        self.device.ptr().cast()
    }

    /// The device of the disk that it lies on.
    pub(crate) fn disk(&self) -> Option<Ptr> {
        self.disk.as_ref().map(|disk| disk.ptr().cast())
    }

    pub(crate) fn device_name(&self) -> &SharedText {
        &self.device_name
    }

    pub(crate) fn guid_name(&self) -> Option<&SharedText> {
        self.guid_name.as_ref()
    }

    pub(super) fn dos_name(&self) -> Option<&str> {
        self.spec.dos.as_deref()
    }

    pub(crate) fn is_network(&self) -> bool {
        self.spec.file_system == FileSystem::Lanman
    }

    /// `FILE_DEVICE_*` of the file system.
    pub(crate) fn device_type(&self) -> u32 {
        device_type(&self.spec)
    }
}

fn device_type(spec: &VolumeSpec) -> u32 {
    const FILE_DEVICE_DISK_FILE_SYSTEM: u32 = 0x08;
    const FILE_DEVICE_NETWORK_FILE_SYSTEM: u32 = 0x14;
    match spec.file_system {
        FileSystem::Lanman => FILE_DEVICE_NETWORK_FILE_SYSTEM,
        FileSystem::Ntfs | FileSystem::Fat | FileSystem::ExFat | FileSystem::Refs => {
            FILE_DEVICE_DISK_FILE_SYSTEM
        }
    }
}

/// `FILE_DEVICE_DISK`
const FILE_DEVICE_DISK: u32 = 0x07;

fn device_object(device_type: u32) -> DeviceObject {
    // SAFETY: every field of a `DeviceObject` is an integer, an address or an array of them: all zeroes are valid.
    let zeroed: DeviceObject = unsafe { std::mem::zeroed() };
    DeviceObject {
        kind: IO_TYPE_DEVICE,
        size: u16::try_from(size_of::<DeviceObject>()).expect("a device object is small"),
        reference_count: 1,
        device_type,
        stack_size: 1,
        sector_size: u16::try_from(SECTOR_BYTES).expect("sectors are small"),
        ..zeroed
    }
}

/// The volumes of one kernel, in the order in which they were mounted.
#[derive(Default)]
pub(crate) struct VolumeTable {
    volumes: Lock<Vec<Arc<Volume>>>,
    pub(super) offload: OffloadTokens,
}

/// The tokens that `FSCTL_OFFLOAD_READ` gave out, by identity: how many bytes each stands for.
#[derive(Default)]
pub(super) struct OffloadTokens(Lock<HashMap<u64, u64>>);

impl OffloadTokens {
    pub(super) fn issue(&self, length: u64) -> u64 {
        let mut tokens = self.0.lock();
        let id = tokens.len() as u64 + 1;
        tokens.insert(id, length);
        id
    }

    pub(super) fn length(&self, id: u64) -> Option<u64> {
        self.0.lock().get(&id).copied()
    }
}

/// Whether a path with this name before it can still be described.
fn is_short(name: &str) -> bool {
    /// The longest name of a volume, in bytes.
    const MAX_NAME_BYTES: usize = 200;
    name.len() <= MAX_NAME_BYTES
}

/// Form of a drive letter: `C:`.
fn is_drive_letter(name: &str) -> bool {
    matches!(name.as_bytes(), [letter, b':'] if letter.is_ascii_alphabetic())
}

impl VolumeTable {
    /// Mounts a volume; no filter attaches here.
    pub(crate) fn mount(&self, arena: &Arena, id: u64, spec: VolumeSpec) -> Result<Arc<Volume>, SpecError> {
        if !spec.device.starts_with(r"\Device\") || spec.device.ends_with('\\') {
            return Err(SpecError::BadName(spec.device, r"device name such as \Device\HarddiskVolume3"));
        }
        if let Some(dos) = spec.dos.as_ref().filter(|dos| !is_drive_letter(dos)) {
            return Err(SpecError::BadName(dos.clone(), "drive letter such as C:"));
        }
        if let Some(guid) = spec.guid.as_ref().filter(|guid| !guid.starts_with(r"\??\Volume{")) {
            return Err(SpecError::BadName(guid.clone(), r"volume GUID name such as \??\Volume{…}"));
        }
        if !is_short(&spec.device) || !spec.guid.as_deref().is_none_or(is_short) {
            return Err(SpecError::BadName(spec.device, "volume: a name is too long"));
        }
        let mut volumes = self.volumes.lock();
        for other in volumes.iter() {
            let same = |mine: Option<&str>, its: Option<&str>| {
                mine.zip(its)
                    .filter(|(mine, its)| mine.eq_ignore_ascii_case(its))
                    .map(|(mine, _)| mine.to_owned())
            };
            let taken = same(Some(&spec.device), Some(&other.spec.device))
                .or_else(|| same(spec.dos.as_deref(), other.spec.dos.as_deref()))
                .or_else(|| same(spec.guid.as_deref(), other.spec.guid.as_deref()));
            if let Some(name) = taken {
                return Err(SpecError::VolumeNameInUse(name));
            }
        }
        let volume = Arc::new(Volume::new(id, spec, arena));
        volumes.push(Arc::clone(&volume));
        Ok(volume)
    }

    /// A volume goes; its names may be used again.
    pub(super) fn remove(&self, volume: &Arc<Volume>) {
        self.volumes.lock().retain(|other| !Arc::ptr_eq(other, volume));
    }

    pub(crate) fn all(&self) -> Vec<Arc<Volume>> {
        self.volumes.lock().clone()
    }

    /// The volume that a path leads to, and the path on it.
    pub(crate) fn resolve(&self, path: &str) -> Option<(Arc<Volume>, String)> {
        path::resolve(path, &self.volumes.lock())
    }

    /// Makes a file of a given size exist.
    pub(crate) fn add_file(&self, path: &str, size: i64) -> Result<(), NtStatus> {
        let (volume, path) = self.resolve(path).ok_or(NtStatus::OBJECT_PATH_NOT_FOUND)?;
        volume.names.get_or_insert(&path, false, size).set_size(size);
        Ok(())
    }

    /// The NT form of a DOS path, where its volume is known.
    pub(crate) fn nt_path(&self, path: &str) -> String {
        match self.resolve(path) {
            Some((volume, rest)) => format!("{}{rest}", volume.device_name().as_str()),
            None => path.to_owned(),
        }
    }
}
