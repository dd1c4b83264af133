//! Which thread runs.
//!
//! A driver's threads are OS threads, but a baton lets only one of them, or the harness's thread, run at a time: the
//! harness's thread hands it to one that is ready and gets it back when that one waits or ends. So a run is
//! deterministic. A thread made ready during an operation runs at its end, or earlier if the harness's thread itself
//! has to wait in driver code. Timeouts are in virtual time, which passes only when the harness lets it, or when
//! everything waits and nothing else can happen.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::clock::Clock;
use super::cpu::Cpu;
use super::crash::{Crash, Exit};
use crate::abi::Address;
use crate::util::Lock;

/// Stack of a driver's OS thread. NT gives 24 KiB; debug builds of a driver need more, and a fault handler runs on
/// its own.
const STACK_BYTES: usize = 512 << 10;

/// Who holds the baton.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Host,
    Thread,
}

/// A driver's thread as the scheduler sees it.
pub(crate) struct Baton {
    /// For reports: who waits.
    name: String,
    turn: Mutex<Turn>,
    passed: Condvar,
    state: Lock<BatonState>,
}

#[derive(Default)]
struct BatonState {
    killed: bool,
    ended: bool,
    os_thread: Option<JoinHandle<()>>,
}

impl Baton {
    fn pass(&self, to: Turn) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = to;
        self.passed.notify_all();
    }

    fn await_turn(&self, of: Turn) {
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let _turn = self.passed.wait_while(turn, |turn| *turn != of).unwrap_or_else(PoisonError::into_inner);
    }

    /// Lets the thread run until it waits or ends.
    fn run(&self) {
        self.pass(Turn::Thread);
        self.await_turn(Turn::Host);
    }

    fn killed(&self) -> bool {
        self.state.lock().killed
    }
}

/// A thread that waits.
struct Waiter {
    /// `None` is the harness's thread.
    baton: Option<Arc<Baton>>,
    /// What it waits for, as passed to [`Scheduler::signal`].
    key: Address,
    deadline: Option<u64>,
}

/// Work for the harness's thread, to be done when it is outside driver code.
type Deferred = Box<dyn FnOnce(&Cpu) + Send>;

#[derive(Default)]
struct State {
    batons: Vec<Arc<Baton>>,
    ready: VecDeque<Arc<Baton>>,
    waiting: Vec<Waiter>,
    deferred: VecDeque<Deferred>,
}

impl State {
    /// Makes ready the waiters for which the condition holds, in the order in which they began to wait.
    fn wake(&mut self, condition: impl Fn(&Waiter) -> bool) {
        let (woken, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(condition);
        self.waiting = waiting;
        self.ready
            .extend::<Vec<_>>(Vec::<Waiter>::into_iter(woken).filter_map(|waiter| waiter.baton).collect());
    }
}

/// The scheduler of one kernel.
#[derive(Default)]
pub(crate) struct Scheduler {
    state: Lock<State>,
}

impl Scheduler {
    /// Starts a driver's thread; it is ready, and runs when its turn comes.
    pub(crate) fn start(&self, name: String, body: impl FnOnce(Arc<Baton>) + Send + 'static) {
        let baton = Arc::new(Baton {
            name: name.clone(),
            turn: Mutex::new(Turn::Host),
            passed: Condvar::new(),
            state: Lock::default(),
        });
        let own = Arc::clone(&baton);
        let os_thread = std::thread::Builder::new()
            .name(name)
            .stack_size(STACK_BYTES)
            .spawn(move || {
                own.await_turn(Turn::Thread);
                if !own.killed() {
                    body(Arc::clone(&own));
                }
                own.state.lock().ended = true;
                own.pass(Turn::Host);
            })
            .expect("the host has a thread to spare");
        baton.state.lock().os_thread = Some(os_thread);
        let mut state = self.state.lock();
        state.batons.push(Arc::clone(&baton));
        state.ready.push_back(baton);
    }

    /// Has the harness's thread do some work once it is outside driver code.
    pub(crate) fn defer(&self, work: impl FnOnce(&Cpu) + Send + 'static) {
        self.state.lock().deferred.push_back(Box::new(work));
    }

