//! Which thread runs, in one of three ways ([`Schedule`]).
//!
//! Threads of drivers and of the system are OS threads in each of them. With [`Schedule::Fixed`] and
//! [`Schedule::Seeded`] they take turns ([`turns`]); with [`Schedule::Threads`] they run at once ([`threads`]).
//!
//! What all code of the kernel may count on, and must keep:
//!
//! * A thread of the system is started with [`Scheduler::start`], waits with [`Scheduler::wait`] and wakes others with
//!   [`Scheduler::signal`]; it never blocks in another way, except in a lock ([`crate::util::Lock`]) for a moment.
//! * No lock is held while driver code runs, while driver memory is touched, or over a wait. What must last longer is a
//!   [`super::gate::Gate`] or a [`super::rundown::Rundown`].
//! * Between two calls anything may happen: what is looked up and referenced, or checked and changed, is so under one
//!   lock.

mod threads;
mod turns;

use std::sync::Arc;

use self::threads::Free;
use self::turns::Turns;
use super::clock::Clock;
use super::cpu::Cpu;
use super::crash::Crash;
use crate::abi::Address;
use crate::sim::Schedule;

/// Stack of a driver's OS thread. NT gives 24 KiB; debug builds of a driver need more, and a fault handler runs on
/// its own.
const STACK_BYTES: usize = 512 << 10;

/// A harness's wait without a deadline is over after so long, in units of 100 ns: whoever else only waits for timers,
/// again and again, would keep the simulation going for ever. Nothing on Windows waits an hour for a timer's sake.
const LONGEST_WAIT: u64 = 3600 * 10_000_000;

/// Whether a wait has lasted so long that only timers go on.
fn is_in_vain(began: u64, now: u64) -> bool {
    now.saturating_sub(began) > LONGEST_WAIT
}

/// Work to be done outside driver code.
type Deferred = Box<dyn FnOnce(&Cpu) + Send>;

/// A thread of a driver or of the system as the scheduler sees it.
pub(crate) enum Baton {
    Turns(Arc<turns::Turn>),
    Threads,
}

/// Everyone waits for ever: who, in words.
pub(crate) struct Stuck(pub(crate) String);

/// The scheduler of one kernel.
pub(crate) enum Scheduler {
    Turns(Turns),
    Threads(Arc<Free>),
}

impl Scheduler {
    pub(crate) fn new(schedule: Schedule) -> Self {
        match schedule {
            Schedule::Fixed => Self::Turns(Turns::new(None)),
            Schedule::Seeded(seed) => Self::Turns(Turns::new(Some(seed))),
            Schedule::Threads => Self::Threads(Arc::default()),
        }
    }

    /// Whether threads run at once, so that whoever acts from outside need not take turns.
    pub(crate) fn is_concurrent(&self) -> bool {
        matches!(self, Self::Threads(_))
    }

    /// A thread of the harness comes in. Until [`Scheduler::leave`] it counts as running.
    pub(crate) fn enter(&self) {
        if let Self::Threads(free) = self {
            free.enter();
        }
    }

    /// It goes.
    pub(crate) fn leave(&self, clock: &Clock) {
        if let Self::Threads(free) = self {
            free.leave(clock);
        }
    }

    /// Starts a thread; it is ready, and runs when its turn comes.
    pub(crate) fn start(&self, cpu: &Cpu, name: String, body: impl FnOnce(Arc<Baton>) + Send + 'static) {
        match self {
            Self::Turns(turns) => turns.start(name, body),
            Self::Threads(free) => free.start(cpu.kernel(), name, body),
        }
    }

    /// Has some work done outside driver code, soon.
    pub(crate) fn defer(&self, cpu: &Cpu, work: impl FnOnce(&Cpu) + Send + 'static) {
        match self {
            Self::Turns(turns) => turns.defer(Box::new(work)),
            Self::Threads(free) => free.defer(cpu, Box::new(work)),
        }
    }

    /// Something that threads may wait for has happened: those that wait for it look again.
    pub(crate) fn signal(&self, key: Address) {
        match self {
            Self::Turns(turns) => turns.signal(key),
            Self::Threads(free) => free.signal(key),
        }
    }

    /// Waits until `satisfied` says so, looking again at each [`Scheduler::signal`] of the key. Returns whether it did
    /// before the deadline; a deadline that has passed leaves one look.
    pub(crate) fn wait(
        &self,
        cpu: &Cpu,
        key: Address,
        deadline: Option<u64>,
        satisfied: impl FnMut() -> bool,
    ) -> bool {
        match self {
            Self::Turns(turns) => turns.wait(cpu, key, deadline, satisfied),
            Self::Threads(free) => free.wait(cpu, key, deadline, satisfied),
        }
        .unwrap_or_else(|stuck| cpu.crash(Crash::Deadlock(stuck.0)))
    }

    /// The same without a deadline, but if everyone waits for ever it says so instead of ending the simulation.
    pub(crate) fn wait_unless_stuck(
        &self,
        cpu: &Cpu,
        key: Address,
        satisfied: impl FnMut() -> bool,
    ) -> Result<(), Stuck> {
        match self {
            Self::Turns(turns) => turns.wait(cpu, key, None, satisfied),
            Self::Threads(free) => free.wait(cpu, key, None, satisfied),
        }
        .map(|_| ())
    }

    /// A moment at which another thread may run: between a driver's call of a routine and its return. With
    /// [`Schedule::Seeded`] that is drawn, with [`Schedule::Threads`] the host is asked for it now and then; with
    /// [`Schedule::Fixed`] nothing happens.
    pub(crate) fn preempt(&self, cpu: &Cpu) {
        match self {
            Self::Turns(turns) => turns.preempt(cpu),
            Self::Threads(free) => free.preempt(),
        }
    }

    /// The end of something that the harness asked for: others may run.
    pub(crate) fn pause(&self, cpu: &Cpu) {
        if let Self::Turns(turns) = self {
            turns.pause(cpu);
        }
    }

    /// Lets all threads of drivers and of the system run until they wait.
    pub(crate) fn settle(&self, cpu: &Cpu) {
        match self {
            Self::Turns(turns) => turns.settle(cpu),
            Self::Threads(free) => free.settle(cpu),
        }
    }

    /// Lets time pass up to a moment, expiring each timeout at its own.
    pub(crate) fn advance_to(&self, cpu: &Cpu, time: u64) {
        match self {
            Self::Turns(turns) => turns.advance_to(cpu, time),
            Self::Threads(free) => free.advance_to(cpu, time),
        }
    }

    /// Who waits, where and for what, for somebody to read.
    pub(crate) fn waiting(&self) -> Vec<String> {
        match self {
            Self::Turns(turns) => turns.waiting(),
            Self::Threads(free) => free.waiting(),
        }
    }

    /// The simulation has ended: whoever waits is to notice.
    pub(crate) fn crashed(&self) {
        if let Self::Threads(free) = self {
            free.wake_all();
        }
    }

    /// Ends every thread where it waits; for a simulation that is being dropped.
    pub(crate) fn shut_down(&self) {
        match self {
            Self::Turns(turns) => turns.shut_down(),
            Self::Threads(free) => free.shut_down(),
        }
    }
}
