//! Threads that take turns.
//!
//! A baton lets only one thread, or the harness's, run at a time: the harness's thread hands it to one that is ready and
//! gets it back when that one waits or ends. So a run is deterministic.
//!
//! Without a seed a thread made ready during an operation runs at its end, in the order in which they became ready, or
//! earlier if the harness's thread itself has to wait in driver code. With a seed it is drawn who runs next, whether
//! anybody does at the end of an operation, and whether a call of a routine below `DISPATCH_LEVEL` is where the caller
//! loses the processor; the same seed and the same calls give the same run.
//!
//! Timeouts are in virtual time, which passes only when the harness lets it, or when everything waits and nothing else
//! can happen.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::{Baton, Deferred, STACK_BYTES, Stuck, is_in_vain};
use crate::abi::Address;
use crate::ke::Irql;
use crate::ke::clock::Clock;
use crate::ke::cpu::Cpu;
use crate::ke::crash::Exit;
use crate::ke::step;
use crate::util::{Lock, Random};

/// One call of a routine in so many is where another thread gets its turn, if the order is drawn.
const PREEMPTION: u64 = 6;
/// At the end of an operation one more thread runs with this probability, in percent, if the order is drawn.
const RUNS_ON: u64 = 60;

/// Who holds the baton.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Host,
    Thread,
}

/// A driver's thread as the scheduler sees it.
pub(crate) struct Turn {
    /// For reports: who waits.
    name: String,
    holder: Mutex<Holder>,
    passed: Condvar,
    state: Lock<TurnState>,
}

#[derive(Default)]
struct TurnState {
    killed: bool,
    ended: bool,
    os_thread: Option<JoinHandle<()>>,
}

impl Turn {
    fn pass(&self, to: Holder) {
        *self.holder.lock().unwrap_or_else(PoisonError::into_inner) = to;
        self.passed.notify_all();
    }

    fn await_turn(&self, of: Holder) {
        let turn = self.holder.lock().unwrap_or_else(PoisonError::into_inner);
        let _turn = self.passed.wait_while(turn, |turn| *turn != of).unwrap_or_else(PoisonError::into_inner);
    }

    /// Lets the thread run until it waits or ends.
    fn run(&self) {
        self.pass(Holder::Thread);
        self.await_turn(Holder::Host);
    }

    fn killed(&self) -> bool {
        self.state.lock().killed
    }
}

/// A thread that waits.
struct Waiter {
    /// `None` is the harness's thread.
    baton: Option<Arc<Turn>>,
    /// What it waits for, as passed to [`Scheduler::signal`].
    key: Address,
    deadline: Option<u64>,
}

#[derive(Default)]
struct State {
    batons: Vec<Arc<Turn>>,
    ready: VecDeque<Arc<Turn>>,
    waiting: Vec<Waiter>,
    deferred: VecDeque<Deferred>,
    /// Draws who runs, if that is to be drawn.
    random: Option<Random>,
}

impl State {
    /// The thread that runs next.
    fn next_ready(&mut self) -> Option<Arc<Turn>> {
        let Self { ready, random, .. } = self;
        match random {
            Some(random) if !ready.is_empty() => ready.remove(random.index(ready.len())),
            _ => ready.pop_front(),
        }
    }

    fn draws(&mut self, percent: u64) -> bool {
        self.random.as_mut().is_none_or(|random| random.percent(percent))
    }

    /// Makes ready the waiters for which the condition holds, in the order in which they began to wait.
    fn wake(&mut self, condition: impl Fn(&Waiter) -> bool) {
        let (woken, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(condition);
        self.waiting = waiting;
        self.ready
            .extend::<Vec<_>>(Vec::<Waiter>::into_iter(woken).filter_map(|waiter| waiter.baton).collect());
    }
}

/// See the module.
pub(crate) struct Turns {
    state: Lock<State>,
    drawn: bool,
}

impl Turns {
    pub(super) fn new(seed: Option<u64>) -> Self {
        let state = State { random: seed.map(Random::new), ..State::default() };
        Self { state: Lock::new(state), drawn: seed.is_some() }
    }

    pub(super) fn start(&self, name: String, body: impl FnOnce(Arc<Baton>) + Send + 'static) {
        let baton = Arc::new(Turn {
            name: name.clone(),
            holder: Mutex::new(Holder::Host),
            passed: Condvar::new(),
            state: Lock::default(),
        });
        let own = Arc::clone(&baton);
        let host = std::thread::Builder::new().name(name).stack_size(STACK_BYTES);
        let run = move || {
            own.await_turn(Holder::Thread);
            if !own.killed() {
                body(Arc::new(Baton::Turns(Arc::clone(&own))));
            }
            own.state.lock().ended = true;
            own.pass(Holder::Host);
        };
        let os_thread = step::unstepped(|| host.spawn(run)).expect("the host has a thread to spare");
        baton.state.lock().os_thread = Some(os_thread);
        let mut state = self.state.lock();
        state.batons.push(Arc::clone(&baton));
        state.ready.push_back(baton);
    }

