//! Where a thread takes back an operation whose post-operation callback must come in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::passage::Passage;
use crate::abi::Address;
use crate::ke::Cpu;
use crate::ke::scheduler::Stuck;
use crate::util::Lock;

/// A thread, and the operation that it waits for after `FLT_PREOP_SYNCHRONIZE` or in a create.
#[derive(Default)]
pub(super) struct Meeting {
    given: Lock<Option<Box<Passage>>>,
    /// Callbacks still to come in the thread.
    expected: AtomicUsize,
}

// The count is relaxed: only the thread itself uses it.
impl Meeting {
    fn key(self: &Arc<Self>) -> Address {
        Arc::as_ptr(self).addr()
    }

    /// One more callback is to come in the thread.
    pub(super) fn expect(&self) {
        self.expected.fetch_add(1, Ordering::Relaxed);
    }

    /// One has come.
    pub(super) fn settle(&self) {
        self.expected.fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn is_expected(&self) -> bool {
        self.expected.load(Ordering::Relaxed) > 0
    }

    /// Gives the operation to the thread.
    pub(super) fn give(self: &Arc<Self>, cpu: &Cpu, passage: Box<Passage>) {
        *self.given.lock() = Some(passage);
        cpu.kernel().scheduler.signal(self.key());
    }

    /// Waits for the operation.
    pub(super) fn take(self: &Arc<Self>, cpu: &Cpu) -> Result<Box<Passage>, Stuck> {
        let mut taken = None;
        cpu.kernel().scheduler.wait_unless_stuck(cpu, self.key(), || {
            taken = self.given.lock().take();
            taken.is_some()
        })?;
        Ok(taken.expect("the wait ends when the operation is there"))
    }
}
