//! System worker threads, and the work that waits for one.
//!
//! The copy engine, the lazy writer, filters and drivers queue their work here. A worker is an OS thread behind the
//! scheduler, which decides when it runs. There are as many as it takes for work that waits not to hold up other work.
//! Deferred procedure calls, which run at `DISPATCH_LEVEL` in whatever thread is interrupted, take the same way.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use crate::abi::Address;
use crate::ke::crash::Crash;
use crate::ke::{Cpu, Irql, meter};
use crate::kernel::Kernel;
use crate::ps::{Thread, ThreadKind};
use crate::util::Lock;

/// `WORK_QUEUE_TYPE`, as far as somebody queues there; most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// `CriticalWorkQueue`
    Critical,
    /// `DelayedWorkQueue`
    Delayed,
}

impl Queue {
    /// The queue that a `WORK_QUEUE_TYPE` means, of those that filters may use (the pages on the `FltQueue…` routines).
    pub(crate) fn of(kind: u32) -> Option<Self> {
        const CRITICAL_WORK_QUEUE: u32 = 0;
        const DELAYED_WORK_QUEUE: u32 = 1;
        match kind {
            CRITICAL_WORK_QUEUE => Some(Self::Critical),
            DELAYED_WORK_QUEUE => Some(Self::Delayed),
            _ => None,
        }
    }
}

/// Deferred procedure calls come before all work.
const DPC: usize = 0;
/// Number of queues, that of the deferred procedure calls included.
const QUEUES: usize = 3;
/// Workers at most; beyond it work waits until one is free.
const MAX_WORKERS: usize = 64;

type Work = Box<dyn FnOnce(&Cpu) + Send>;

/// A worker, by the address at which it waits.
struct Worker {
    thread: Arc<Thread>,
}

#[derive(Default)]
struct State {
    queues: [VecDeque<Work>; QUEUES],
    /// Workers that wait for work.
    idle: Vec<Arc<Worker>>,
    /// Workers that have been woken or started and have not looked yet.
    coming: usize,
    workers: usize,
}

impl State {
    fn take(&mut self) -> Option<(usize, Work)> {
        self.queues.iter_mut().enumerate().find_map(|(index, queue)| Some((index, queue.pop_front()?)))
    }

    fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }
}

/// The work queues of one kernel.
#[derive(Default)]
pub(crate) struct WorkQueues {
    state: Lock<State>,
    /// The thread that deferred procedure calls interrupt.
    interrupted: Lock<Option<Arc<Thread>>>,
}

/// Has a System worker thread do some work, at `PASSIVE_LEVEL`.
pub(crate) fn queue(cpu: &Cpu, queue: Queue, work: impl FnOnce(&Cpu) + Send + 'static) {
    push(cpu, queue as usize + 1, Box::new(work));
}

/// Has some work done at `DISPATCH_LEVEL` in an arbitrary thread, as the completion of an interrupt is.
pub(crate) fn queue_dpc(cpu: &Cpu, work: impl FnOnce(&Cpu) + Send + 'static) {
    push(cpu, DPC, Box::new(work));
}

fn push(cpu: &Cpu, queue: usize, work: Work) {
    cpu.kernel().work.state.lock().queues[queue].push_back(work);
    call_worker(cpu);
}

/// What it takes to have a worker look at the queues.
enum Call {
    Nobody,
    Wake(Arc<Worker>),
    Start,
}

/// Has a worker look at the queues, unless one is about to.
fn call_worker(cpu: &Cpu) {
    let kernel = cpu.kernel();
    let call = {
        let mut state = kernel.work.state.lock();
        if state.is_empty() || state.coming > 0 {
            Call::Nobody
        } else if let Some(worker) = state.idle.pop() {
            state.coming += 1;
            Call::Wake(worker)
        } else if state.workers < MAX_WORKERS {
            state.coming += 1;
            state.workers += 1;
            Call::Start
        } else {
            Call::Nobody
        }
    };
    match call {
        Call::Nobody => {}
        Call::Wake(worker) => kernel.scheduler.signal(key(&worker)),
        Call::Start => start(cpu),
    }
}

fn key(worker: &Arc<Worker>) -> Address {
    Arc::as_ptr(worker).addr()
}

fn start(cpu: &Cpu) {
    let kernel = cpu.kernel();
    let thread = system_thread(kernel);
    let name = format!("System worker {}", thread.tid());
    let worker = Arc::new(Worker { thread });
    let of_worker = Arc::clone(kernel);
    kernel.scheduler.start(cpu, name, move |baton| {
        let cpu = Cpu::new(Arc::clone(&of_worker), Arc::clone(&worker.thread), Some(baton));
        cpu.execute(|cpu| {
            // Left early when the simulation ends; then there is no more work.
            let _ = cpu.run_kernel_thread(|| {
                if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| serve(cpu, &worker))) {
                    cpu.crash(Crash::Panic(payload));
                }
            });
        });
    });
}

fn system_thread(kernel: &Kernel) -> Arc<Thread> {
    kernel.create_thread(&kernel.system, None, ThreadKind::System).expect("a thread without a TID of its own")
}

/// Does what there is to do, and waits for more.
fn serve(cpu: &Cpu, worker: &Arc<Worker>) {
    let kernel = cpu.kernel();
    kernel.work.state.lock().coming -= 1;
    loop {
        let work = {
            let mut state = kernel.work.state.lock();
            let work = state.take();
            if work.is_none() {
                state.idle.push(Arc::clone(worker));
            }
            work
        };
        let Some((queue, work)) = work else {
            let is_idle = |idle: &[Arc<Worker>]| idle.iter().any(|other| Arc::ptr_eq(other, worker));
            let woken = || !is_idle(&kernel.work.state.lock().idle);
            kernel.scheduler.wait(cpu, key(worker), None, woken);
            kernel.work.state.lock().coming -= 1;
            continue;
        };
        // This work may wait; what remains must not wait for it.
        call_worker(cpu);
        if queue == DPC {
            let interrupted = interrupted(kernel);
            cpu.in_thread(&interrupted, || {
                cpu.at_irql(Irql::DISPATCH, || meter::of_worker(cpu, || work(cpu)));
            });
        } else {
            meter::of_worker(cpu, || work(cpu));
        }
    }
}

/// The thread that a deferred procedure call finds current: one that has nothing to do with it.
fn interrupted(kernel: &Kernel) -> Arc<Thread> {
    let mut thread = kernel.work.interrupted.lock();
    Arc::clone(thread.get_or_insert_with(|| system_thread(kernel)))
}
