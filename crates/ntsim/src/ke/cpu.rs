//! A processor as it executes: which kernel, which thread, which IRQL, and how deep in which driver.
//!
//! Each OS thread that is inside the simulation is one processor. Routines find theirs through a thread-local.

use std::cell::{Cell, OnceCell, RefCell};
use std::fmt;
use std::ptr;
use std::sync::Arc;

use super::crash::{Crash, Exit, Fault};
use super::escape::{self, EscapePoint, Left};
use super::irql::Irql;
use super::scheduler::Baton;
use super::step::Instructions;
use super::{emulate, host_thread, meter, step};
use crate::abi::Ptr;
use crate::exports::Routine;
use crate::fltmgr::Operation;
use crate::io::driver::Driver;
use crate::io::irp;
use crate::kernel::Kernel;
use crate::ob::SYSTEM;
use crate::ps::Thread;
use crate::rtl::memory;
use crate::sim::{Major, Schedule};
use crate::verifier::site::Site;
use crate::verifier::{Rule, Violation};

/// An entry point of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Load,
    FilterUnload,
    InstanceSetup,
    InstanceQueryTeardown,
    InstanceTeardownStart,
    InstanceTeardownComplete,
    Pre(Major),
    Post(Major),
    /// A post-operation callback whose instance is torn down.
    Draining(Major),
    ContextCleanup,
    PortConnect,
    PortDisconnect,
    PortMessage,
    ProcessNotify,
    SystemThread,
    WorkItem,
    AsyncCompletion,
    /// A routine of a callback data queue.
    Queue,
    /// The routine that takes or releases the lock of such a queue.
    QueueLock,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Load => "DriverEntry",
            Self::FilterUnload => "filter unload",
            Self::InstanceSetup => "instance setup",
            Self::InstanceQueryTeardown => "instance query teardown",
            Self::InstanceTeardownStart => "instance teardown start",
            Self::InstanceTeardownComplete => "instance teardown complete",
            Self::Pre(major) => return write!(f, "pre-{}", major.short_name()),
            Self::Post(major) => return write!(f, "post-{}", major.short_name()),
            Self::Draining(major) => return write!(f, "post-{} (draining)", major.short_name()),
            Self::ContextCleanup => "context cleanup",
            Self::PortConnect => "port connect",
            Self::PortDisconnect => "port disconnect",
            Self::PortMessage => "port message",
            Self::ProcessNotify => "process notify",
            Self::SystemThread => "system thread",
            Self::WorkItem => "work item",
            Self::AsyncCompletion => "completion of its own I/O",
            Self::Queue => "queue routine",
            Self::QueueLock => "queue lock routine",
        };
        f.pad(name)
    }
}

