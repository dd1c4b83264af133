//! Objects that drivers hold pointers and handles to.

mod arena;
pub(crate) mod callbacks;
pub(crate) mod event;
mod handle;
pub(crate) mod routines;

pub(crate) use arena::Arena;
pub(crate) use handle::HandleTable;

use self::event::EventObject;
use std::sync::Arc;

use crate::abi::{Address, Ptr};
use crate::cm::KeyObject;
use crate::io::file::File;
use crate::io::transaction::TransactionObject;
use crate::io::volume::Volume;
use crate::mm::data_scan::DataScan;
use crate::ps::{Process, Thread};
use crate::se::Token;
use crate::util::{AddressMap, Lock};

/// An object, by type.
#[derive(Clone)]
pub(crate) enum Object {
    Process(Arc<Process>),
    Thread(Arc<Thread>),
    File(Arc<File>),
    Token(Arc<Token>),
    /// The device of a volume.
    Device(Arc<Volume>),
    Transaction(Arc<TransactionObject>),
    Key(Arc<KeyObject>),
    /// A section that a filter has made.
    Section(Arc<DataScan>),
    Event(Arc<EventObject>),
}

impl Object {
    /// What it is, in words.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Process(process) => format!("process {}", process.pid()),
            Self::Thread(thread) => format!("thread {}", thread.tid()),
            Self::File(file) => format!("file {}", file.path()),
            Self::Token(_) => "token".to_owned(),
            Self::Device(volume) => format!("device {}", volume.device_name().as_str()),
            Self::Key(key) => format!("key {}", key.path()),
            Self::Transaction(transaction) => format!("transaction {}", transaction.id()),
            Self::Section(section) => format!("section of {}", section.file().path()),
            Self::Event(event) => format!("event {}", event.name()).trim_end().to_owned(),
        }
    }

    /// Its type, in words.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Process(_) => "process",
            Self::Thread(_) => "thread",
            Self::File(_) => "file object",
            Self::Token(_) => "token",
            Self::Device(_) => "device object",
            Self::Transaction(_) => "transaction",
            Self::Key(_) => "key",
            Self::Section(_) => "section",
            Self::Event(_) => "event",
        }
    }
}

struct Entry {
    object: Object,
    /// References that drivers hold, by who took them.
    references: Vec<u64>,
    /// Whether the system keeps it, references or not.
    kept: bool,
}

impl Entry {
    /// Whether a driver holds a reference.
    fn is_referenced(&self) -> bool {
        self.references.iter().any(|owner| *owner != SYSTEM)
    }
}

/// The objects of one kernel, by address.
///
/// A pointer stays valid while the system keeps the object or a driver holds a reference; afterwards every use is
/// noticed, since an address is never given to another object (but to a thread, on a machine that reuses those).
#[derive(Default)]
pub(crate) struct Objects {
    table: Lock<AddressMap<Entry>>,
    /// Addresses of threads that are gone, the last one last, where they are given to new threads.
    gone_threads: Option<Lock<Vec<Ptr>>>,
}

/// The owner of references and handles that are the system's own.
pub(crate) const SYSTEM: u64 = 0;

/// What became of a reference.
pub(crate) enum Released {
    /// There are more.
    Kept(usize),
    /// It was the last, and the system does not keep the object either.
    Gone(Object),
    /// There was none.
    NotHeld(Object),
    /// There is no such object.
    Unknown,
}

impl Objects {
    /// No objects; whether the addresses of threads that are gone are given to new ones.
    pub(crate) fn new(reuse_threads: bool) -> Self {
        Self { table: Lock::default(), gone_threads: reuse_threads.then(Lock::default) }
    }

    /// The address of the thread that went last, to be given to a new one.
    pub(crate) fn take_thread_address(&self) -> Option<Ptr> {
        self.gone_threads.as_ref()?.lock().pop()
    }

    fn gone(&self, object: &Object) {
        if let (Some(gone), Object::Thread(thread)) = (&self.gone_threads, object) {
            gone.lock().push(thread.ptr());
        }
    }

    pub(crate) fn insert(&self, address: Address, object: Object) {
        self.table.lock().insert(address, Entry { object, references: Vec::new(), kept: true });
    }

    /// The system no longer keeps the object. Returns whether it is gone, because no driver holds a reference.
    pub(crate) fn retire(&self, address: Address) -> bool {
        let mut table = self.table.lock();
        match table.get_mut(&address) {
            Some(entry) if !entry.references.is_empty() => {
                entry.kept = false;
                false
            }
            Some(_) => {
                if let Some(entry) = table.remove(&address) {
                    self.gone(&entry.object);
                }
                true
            }
            None => true,
        }
    }