    /// The harness's thread does the work once it is outside driver code.
    pub(super) fn defer(&self, work: Deferred) {
        self.state.lock().deferred.push_back(work);
    }

    pub(super) fn signal(&self, key: Address) {
        self.state.lock().wake(|waiter| waiter.key == key);
    }

    pub(super) fn wait(
        &self,
        cpu: &Cpu,
        key: Address,
        deadline: Option<u64>,
        mut satisfied: impl FnMut() -> bool,
    ) -> Result<bool, Stuck> {
        let began = cpu.kernel().clock.now();
        loop {
            if satisfied() {
                return Ok(true);
            }
            if deadline.is_some_and(|deadline| deadline <= cpu.kernel().clock.now()) {
                return Ok(false);
            }
            self.state.lock().waiting.push(Waiter { baton: own(cpu).cloned(), key, deadline });
            match own(cpu) {
                Some(baton) => yield_turn(cpu, baton),
                None if deadline.is_none() && is_in_vain(began, cpu.kernel().clock.now()) => {
                    return Err(Stuck(self.who_waits()));
                }
                None => self.let_others_run(cpu)?,
            }
        }
    }

    /// The harness's thread waits: something else happens, or time passes, or nothing ever will.
    fn let_others_run(&self, cpu: &Cpu) -> Result<(), Stuck> {
        let goes_on = self.run_one(cpu) || self.pass_time(&cpu.kernel().clock, None);
        let stuck = if goes_on { Ok(()) } else { Err(Stuck(self.who_waits())) };
        self.state.lock().waiting.retain(|waiter| waiter.baton.is_some());
        stuck
    }

    /// Runs a driver's thread that is ready, if there is one.
    fn run_one(&self, cpu: &Cpu) -> bool {
        let Some(baton) = self.state.lock().next_ready() else { return false };
        baton.run();
        if cpu.kernel().has_crashed() {
            cpu.leave(Exit::Crash);
        }
        if baton.state.lock().ended {
            self.reap(&baton);
        }
        true
    }

    fn reap(&self, baton: &Arc<Turn>) {
        self.state.lock().batons.retain(|other| !Arc::ptr_eq(other, baton));
        if let Some(os_thread) = baton.state.lock().os_thread.take() {
            // The thread's panics are caught where they happen; there is nothing left in its result.
            let _ = os_thread.join();
        }
    }

    /// Runs the driver's threads, and the work kept for the harness's, until all of them wait.
    pub(super) fn settle(&self, cpu: &Cpu) {
        while self.go_on(cpu) {}
    }

    /// The same, but if the order is drawn, so is how far it goes.
    pub(super) fn pause(&self, cpu: &Cpu) {
        while self.state.lock().draws(RUNS_ON) && self.go_on(cpu) {}
    }

    /// Does one piece of deferred work, or runs one thread that is ready; returns whether there was any.
    fn go_on(&self, cpu: &Cpu) -> bool {
        let deferred = self.state.lock().deferred.pop_front();
        match deferred {
            Some(work) => {
                work(cpu);
                true
            }
            None => self.run_one(cpu),
        }
    }

    pub(super) fn preempt(&self, cpu: &Cpu) {
        if !self.drawn || cpu.irql() >= Irql::DISPATCH {
            return;
        }
        {
            let mut state = self.state.lock();
            if state.ready.is_empty() && own(cpu).is_none() {
                return;
            }
            if state.random.as_mut().is_none_or(|random| random.below(PREEMPTION) != 0) {
                return;
            }
            if let Some(baton) = own(cpu) {
                state.ready.push_back(Arc::clone(baton));
            }
        }
        match own(cpu) {
            Some(baton) => yield_turn(cpu, baton),
            None => {
                self.run_one(cpu);
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

    pub(super) fn advance_to(&self, cpu: &Cpu, time: u64) {
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

    /// Who waits and for what, for somebody to read.
    pub(super) fn waiting(&self) -> Vec<String> {
        let state = self.state.lock();
        let told = |waiter: &Waiter| {
            let name = waiter.baton.as_ref().map_or("the caller", |baton| baton.name.as_str());
            let until = waiter.deadline.map(|deadline| format!(" until {deadline}")).unwrap_or_default();
            format!("{name} waits for the object at {:?}{until}", waiter.key)
        };
        state.waiting.iter().map(told).collect()
    }

    pub(super) fn shut_down(&self) {
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

/// The turn of the thread that runs here, unless it is the harness's.
fn own(cpu: &Cpu) -> Option<&Arc<Turn>> {
    match cpu.baton().map(AsRef::as_ref) {
        Some(Baton::Turns(turn)) => Some(turn),
        Some(Baton::Threads) | None => None,
    }
}

/// Gives the turn to the harness's thread, and goes on when it comes back.
fn yield_turn(cpu: &Cpu, baton: &Turn) {
    baton.pass(Holder::Host);
    baton.await_turn(Holder::Thread);
    if baton.killed() {
        cpu.leave(Exit::Killed);
    }
}
