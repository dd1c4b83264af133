//! A processor as it executes: which kernel, which thread, which IRQL, and how deep in which driver.
//!
//! Each OS thread that is inside the simulation is one processor. Routines find theirs through a thread-local.

mod call;
mod entry;
mod report;

pub(crate) use call::invoke;
pub(crate) use entry::{Entry, Frame};

use std::cell::{Cell, OnceCell, RefCell};
use std::ptr;
use std::sync::Arc;

use crate::exports::Routine;
use crate::fltmgr::Operation;
use crate::io::driver::Driver;
use crate::io::irp;
use crate::ke::crash::{Exit, Fault};
use crate::ke::escape::EscapePoint;
use crate::ke::host_thread;
use crate::ke::irql::Irql;
use crate::ke::scheduler::Baton;
use crate::ke::step::Instructions;
use crate::ke::stopwatch::Stopwatch;
use crate::kernel::Kernel;
use crate::ob::SYSTEM;
use crate::ps::Thread;
use crate::sim::Schedule;
use crate::verifier::site::Site;

/// A processor as it executes.
pub(crate) struct Cpu {
    kernel: Arc<Kernel>,
    thread: RefCell<Arc<Thread>>,
    irql: Cell<Irql>,
    frames: RefCell<Vec<Frame>>,
    /// The routine that the driver is in.
    pub(crate) routine: Cell<Option<&'static Routine>>,
    /// The routine that was last made to fail since the driver was entered.
    pub(crate) injected: Cell<Option<&'static Routine>>,
    /// Whether the driver got something from a consumer since it was entered.
    pub(crate) heard: Cell<bool>,
    /// Where in the driver a fault came from that no stage dealt with.
    pub(crate) fault_site: RefCell<Option<Site>>,
    /// Whether this processor has made inaccessible what is pageable.
    closed: Cell<bool>,
    /// Where leaving the driver leads; NULL while no driver code is on the stack, and this is no kernel thread.
    base: Cell<*mut EscapePoint>,
    /// Set by the signal handler, which then leaves the driver.
    pub(crate) fault: Cell<Option<Fault>>,
    /// Set by whoever leaves the driver deliberately.
    exit: Cell<Option<Exit>>,
    /// What calls of drivers below the current one have taken, while calls are measured.
    pub(in crate::ke) below: Cell<Instructions>,
    /// How long the current one takes.
    pub(crate) stopwatch: Stopwatch,
    /// The baton, if this is a driver's thread; the harness's thread has none.
    baton: Option<Arc<Baton>>,
    /// The System worker that this processor acts as when something is the system's to do.
    worker: OnceCell<Arc<Thread>>,
}

impl Drop for Cpu {
    fn drop(&mut self) {
        if let Some(worker) = self.worker.take() {
            self.kernel.return_worker(worker);
        }
    }
}

thread_local! {
    static CURRENT: Cell<*const Cpu> = const { Cell::new(ptr::null()) };
}

/// The current processor and the way out of the driver, if this thread is in driver code: for the signal handler.
pub(crate) fn in_driver() -> Option<(&'static Cpu, *mut EscapePoint)> {
    // SAFETY: `CURRENT` is null or points to a `Cpu` that lives while it is set; the handler is gone before that ends.
    let cpu = unsafe { CURRENT.get().as_ref() }?;
    let point = cpu.base.get();
    (!point.is_null()).then_some((cpu, point))
}

/// Whether this OS thread is inside a simulation.
pub(crate) fn is_inside() -> bool {
    !CURRENT.get().is_null()
}

/// Gives work the current processor.
///
/// # Panics
///
/// If this OS thread is not inside a simulation.
pub(crate) fn with_current<R>(work: impl FnOnce(&Cpu) -> R) -> R {
    // SAFETY: `CURRENT` is null or points to a `Cpu` that lives while it is set, and `work` cannot keep the reference.
    let cpu = unsafe { CURRENT.get().as_ref() }.expect("routines are called from inside a simulation");
    work(cpu)
}

impl Cpu {
    pub(crate) fn new(kernel: Arc<Kernel>, thread: Arc<Thread>, baton: Option<Arc<Baton>>) -> Self {
        Self {
            kernel,
            thread: RefCell::new(thread),
            irql: Cell::new(Irql::PASSIVE),
            frames: RefCell::default(),
            routine: Cell::new(None),
            injected: Cell::new(None),
            heard: Cell::new(false),
            fault_site: RefCell::default(),
            closed: Cell::new(false),
            base: Cell::new(ptr::null_mut()),
            fault: Cell::new(None),
            exit: Cell::new(None),
            below: Cell::default(),
            stopwatch: Stopwatch::default(),
            baton,
            worker: OnceCell::new(),
        }
    }