    pub(crate) fn get(&self, object: Ptr) -> Option<Object> {
        self.table.lock().get(&object.address()).map(|entry| entry.object.clone())
    }

    pub(crate) fn process(&self, object: Ptr) -> Option<Arc<Process>> {
        match &self.table.lock().get(&object.address())?.object {
            Object::Process(process) => Some(Arc::clone(process)),
            _ => None,
        }
    }

    pub(crate) fn thread(&self, object: Ptr) -> Option<Arc<Thread>> {
        match &self.table.lock().get(&object.address())?.object {
            Object::Thread(thread) => Some(Arc::clone(thread)),
            _ => None,
        }
    }

    pub(crate) fn file(&self, object: Ptr) -> Option<Arc<File>> {
        match &self.table.lock().get(&object.address())?.object {
            Object::File(file) => Some(Arc::clone(file)),
            _ => None,
        }
    }

    pub(crate) fn token(&self, object: Ptr) -> Option<Arc<Token>> {
        match &self.table.lock().get(&object.address())?.object {
            Object::Token(token) => Some(Arc::clone(token)),
            _ => None,
        }
    }

    /// Adds a driver's reference; `None` if there is no such object.
    pub(crate) fn reference(&self, object: Ptr, owner: u64) -> Option<usize> {
        let mut table = self.table.lock();
        let entry = table.get_mut(&object.address())?;
        entry.references.push(owner);
        Some(entry.references.len())
    }

    /// Adds a reference of the system's to an object that has gone, maybe, and is there again while it has it.
    ///
    /// Returns the pointer that it was given.
    pub(crate) fn keep(&self, address: Ptr, object: Object) -> Ptr {
        let mut table = self.table.lock();
        let entry = table.entry(address.address()).or_insert_with(|| {
            if let Some(gone) = &self.gone_threads {
                gone.lock().retain(|thread| *thread != address);
            }
            Entry { object, references: Vec::new(), kept: false }
        });
        entry.references.push(SYSTEM);
        address
    }

    /// Adds a driver's reference to a device of a volume.
    pub(crate) fn reference_device(&self, volume: &Arc<Volume>, device: Ptr, owner: u64) {
        let mut table = self.table.lock();
        let entry = table.entry(device.address()).or_insert_with(|| Entry {
            object: Object::Device(Arc::clone(volume)),
            references: Vec::new(),
            kept: true,
        });
        entry.references.push(owner);
    }

    /// Whether a driver holds a reference.
    pub(crate) fn is_referenced(&self, object: Ptr) -> bool {
        self.table.lock().get(&object.address()).is_some_and(Entry::is_referenced)
    }

    /// Whether a driver holds a reference to a thread of that process.
    pub(crate) fn has_referenced_thread_of(&self, process: &Arc<Process>) -> bool {
        self.table.lock().values().any(|entry| match &entry.object {
            Object::Thread(thread) => entry.is_referenced() && Arc::ptr_eq(thread.process(), process),
            _ => false,
        })
    }

    /// Takes a reference away: the driver's own if it holds one, else one that another gave it.
    pub(crate) fn dereference(&self, object: Ptr, owner: u64) -> Released {
        let mut table = self.table.lock();
        let Some(entry) = table.get_mut(&object.address()) else { return Released::Unknown };
        let own = entry.references.iter().position(|of| *of == owner);
        let Some(position) = own.or(entry.references.len().checked_sub(1)) else {
            return Released::NotHeld(entry.object.clone());
        };
        entry.references.swap_remove(position);
        if !entry.references.is_empty() || entry.kept {
            return Released::Kept(entry.references.len());
        }
        match table.remove(&object.address()) {
            Some(entry) => {
                self.gone(&entry.object);
                Released::Gone(entry.object)
            }
            None => Released::Unknown,
        }
    }

    /// Takes away the references that a driver still holds. Returns the objects, with how many.
    pub(crate) fn take_all_of(&self, owner: u64) -> Vec<(Object, usize)> {
        let mut taken = Vec::new();
        self.table.lock().retain(|_, entry| {
            let before = entry.references.len();
            entry.references.retain(|of| *of != owner);
            let count = before - entry.references.len();
            if count > 0 {
                taken.push((entry.object.clone(), count));
            }
            let stays = entry.kept || !entry.references.is_empty();
            if !stays {
                self.gone(&entry.object);
            }
            stays
        });
        taken
    }
}
