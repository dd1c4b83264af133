//! Where debuggers find what entries say, and nothing else knows it by.

use core::mem::offset_of;

use audit::attribution::ProcessKind;
use audit::debug::{DictionaryItems, Item, Items};
use audit::key::{FileKey, ProcessKey, VolumeKey};
use audit::record::{NameKind, Sid};
use fltmgr::pool::PoolArray;

use super::capture::ProcessInfo;
use super::files::File;
use super::shelf::Shelf;
use super::volumes::Volume;

/// The size of an array from pool that may be missing.
const TEXT: usize = size_of::<Option<PoolArray<u16>>>();

/// What a debugger is told of the files.
#[repr(C)]
pub(crate) struct FileItems {
    pub(crate) dictionary: DictionaryItems,
    key: Item,
    volume: Item,
    met: Item,
    name_kind: Item,
    opened: Item,
    path: Item,
}

impl FileItems {
    pub(crate) const fn new() -> Self {
        const GROUP: &str = "file";
        Self {
            dictionary: DictionaryItems::new("files", &Shelf::<File>::LAYOUT),
            key: Item::field(GROUP, "key", offset_of!(File, key), size_of::<FileKey>()),
            volume: Item::field(GROUP, "volume", offset_of!(File, info.volume), size_of::<VolumeKey>()),
            met: Item::field(GROUP, "met", offset_of!(File, info.met), size_of::<u64>()),
            name_kind: Item::field(
                GROUP,
                "name-kind",
                offset_of!(File, info.name_kind),
                size_of::<NameKind>(),
            ),
            opened: Item::constant(GROUP, "opened", NameKind::Opened as u64),
            path: Item::field(GROUP, "path", offset_of!(File, info.path), TEXT),
        }
    }
}

/// What a debugger is told of the processes.
#[repr(C)]
pub(crate) struct ProcessItems {
    pub(crate) dictionary: DictionaryItems,
    key: Item,
    id: Item,
    kind: Item,
    kernel: Item,
    created: Item,
    parent: Item,
    parent_id: Item,
    session: Item,
    no_session: Item,
    user: Item,
    image: Item,
}

impl ProcessItems {
    pub(crate) const fn new() -> Self {
        const GROUP: &str = "process";
        Self {
            dictionary: DictionaryItems::new("processes", &Shelf::<ProcessInfo>::LAYOUT),
            key: Item::field(GROUP, "key", offset_of!(ProcessInfo, key), size_of::<ProcessKey>()),
            id: Item::field(GROUP, "id", offset_of!(ProcessInfo, id), size_of::<u32>()),
            kind: Item::field(GROUP, "kind", offset_of!(ProcessInfo, kind), size_of::<ProcessKind>()),
            kernel: Item::constant(GROUP, "kernel", ProcessKind::Kernel as u64),
            created: Item::field(GROUP, "created", offset_of!(ProcessInfo, created), size_of::<u64>()),
            parent: Item::field(GROUP, "parent", offset_of!(ProcessInfo, parent), size_of::<ProcessKey>()),
            parent_id: Item::field(GROUP, "parent-id", offset_of!(ProcessInfo, parent_id), size_of::<u32>()),
            session: Item::field(GROUP, "session", offset_of!(ProcessInfo, session), size_of::<u32>()),
            no_session: Item::constant(GROUP, "no-session", ProcessInfo::NO_SESSION as u64),
            user: Item::field(GROUP, "user", offset_of!(ProcessInfo, user), Sid::MAX_SIZE),
            image: Item::field(GROUP, "image", offset_of!(ProcessInfo, image), TEXT),
        }
    }
}

/// What a debugger is told of the volumes.
#[repr(C)]
pub(crate) struct VolumeItems {
    pub(crate) dictionary: DictionaryItems,
    key: Item,
    attached: Item,
    file_system: Item,
    device: Item,
    guid: Item,
}

impl VolumeItems {
    pub(crate) const fn new() -> Self {
        const GROUP: &str = "volume";
        Self {
            dictionary: DictionaryItems::new("volumes", &Shelf::<Volume>::LAYOUT),
            key: Item::field(GROUP, "key", offset_of!(Volume, key), size_of::<VolumeKey>()),
            attached: Item::field(GROUP, "attached", offset_of!(Volume, info.attached), size_of::<u64>()),
            file_system: Item::field(
                GROUP,
                "file-system",
                offset_of!(Volume, info.file_system),
                size_of::<u32>(),
            ),
            device: Item::field(GROUP, "device", offset_of!(Volume, info.device), TEXT),
            guid: Item::field(GROUP, "guid", offset_of!(Volume, info.guid), TEXT),
        }
    }
}

/// Maximum IRQL of all of it: any.
impl Items for FileItems {
    fn clear(&self) {
        self.dictionary.clear();
    }
}

/// Maximum IRQL of all of it: any.
impl Items for ProcessItems {
    fn clear(&self) {
        self.dictionary.clear();
    }
}

/// Maximum IRQL of all of it: any.
impl Items for VolumeItems {
    fn clear(&self) {
        self.dictionary.clear();
    }
}