/// One call of a driver.
#[derive(Clone)]
pub(crate) struct Frame {
    pub(crate) driver: Arc<Driver>,
    pub(crate) entry: Entry,
    /// The operation that it is about, for callbacks that are about one.
    pub(crate) operation: Option<Arc<Operation>>,
}

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
    pub(super) below: Cell<Instructions>,
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

    /// Calls a function of the driver, with integers and pointers as its arguments.
    ///
    /// # Panics
    ///
    /// If the simulation ends in there, and this is not a driver's thread.
    pub(crate) fn call_driver(&self, frame: Frame, function: Ptr, arguments: &[usize]) -> usize {
        match self.try_call_driver(frame, function, arguments) {
            Ok(result) => result,
            Err(_) => self.kernel.raise(),
        }
    }

    /// Calls a function of the driver, and says how it was left if it does not return.
    pub(crate) fn try_call_driver(
        &self,
        frame: Frame,
        function: Ptr,
        arguments: &[usize],
    ) -> Result<usize, Exit> {
        let irql = self.irql.get();
        let thread = self.thread();
        let critical_regions = thread.critical_regions();
        let push_locks = thread.push_locks();
        let changes_locks = frame.entry == Entry::QueueLock;
        let metered = meter::begin(self, &frame);
        let outermost = self.frames.borrow().is_empty();
        if outermost {
            self.injected.set(None);
            self.heard.set(false);
        }
        self.frames.borrow_mut().push(frame);
        self.close_pageable();
        let outer_routine = self.routine.take();
        let result = if self.base.get().is_null() {
            self.enter_driver(function, arguments)?
        } else {
            invoke(function, arguments)
        };
        if outermost {
            step::left_driver();
        }
        if let Some(metered) = metered {
            meter::end(self, metered, result);
        }
        if changes_locks {
            self.routine.set(outer_routine);
            self.frames.borrow_mut().pop();
            self.close_pageable();
            return Ok(result);
        }
        if self.irql.get() != irql {
            self.violation(Rule::IrqlReturn, format!("returned at {}, entered at {irql}", self.irql.get()));
            self.irql.set(irql);
        }
        // A push lock that is held is a critical region as well, and said below.
        let locked = thread.push_locks() != push_locks;
        if thread.critical_regions() != critical_regions && !locked {
            self.violation(
                Rule::IrqlReturn,
                format!(
                    "returned {} critical regions deep, entered {critical_regions} deep",
                    thread.critical_regions()
                ),
            );
        }
        thread.set_critical_regions(critical_regions);
        if locked {
            self.violation(
                Rule::PushLock,
                format!("returned with {} locks held, entered with {push_locks}", thread.push_locks()),
            );
        }
        self.routine.set(outer_routine);
        self.frames.borrow_mut().pop();
        self.close_pageable();
        Ok(result)
    }

    /// Enters the driver from outside, so that it can be left early.
    fn enter_driver(&self, function: Ptr, arguments: &[usize]) -> Result<usize, Exit> {
        let mut result = 0;
        self.enter(|| result = invoke(function, arguments)).map(|()| result)
    }

    /// Runs the body of a kernel thread, which a crash or the end of the simulation leaves early. No panic may pass.
    pub(crate) fn run_kernel_thread(&self, body: impl FnOnce()) -> Result<(), Exit> {
        self.enter(body)
    }

    /// Runs something that [`Cpu::leave`] leaves early.
    fn enter(&self, work: impl FnOnce()) -> Result<(), Exit> {
        let outer = host_thread::enter();
        let entered = |point| {
            self.base.set(point);
            self.show_thread();
        };
        let left = escape::enter(work, entered);
        self.base.set(ptr::null_mut());
        host_thread::leave(outer);
        step::left_driver();
        if left == Left::Returned {
            return Ok(());
        }
        let exit = match (self.fault.take(), self.exit.take()) {
            (Some(fault), _) => {
                let report = self.describe_fault(&fault);
                self.record_crash(Crash::Fault { report, rule: self.rule_of(&fault) });
                Exit::Crash
            }
            (None, exit) => exit.unwrap_or(Exit::Crash),
        };
        self.frames.borrow_mut().clear();
        self.routine.set(None);
        self.set_irql(Irql::PASSIVE);
        Err(exit)
    }

    /// Leaves the driver for good.
    pub(crate) fn leave(&self, exit: Exit) -> ! {
        let point = self.base.get();
        if point.is_null() {
            self.kernel.raise();
        }
        self.exit.set(Some(exit));
        // SAFETY: a point that is set belongs to the `enter` of `enter_driver`, below us on this stack; frames in
        // between own nothing but memory (no lock is held while the driver runs or is left).
        unsafe { escape::leave(point) }
    }

    /// Ends the simulation.
    pub(crate) fn crash(&self, crash: Crash) -> ! {
        self.record_crash(crash);
        self.leave(Exit::Crash)
    }

    fn record_crash(&self, crash: Crash) {
        if !matches!(crash, Crash::Panic(_)) {
            let (rule, after) = match (self.injected.get(), &crash) {
                (Some(routine), _) => {
                    (Rule::FailureHandled, format!(", after {} was made to fail", routine.name))
                }
                (None, Crash::Deadlock(_)) => (Rule::Deadlock, String::new()),
                (None, Crash::Fault { rule, .. }) => (*rule, String::new()),
                (None, _) => (Rule::Crash, String::new()),
            };
            self.violation(rule, format!("{crash}{after}"));
        }
        let place = self.place();
        self.kernel.record_crash(crash, place);
    }

    /// The rule that a fault breaks.
    fn rule_of(&self, fault: &Fault) -> Rule {
        if self.kernel.arena.is_user_buffer(fault.address) {
            Rule::UserBuffer
        } else if self.heard_consumer() {
            Rule::HostileConsumer
        } else {
            Rule::Crash
        }
    }

    /// Whether the driver has something of a consumer's in its hands.
    pub(crate) fn heard_consumer(&self) -> bool {
        self.heard.get() || matches!(self.entry(), Some(Entry::PortConnect | Entry::PortMessage))
    }

    fn describe_fault(&self, fault: &Fault) -> String {
        let what = fault.describe();
        let driver = self.kernel.driver_at(fault.instruction);
        match (driver.as_ref().and_then(|driver| driver.image()), self.routine.get()) {
            (Some(image), _) => {
                let rva = fault.instruction - image.base();
                let fast_fail = if image.is_fast_fail(rva) { " (fast fail)" } else { "" };
                let instruction = match emulate::text(&self.kernel, fault.instruction) {
                    Some((text, true)) => format!(", by the privileged instruction `{text}`"),
                    Some((text, false)) => format!(", by `{text}`"),
                    None => String::new(),
                };
                let place = image.symbols().describe(rva, rva);
                format!("{what}{fast_fail} {place}{instruction}")
            }
            (None, _) if memory::routine_at(fault.instruction).is_some() => {
                let name = memory::routine_at(fault.instruction).unwrap_or_default();
                format!("{what} in {name}, called with a bad pointer")
            }
            (None, Some(routine)) => {
                let site = self.fault_site.borrow();
                let site = site.as_ref().map(|site| format!(" {site}")).unwrap_or_default();
                format!("{what} in {}, called with a bad pointer{site}", routine.name)
            }
            (None, None) => format!("{what} at 0x{:X}, outside every image", fault.instruction),
        }
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

    /// Where execution is, in words: the driver's entry point, and the operation or routine.
    fn place(&self) -> (String, String) {
        match self.frames.borrow().last() {
            Some(frame) => self.place_in(frame),
            None => ("harness".to_owned(), "no operation".to_owned()),
        }
    }

    fn place_in(&self, frame: &Frame) -> (String, String) {
        let callback = format!("{} {}", frame.driver.service(), frame.entry);
        let operation = frame.operation.as_ref().map(ToString::to_string);
        let operation = match (self.routine.get(), operation) {
            (Some(routine), Some(operation)) => format!("{} during {operation}", routine.name),
            (Some(routine), None) => routine.name.to_owned(),
            (None, Some(operation)) => operation,
            (None, None) => "no operation".to_owned(),
        };
        (callback, operation)
    }

    /// Reports a broken rule.
    pub(crate) fn violation(&self, rule: Rule, detail: impl Into<String>) {
        self.violation_at(rule, detail, Site::of_call(self));
    }

    /// Reports a broken rule, and where in the driver.
    pub(crate) fn violation_at(&self, rule: Rule, detail: impl Into<String>, site: Option<Site>) {
        let (callback, operation) = self.place();
        self.kernel.verifier.report(Violation { rule, callback, operation, detail: detail.into() }, site);
    }

    /// Reports a broken rule in the name of a call that has returned.
    pub(crate) fn violation_in(&self, frame: &Frame, rule: Rule, detail: impl Into<String>) {
        let (callback, operation) = self.place_in(frame);
        self.kernel.verifier.report(Violation { rule, callback, operation, detail: detail.into() }, None);
    }
}

/// Calls a function of a driver by the Windows x64 calling convention.
pub(crate) fn invoke(function: Ptr, arguments: &[usize]) -> usize {
    /// Calls the function at an address with as many arguments as are named.
    macro_rules! call {
        ($($argument:ident),*) => {{
            type Function = extern "win64" fn($(call!(@type $argument)),*) -> usize;
            // SAFETY: the address is one that the driver gave as the entry point for just this call, or the entry point
            // of its image; callbacks take integers and pointers only, and an unused return register is harmless.
            let function = unsafe { std::mem::transmute::<usize, Function>(function.address()) };
            function($($argument),*)
        }};
        (@type $argument:ident) => { usize };
    }
    match *arguments {
        [] => call!(),
        [first] => call!(first),
        [first, second] => call!(first, second),
        [first, second, third] => call!(first, second, third),
        [first, second, third, fourth] => call!(first, second, third, fourth),
        [first, second, third, fourth, fifth] => call!(first, second, third, fourth, fifth),
        [first, second, third, fourth, fifth, sixth] => call!(first, second, third, fourth, fifth, sixth),
        _ => unreachable!("no callback of a driver takes {} arguments", arguments.len()),
    }
}