    /// Something that threads may wait for has happened: those that wait for it look again.
    pub(crate) fn signal(&self, key: Address) {
        self.state.lock().wake(|waiter| waiter.key == key);
    }

    /// Waits until `satisfied` says so, looking again at each [`Scheduler::signal`] of the key. Returns whether it did
    /// before the deadline; a deadline that has passed leaves one look.
    pub(crate) fn wait(
        &self,
        cpu: &Cpu,
        key: Address,
        deadline: Option<u64>,
        mut satisfied: impl FnMut() -> bool,
    ) -> bool {
        loop {
            if satisfied() {
                return true;
            }
            if deadline.is_some_and(|deadline| deadline <= cpu.kernel().clock.now()) {
                return false;
            }
            self.state.lock().waiting.push(Waiter { baton: cpu.baton().cloned(), key, deadline });
            match cpu.baton() {
                Some(baton) => {
                    baton.pass(Turn::Host);
                    baton.await_turn(Turn::Thread);
                    if baton.killed() {
                        cpu.leave(Exit::Killed);
                    }
                }
                None => self.let_others_run(cpu),
            }
        }
    }

    /// The harness's thread waits: something else happens, or time passes, or nothing ever will.
    fn let_others_run(&self, cpu: &Cpu) {
        if !self.run_one(cpu) && !self.pass_time(&cpu.kernel().clock, None) {
            cpu.crash(Crash::Deadlock(self.who_waits()));
        }
        self.state.lock().waiting.retain(|waiter| waiter.baton.is_some());
    }

    /// Runs a driver's thread that is ready, if there is one.
    fn run_one(&self, cpu: &Cpu) -> bool {
        let Some(baton) = self.state.lock().ready.pop_front() else { return false };
        baton.run();
        if cpu.kernel().has_crashed() {
            cpu.leave(Exit::Crash);
        }
        if baton.state.lock().ended {
            self.reap(&baton);
        }
        true
    }

    fn reap(&self, baton: &Arc<Baton>) {
        self.state.lock().batons.retain(|other| !Arc::ptr_eq(other, baton));
        if let Some(os_thread) = baton.state.lock().os_thread.take() {
            // The thread's panics are caught where they happen; there is nothing left in its result.
            let _ = os_thread.join();
        }
    }

    /// Runs the driver's threads, and the work kept for the harness's, until all of them wait.
    pub(crate) fn settle(&self, cpu: &Cpu) {
        loop {
            let deferred = self.state.lock().deferred.pop_front();
            match deferred {
                Some(work) => work(cpu),
                None if self.run_one(cpu) => {}
                None => return,
            }
        }
    }

    /// Moves the clock to the next timeout, if there is one (not after `limit`), and ends the waits it ends.
    fn pass_time(&self, clock: &Clock, limit: Option<u64>) -> bool {
        let mut state = self.state.lock();
        let next = state.waiting.iter().filter_map(|waiter| waiter.deadline).min();
        let Some(next) = next.filter(|next| limit.is_none_or(|limit| *next <= limit)) else { return false };
        clock.move_to(next);
        let now = clock.now();
        state.wake(|waiter| waiter.deadline.is_some_and(|deadline| deadline <= now));
        true
    }

    /// Lets time pass up to a moment, expiring each timeout at its own.
    pub(crate) fn advance_to(&self, cpu: &Cpu, time: u64) {
        let clock = &cpu.kernel().clock;
        while self.pass_time(clock, Some(time)) {
            self.settle(cpu);
        }
        clock.move_to(time);
    }

    fn who_waits(&self) -> String {
        let state = self.state.lock();
        let names: Vec<_> = state
            .waiting
            .iter()
            .map(|waiter| waiter.baton.as_ref().map_or("the caller", |baton| baton.name.as_str()))
            .collect();
        names.join(", ")
    }

    /// Ends every driver's thread where it waits; for a simulation that is being dropped.
    pub(crate) fn shut_down(&self) {
        let batons = std::mem::take(&mut self.state.lock().batons);
        for baton in batons {
            baton.state.lock().killed = true;
            if !baton.state.lock().ended {
                baton.run();
            }
            if let Some(os_thread) = baton.state.lock().os_thread.take() {
                let _ = os_thread.join();
            }
        }
    }
}
