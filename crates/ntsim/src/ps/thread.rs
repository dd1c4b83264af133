//! A thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering};

use super::Process;
use super::thread_io::ThreadIo;
use crate::abi::Ptr;
use crate::sim::ProcessKind;

/// The priority of a thread unless somebody set it: the middle of the variable class (wdm, `KeSetPriorityThread`).
pub(super) const USUAL_PRIORITY: i32 = 8;

/// Who makes a thread run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadKind {
    /// The harness acts in its name.
    Simulated,
    /// The system's own.
    System,
    /// A driver made it.
    Driver,
}

/// A thread, running or ended. Its address is opaque, and never another's unless the machine reuses those
/// ([`crate::Config::reuse_threads`]); its TID may be.
pub(crate) struct Thread {
    pub(super) id: u64,
    pub(super) ptr: Ptr,
    pub(super) tid: u32,
    pub(super) process: Arc<Process>,
    pub(super) kind: ThreadKind,
    pub(super) processor: u32,
    pub(super) terminating: AtomicBool,
    pub(super) ended: AtomicBool,
    /// Depth of critical regions (`KernelApcDisable`).
    pub(super) critical_regions: AtomicU32,
    /// Number of push locks held.
    pub(super) push_locks: AtomicU32,
    /// At which it would run if the schedule heeded that.
    pub(super) priority: AtomicI32,
    /// What it carries into its requests.
    pub(super) io: ThreadIo,
}

// Every atomic here is relaxed: a thread's state is changed by the thread itself, or under the machine's lock or the
// baton, which order it.
impl Thread {
    /// Identity within the simulation, never used twice.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn ptr(&self) -> Ptr {
        self.ptr
    }

    pub(crate) fn tid(&self) -> u32 {
        self.tid
    }

    pub(crate) fn priority(&self) -> i32 {
        self.priority.load(Ordering::Relaxed)
    }

    /// Sets the priority and returns the one before.
    pub(crate) fn set_priority(&self, priority: i32) -> i32 {
        self.priority.swap(priority, Ordering::Relaxed)
    }

    /// What it carries into its requests.
    pub(crate) fn io(&self) -> &ThreadIo {
        &self.io
    }

    /// The process that owns the thread.
    pub(crate) fn process(&self) -> &Arc<Process> {
        &self.process
    }

    pub(crate) fn kind(&self) -> ThreadKind {
        self.kind
    }

    /// The processor that it runs on.
    pub(crate) fn processor(&self) -> u32 {
        self.processor
    }

    /// Whether it was created as a system thread (`PsIsSystemThread`).
    pub(crate) fn is_system(&self) -> bool {
        self.kind != ThreadKind::Simulated
            || self.process.is_system()
            || self.process.kind() == ProcessKind::Minimal
    }

    /// Whether it is on its way out (`PsIsThreadTerminating`): from before anybody is told of that.
    pub(crate) fn is_terminating(&self) -> bool {
        self.terminating.load(Ordering::Relaxed) || self.has_ended()
    }

    pub(super) fn terminate(&self) {
        self.terminating.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn critical_regions(&self) -> u32 {
        self.critical_regions.load(Ordering::Relaxed)
    }

    pub(crate) fn set_critical_regions(&self, depth: u32) {
        self.critical_regions.store(depth, Ordering::Relaxed);
    }

    pub(crate) fn push_locks(&self) -> u32 {
        self.push_locks.load(Ordering::Relaxed)
    }

    pub(crate) fn set_push_locks(&self, count: u32) {
        self.push_locks.store(count, Ordering::Relaxed);
    }
}
