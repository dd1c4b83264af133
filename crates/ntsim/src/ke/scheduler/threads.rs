//! Threads that run at once.
//!
//! Threads of drivers and of the system are OS threads that run whenever the host lets them, and so are those of the
//! harness, each inside the kernel on its own. A wait blocks its OS thread.
//!
//! Time is virtual all the same. The rule: a timeout expires when everyone who is inside waits, and a thread of the
//! harness is among them; then the earliest, and only that moment's. So no timeout expires while somebody who could
//! still satisfy the wait is running, however slow the host is, and an idle machine's time stands still. Otherwise it
//! passes only in `advance` and `set_time`, which let everything settle between one timeout and the next.
//!
//! If everyone inside waits, no timeout is pending, and nobody comes in for [`PATIENCE`], that is a deadlock.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Baton, Deferred, STACK_BYTES, Stuck, is_in_vain};
use crate::abi::Address;
use crate::ke::clock::Clock;
use crate::ke::cpu::Cpu;
use crate::ke::crash::Exit;
use crate::ke::step;
use crate::kernel::Kernel;
use crate::util::Random;

/// How long somebody from outside may take to come and end a wait that nothing else can end.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });

/// One call of a routine in so many is where its thread gives up its processor, and one of so many is where it
/// sleeps: the host by itself hardly ever switches between two calls.
const YIELDS: u64 = 32;
const SLEEPS: u64 = 1024;
/// Long enough for others to open, write and close a file.
const NAP: Duration = Duration::from_micros(50);

/// A thread that waits, or is about to.
struct Waiter {
    key: Address,
    deadline: Option<u64>,
    /// Whether it is the harness's.
    from_outside: bool,
    name: String,
    /// The entry point of the driver that it waits in, if it is in one.
    place: String,
    /// Whether it sleeps; until then it counts as running.
    asleep: bool,
    woken: bool,
    condvar: Arc<Condvar>,
}

impl fmt::Display for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, deadline, name, place, woken, .. } = self;
        write!(f, "{name}, in {place}, waits for the object at {key:?}")?;
        if let Some(deadline) = deadline {
            write!(f, " until {deadline}")?;
        }
        f.write_str(if *woken { ", and has been woken" } else { "" })
    }
}

#[derive(Default)]
struct State {
    /// Threads inside that do not wait, whosever they are.
    running: usize,
    /// Those of them that are drivers' or the system's.
    own_running: usize,
    /// How often `own_running` came down to 0.
    quiet: u64,
    /// How often a thread came in.
    entered: u64,
    waiters: HashMap<u64, Waiter>,
    last_waiter: u64,
    os_threads: Vec<JoinHandle<()>>,
    killed: bool,
}

impl State {
    /// Wakes the waiters for which the condition holds.
    fn wake(&mut self, condition: impl Fn(&Waiter) -> bool) {
        let mut woken = [0, 0];
        for waiter in self.waiters.values_mut().filter(|waiter| !waiter.woken && condition(waiter)) {
            waiter.woken = true;
            if waiter.asleep {
                woken[usize::from(waiter.from_outside)] += 1;
                waiter.condvar.notify_one();
            }
        }
        self.own_running += woken[0];
        self.running += woken[0] + woken[1];
    }

    /// A thread begins to wait, or goes.
    fn stops(&mut self, from_outside: bool, clock: &Clock, quiet: &Condvar) {
        self.running -= 1;
        if !from_outside {
            self.own_running -= 1;
            if self.own_running == 0 {
                self.quiet += 1;
                quiet.notify_all();
            }
        }
        // See the module for when time passes.
        if self.running == 0 && self.waiters.values().any(|waiter| waiter.from_outside) {
            self.pass_time(clock, None);
        }
    }

    /// Moves the clock to the next timeout, if there is one (not after `limit`), and ends the waits it ends.
    fn pass_time(&mut self, clock: &Clock, limit: Option<u64>) -> bool {
        let next =
            self.waiters.values().filter(|waiter| !waiter.woken).filter_map(|waiter| waiter.deadline).min();
        let Some(next) = next.filter(|next| limit.is_none_or(|limit| *next <= limit)) else { return false };
        clock.move_to(next);
        let now = clock.now();
        self.wake(|waiter| waiter.deadline.is_some_and(|deadline| deadline <= now));
        true
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Free {
    state: Mutex<State>,
    quiet: Condvar,
    /// Calls of routines so far.
    calls: AtomicU64,
}

/// A wait that has been announced; it is over when this goes.
struct Announced<'a> {
    free: &'a Free,
    id: u64,
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        self.free.lock().waiters.remove(&self.id);
    }
}

impl Free {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn enter(&self) {
        let mut state = self.lock();
        state.running += 1;
        state.entered += 1;
    }

    pub(super) fn leave(&self, clock: &Clock) {
        self.lock().stops(true, clock, &self.quiet);
    }

    pub(super) fn start(
        self: &Arc<Self>,
        kernel: &Arc<Kernel>,
        name: String,
        body: impl FnOnce(Arc<Baton>) + Send + 'static,
    ) {
        let mut state = self.lock();
        state.running += 1;
        state.own_running += 1;
        let (free, kernel) = (Arc::clone(self), Arc::clone(kernel));
        let host = std::thread::Builder::new().name(name).stack_size(STACK_BYTES);
        let run = move || {
            body(Arc::new(Baton::Threads));
            free.lock().stops(false, &kernel.clock, &free.quiet);
        };
        let os_thread = step::unstepped(|| host.spawn(run)).expect("the host has a thread to spare");
        // Those that have ended need not be kept.
        state.os_threads.retain(|os_thread| !os_thread.is_finished());
        state.os_threads.push(os_thread);
    }

