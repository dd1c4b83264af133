//! What a thread carries into the requests that it makes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::Process;
use crate::abi::Ptr;
use crate::ke::Cpu;
use crate::ob::Arena;
use crate::se::Token;
use crate::util::Lock;

/// What a thread carries into the requests that it makes.
#[derive(Default)]
pub(crate) struct ThreadIo {
    /// The top-level IRP of a file system (ntifs, `IoGetTopLevelIrp`): an address, or one of its special values.
    top_level_irp: AtomicUsize,
    /// The token of the client that it impersonates.
    client: Lock<Option<Arc<Token>>>,
    /// An address that stands for the IRP that a file system is working on in this thread.
    irp: OnceLock<Ptr>,
    /// The processes that it has attached to, the last one last.
    attached: Lock<Vec<Arc<Process>>>,
}

impl ThreadIo {
    pub(crate) fn top_level_irp(&self) -> usize {
        // Relaxed, here and below: only the thread itself reads and writes it.
        self.top_level_irp.load(Ordering::Relaxed)
    }

    /// Sets the top-level IRP and returns the one before.
    pub(crate) fn set_top_level_irp(&self, irp: usize) -> usize {
        self.top_level_irp.swap(irp, Ordering::Relaxed)
    }

    pub(super) fn attached_to(&self) -> Option<Arc<Process>> {
        self.attached.lock().last().cloned()
    }

    pub(crate) fn attach(&self, process: Arc<Process>) {
        self.attached.lock().push(process);
    }

    /// Returns whether it was attached.
    pub(crate) fn detach(&self) -> bool {
        self.attached.lock().pop().is_some()
    }

    /// The IRP that a file system is working on.
    pub(crate) fn irp(&self, arena: &Arena) -> usize {
        self.irp.get_or_init(|| arena.allocate()).address()
    }

    pub(crate) fn client(&self) -> Option<Arc<Token>> {
        self.client.lock().clone()
    }

    pub(crate) fn impersonate(&self, client: Option<Arc<Token>>) {
        *self.client.lock() = client;
    }
}

/// `IoGetTopLevelIrp`.
pub(crate) fn get_top_level_irp(cpu: &Cpu) -> Ptr {
    Ptr::at(cpu.thread().io().top_level_irp())
}

/// `IoSetTopLevelIrp`.
pub(crate) fn set_top_level_irp(cpu: &Cpu, irp: Ptr) {
    cpu.thread().io().set_top_level_irp(irp.address());
}
