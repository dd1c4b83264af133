//! What there is, as far as it decides what can be done and what must be recorded.

use std::sync::Arc;

use crate::scenario::model::FileSystem;

pub(in crate::torture) struct KnownProcess {
    pub(in crate::torture) name: Arc<str>,
    pub(in crate::torture) pid: u32,
    pub(in crate::torture) image: Arc<str>,
    /// Whether its threads are the kernel's.
    pub(in crate::torture) kernel: bool,
    pub(in crate::torture) met: bool,
    pub(in crate::torture) alive: bool,
}

pub(in crate::torture) struct KnownThread {
    pub(in crate::torture) name: Arc<str>,
    pub(in crate::torture) tid: u32,
    pub(in crate::torture) process: usize,
    pub(in crate::torture) alive: bool,
    /// The processes that a driver has attached it to, the last one last.
    pub(in crate::torture) attached: Vec<usize>,
}

#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of the handle")]
pub(in crate::torture) struct KnownHandle {
    pub(in crate::torture) name: Arc<str>,
    pub(in crate::torture) process: usize,
    pub(in crate::torture) file: usize,
    pub(in crate::torture) read: bool,
    pub(in crate::torture) write: bool,
    pub(in crate::torture) append: bool,
    pub(in crate::torture) delete: bool,
    pub(in crate::torture) non_cached: bool,
    pub(in crate::torture) asynchronous: bool,
    /// The handle whose value it has: its own, or the one that it was inherited from.
    pub(in crate::torture) value: usize,
    pub(in crate::torture) transaction: Option<usize>,
    /// Good for nothing but being closed: its transaction has ended, or its volume is gone.
    pub(in crate::torture) dead: bool,
    pub(in crate::torture) open: bool,
}

pub(in crate::torture) struct KnownFile {
    pub(in crate::torture) path: Arc<str>,
    /// What it was called before, while it stayed open.
    pub(in crate::torture) earlier: Vec<Arc<str>>,
    /// Its other names, by hard links.
    pub(in crate::torture) links: Vec<Arc<str>>,
    /// Sections and views of it.
    pub(in crate::torture) mapped: u32,
    /// Requests on their way to it, or reading it.
    pub(in crate::torture) busy: u32,
    /// Whether it goes with its last handle.
    pub(in crate::torture) deleting: bool,
    pub(in crate::torture) volume: usize,
    pub(in crate::torture) exists: bool,
    /// At least this many bytes, unless others truncate it at the same time.
    pub(in crate::torture) size: i64,
    pub(in crate::torture) open: u32,
    /// Whether the driver has seen it opened in a way that makes it ask for the name.
    pub(in crate::torture) named: bool,
}

pub(in crate::torture) struct KnownVolume {
    pub(in crate::torture) drive: Arc<str>,
    pub(in crate::torture) file_system: FileSystem,
    /// Dismounted.
    pub(in crate::torture) gone: bool,
}

impl KnownThread {
    /// The process whose handles it uses.
    pub(in crate::torture) fn acts_in(&self) -> usize {
        self.attached.last().copied().unwrap_or(self.process)
    }
}

impl KnownFile {
    /// Whether its size and existence must stay as they are: it is mapped, or a request is on its way.
    pub(in crate::torture) fn is_held(&self) -> bool {
        self.mapped > 0 || self.busy > 0
    }
}

impl KnownProcess {
    /// Whether its threads are a user's.
    pub(in crate::torture) fn is_user(&self) -> bool {
        !self.kernel
    }
}
