//! What there is, as far as it decides what can be done and what must be recorded.

use std::sync::Arc;

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
}

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
    pub(in crate::torture) open: bool,
}

pub(in crate::torture) struct KnownFile {
    pub(in crate::torture) path: Arc<str>,
    /// What it was called before, while it stayed open.
    pub(in crate::torture) earlier: Vec<Arc<str>>,
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
    pub(in crate::torture) refs: bool,
    /// Whether it knows `FSCTL_SET_ZERO_DATA`.
    pub(in crate::torture) zeroes: bool,
}

impl KnownProcess {
    /// Whether its threads are a user's.
    pub(in crate::torture) fn is_user(&self) -> bool {
        !self.kernel
    }
}