    /// A processor of the harness's thread that acts as a System worker.
    pub(crate) fn of_system(kernel: Arc<Kernel>) -> Self {
        let worker = kernel.take_worker();
        let cpu = Self::new(kernel, Arc::clone(&worker), None);
        let _ = cpu.worker.set(worker);
        cpu
    }

    /// Runs work with this processor as the OS thread's.
    pub(crate) fn execute<R>(&self, work: impl FnOnce(&Self) -> R) -> R {
        struct Restore(*const Cpu);
        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }
        let _restore = Restore(CURRENT.replace(self));
        work(self)
    }

    pub(crate) fn kernel(&self) -> &Arc<Kernel> {
        &self.kernel
    }

    pub(crate) fn baton(&self) -> Option<&Arc<Baton>> {
        self.baton.as_ref()
    }

    /// A System worker, in whose name nobody else acts as long as this processor lives.
    pub(crate) fn system_worker(&self) -> &Arc<Thread> {
        self.worker.get_or_init(|| self.kernel.take_worker())
    }

    pub(crate) fn thread(&self) -> Arc<Thread> {
        self.thread.borrow().clone()
    }

    /// Runs work in the context of another thread.
    pub(crate) fn in_thread<R>(&self, thread: &Arc<Thread>, work: impl FnOnce() -> R) -> R {
        struct Restore<'a>(&'a Cpu, Option<Arc<Thread>>);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                if let Some(thread) = self.1.take() {
                    self.0.thread.replace(thread);
                    self.0.show_thread();
                }
            }
        }
        let outer = self.thread.replace(Arc::clone(thread));
        let _restore = Restore(self, Some(outer));
        self.show_thread();
        work()
    }

    /// Lets driver code that is on the stack see the current thread by way of `gs:`.
    fn show_thread(&self) {
        if !self.base.get().is_null() {
            let thread = self.thread.borrow();
            host_thread::set_current(thread.ptr(), thread.processor());
        }
    }

    pub(crate) fn irql(&self) -> Irql {
        self.irql.get()
    }

    pub(crate) fn set_irql(&self, irql: Irql) {
        self.irql.set(irql);
        self.close_pageable();
    }

    /// Makes what is pageable inaccessible while a driver must not touch it, and accessible again afterwards. Where
    /// threads run at once it stays accessible: memory has one protection for all of them.
    fn close_pageable(&self) {
        let pageable = &self.kernel.pool.pageable;
        if pageable.is_empty() && !self.closed.get() {
            return;
        }
        let must_not = self.irql.get() > Irql::APC || self.is_on_paging_path();
        let close =
            must_not && !self.frames.borrow().is_empty() && self.kernel.config.schedule != Schedule::Threads;
        if self.closed.replace(close) != close {
            pageable.set_accessible(!close);
        }
    }

    /// Runs work at a higher IRQL.
    pub(crate) fn at_irql<R>(&self, irql: Irql, work: impl FnOnce() -> R) -> R {
        let outer = self.irql.replace(irql.max(self.irql.get()));
        self.close_pageable();
        let result = work();
        self.set_irql(outer);
        result
    }

    /// The innermost call of a driver, if one is running.
    pub(crate) fn frame(&self) -> Option<Frame> {
        self.frames.borrow().last().cloned()
    }

    /// The driver that is running, if one is.
    pub(crate) fn driver(&self) -> Option<Arc<Driver>> {
        self.frames.borrow().last().map(|frame| Arc::clone(&frame.driver))
    }

    /// The entry point of the driver that is running, if one is.
    pub(crate) fn entry(&self) -> Option<Entry> {
        self.frames.borrow().last().map(|frame| frame.entry)
    }

    /// Whether a callback is running that is about paging I/O.
    pub(crate) fn is_on_paging_path(&self) -> bool {
        self.any_operation(|operation| operation.irp_flags & irp::PAGING_IO != 0)
    }

    /// Whether there is an operation in whose callback a driver is, for which that is true.
    pub(crate) fn any_operation(&self, is_it: impl Fn(&Operation) -> bool) -> bool {
        let frames = self.frames.borrow();
        frames.iter().filter_map(|frame| frame.operation.as_deref()).any(is_it)
    }

    /// Whether all those operations have a thread.
    pub(crate) fn has_thread(&self) -> bool {
        !self.any_operation(|operation| operation.thread.is_none())
    }

    /// Identity of the driver that is running, for what it owns; [`SYSTEM`] if none is.
    pub(crate) fn owner(&self) -> u64 {
        self.frames.borrow().last().map_or(SYSTEM, |frame| frame.driver.id())
    }
}
