//! How the file system answers an operation, and how one that pends is completed later.

use std::sync::Arc;

use super::resume;
use crate::abi::{Address, Parameters};
use crate::ex::work;
use crate::fltmgr::operation::Operation;
use crate::io::file::File;
use crate::io::request::IoStatus;
use crate::ke::Cpu;
use crate::util::Lock;

/// An operation as the lowest filter left it.
pub(crate) struct Arrival<'a> {
    pub(crate) parameters: Parameters,
    pub(crate) irp_flags: u32,
    pub(crate) operation_flags: u8,
    /// The flags that filters have changed.
    pub(crate) changed_irp_flags: u32,
    pub(crate) changed_operation_flags: u8,
    pub(crate) file: &'a Arc<File>,
    /// The identity of the requestor's process.
    pub(crate) process: Option<u64>,
    /// The operation as it was sent.
    pub(crate) operation: &'a Operation,
}

impl Arrival<'_> {
    /// What holds of the request: as it was sent, unless a filter changed the flag that says so.
    pub(crate) fn heed_irp_flag(&self, flag: u32, as_sent: bool) -> bool {
        if self.changed_irp_flags & flag == 0 { as_sent } else { self.irp_flags & flag != 0 }
    }

    /// Likewise of a flag of the stack location.
    pub(crate) fn heed_operation_flag(&self, flag: u8, as_sent: bool) -> bool {
        if self.changed_operation_flags & flag == 0 { as_sent } else { self.operation_flags & flag != 0 }
    }
}

/// Takes care that a pending operation is completed some time.
pub(crate) type Begin = Box<dyn FnOnce(&Cpu, Pended) + Send>;
/// Told how an operation ended.
pub(crate) type Completion = Box<dyn FnOnce(&Cpu, IoStatus) + Send>;

/// What becomes of an operation at the file system.
pub(crate) enum Answer {
    /// It ends now.
    Complete(IoStatus),
    /// It ends later: the closure takes care of that, and need not wait for it.
    Pend(Begin),
}

impl Answer {
    /// The work is done, and the operation completed, at `DISPATCH_LEVEL` in an arbitrary thread.
    pub(crate) fn later(work: impl FnOnce(&Cpu) -> IoStatus + Send + 'static) -> Self {
        Self::Pend(Box::new(|cpu, pended| {
            work::queue_dpc(cpu, move |cpu| {
                let ended = work(cpu);
                pended.complete(cpu, ended);
            });
        }))
    }
}

/// What the file system does with an operation; it may do so later and in another thread, and owns what it needs.
pub(crate) type Target = Box<dyn FnOnce(&Cpu, &Arrival<'_>) -> Answer + Send>;

/// An operation that pends at the file system.
#[must_use = "an operation that nobody completes hangs"]
pub(crate) struct Pended(pub(super) Waits);

/// Where an operation is that pends at the file system.
pub(super) enum Waits {
    /// In the list of operations that filters have seen.
    Listed(Address),
    /// No filter has seen it, so only its sender is told.
    Alone(Completion),
}

impl Pended {
    /// Completes the operation in the current thread, at the current IRQL.
    pub(crate) fn complete(self, cpu: &Cpu, ended: IoStatus) {
        match self.0 {
            Waits::Listed(data) => resume::arrived(cpu, data, ended),
            Waits::Alone(completion) => completion(cpu, ended),
        }
    }

    /// Whether it has been cancelled.
    pub(crate) fn is_cancelled(&self, cpu: &Cpu) -> bool {
        matches!(self.0, Waits::Listed(data) if cpu.kernel().filters.operations.is_cancelled(data))
    }

    /// Whether no filter has seen it, so that it is in no list of theirs.
    pub(crate) fn is_unseen(&self) -> bool {
        matches!(self.0, Waits::Alone(_))
    }
}

/// What became of an operation that its sender does not wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Submitted {
    /// It is complete.
    Completed(IoStatus),
    /// It will be completed in another thread.
    Pending,
}

/// Where a thread waits for an operation that has left it.
#[derive(Default)]
pub(super) struct Waiter(Lock<Option<IoStatus>>);

impl Waiter {
    fn key(self: &Arc<Self>) -> Address {
        Arc::as_ptr(self).addr()
    }

    /// The operation is complete.
    pub(super) fn complete(self: &Arc<Self>, cpu: &Cpu, ended: IoStatus) {
        *self.0.lock() = Some(ended);
        cpu.kernel().scheduler.signal(self.key());
    }

    /// Waits until it is.
    pub(super) fn wait(self: &Arc<Self>, cpu: &Cpu) -> IoStatus {
        loop {
            let mut ended = None;
            let waited = cpu.kernel().scheduler.wait_unless_stuck(cpu, self.key(), || {
                ended = *self.0.lock();
                ended.is_some()
            });
            match (waited, ended) {
                (Ok(()), Some(ended)) => return ended,
                (Ok(()), None) => unreachable!("the wait ends when the operation is complete"),
                (Err(stuck), _) => resume::rescue(cpu, stuck),
            }
        }
    }
}