    /// A thread of its own does the work.
    pub(super) fn defer(self: &Arc<Self>, cpu: &Cpu, work: Deferred) {
        let (kernel, thread) = (Arc::clone(cpu.kernel()), cpu.thread());
        self.start(cpu.kernel(), "deferred work".to_owned(), move |baton| {
            // If the simulation ends in there, that has been recorded, and the panic is only a way out.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                Cpu::new(kernel, thread, Some(baton)).execute(work);
            }));
        });
    }

    pub(super) fn signal(&self, key: Address) {
        self.lock().wake(|waiter| waiter.key == key);
    }

    pub(super) fn wait(
        &self,
        cpu: &Cpu,
        key: Address,
        deadline: Option<u64>,
        mut satisfied: impl FnMut() -> bool,
    ) -> Result<bool, Stuck> {
        loop {
            // Announced before it looks: a signal between looking and sleeping is not lost.
            let announced = self.announce(cpu, key, deadline);
            if satisfied() {
                return Ok(true);
            }
            if deadline.is_some_and(|deadline| deadline <= cpu.kernel().clock.now()) {
                return Ok(false);
            }
            let woken = self.sleep(&announced, cpu);
            let killed = self.lock().killed && cpu.baton().is_some();
            drop(announced);
            if killed {
                cpu.leave(Exit::Killed);
            }
            if cpu.kernel().has_crashed() {
                cpu.leave(Exit::Crash);
            }
            if !woken {
                return Err(Stuck(self.who_waits(cpu)));
            }
        }
    }

    fn announce(&self, cpu: &Cpu, key: Address, deadline: Option<u64>) -> Announced<'_> {
        let mut state = self.lock();
        state.last_waiter += 1;
        let id = state.last_waiter;
        let waiter = Waiter {
            key,
            deadline,
            from_outside: cpu.baton().is_none(),
            name: name_of(cpu),
            place: cpu.place().0,
            asleep: false,
            woken: false,
            condvar: Arc::default(),
        };
        state.waiters.insert(id, waiter);
        Announced { free: self, id }
    }

    pub(super) fn preempt(&self) {
        // Relaxed: only has to differ from call to call.
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let drawn = Random::new(call).below(SLEEPS);
        if drawn == 0 {
            std::thread::sleep(NAP);
        } else if drawn.is_multiple_of(YIELDS) {
            std::thread::yield_now();
        }
    }

    /// Sleeps until woken. Returns whether it was; else everyone waits for ever.
    fn sleep(&self, announced: &Announced<'_>, cpu: &Cpu) -> bool {
        let id = announced.id;
        let mut state = self.lock();
        if state.killed || cpu.kernel().has_crashed() {
            return true;
        }
        let Some(waiter) = state.waiters.get_mut(&id) else { return true };
        if waiter.woken {
            return true;
        }
        waiter.asleep = true;
        let (from_outside, deadline) = (waiter.from_outside, waiter.deadline);
        let clock = &cpu.kernel().clock;
        let began = clock.now();
        let condvar = Arc::clone(&waiter.condvar);
        state.stops(from_outside, &cpu.kernel().clock, &self.quiet);
        let is_woken = |state: &State| state.waiters.get(&id).is_none_or(|waiter| waiter.woken);
        let mut entered = state.entered;
        while !is_woken(&state) {
            if !from_outside {
                // A driver's thread may wait for ever.
                state = condvar.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (guard, timeout) =
                condvar.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            state = guard;
            if timeout.timed_out() && !is_woken(&state) {
                if state.running == 0 && state.entered == entered {
                    state.running += 1;
                    return false;
                }
                entered = state.entered;
                if deadline.is_none() && is_in_vain(began, clock.now()) {
                    state.running += 1;
                    return false;
                }
            }
        }
        true
    }

    fn who_waits(&self, cpu: &Cpu) -> String {
        let state = self.lock();
        let mut names: Vec<_> = state.waiters.values().map(|waiter| waiter.name.clone()).collect();
        names.push(name_of(cpu));
        names.sort();
        names.join(", ")
    }

    /// Who waits, where and for what, for somebody to read.
    pub(super) fn waiting(&self) -> Vec<String> {
        let state = self.lock();
        let mut all: Vec<_> = state.waiters.values().map(ToString::to_string).collect();
        all.sort();
        all.push(format!(
            "{} threads run, {} of them drivers' or the system's",
            state.running, state.own_running
        ));
        all
    }

    /// Waits until at some moment no thread of a driver or of the system ran.
    pub(super) fn settle(&self, cpu: &Cpu) {
        let mut state = self.lock();
        let before = state.quiet;
        while state.own_running > 0 && state.quiet == before && !cpu.kernel().has_crashed() {
            state = self.quiet.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        if cpu.kernel().has_crashed() {
            cpu.leave(Exit::Crash);
        }
    }

    pub(super) fn advance_to(&self, cpu: &Cpu, time: u64) {
        let clock = &cpu.kernel().clock;
        loop {
            let passed = self.lock().pass_time(clock, Some(time));
            if !passed {
                break;
            }
            self.settle(cpu);
        }
        clock.move_to(time);
    }

    pub(super) fn wake_all(&self) {
        self.lock().wake(|_| true);
        self.quiet.notify_all();
    }

    pub(super) fn shut_down(&self) {
        let os_threads = {
            let mut state = self.lock();
            state.killed = true;
            state.wake(|_| true);
            std::mem::take(&mut state.os_threads)
        };
        for os_thread in os_threads {
            // Its panics are caught where they happen.
            let _ = os_thread.join();
        }
    }
}

fn name_of(cpu: &Cpu) -> String {
    match cpu.baton() {
        Some(_) => std::thread::current().name().unwrap_or("a driver's thread").to_owned(),
        None => format!("the caller as thread {}", cpu.thread().tid()),
    }
}
