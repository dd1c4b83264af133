//! Timers: `KTIMER`, and those of `ExAllocateTimer`. One System thread waits for the next that is due.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::cpu::{Cpu, Entry, Frame};
use super::crash::Crash;
use super::dispatcher::{self, kind, state_of};
use super::dpc;
use crate::abi::{Address, DispatcherHeader, ListEntry, Ptr};
use crate::ex::block::{Block, Content};
use crate::ex::work;
use crate::io::driver::Driver;
use crate::ps::ThreadKind;
use crate::rtl::memory;
use crate::sim::Leak;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// `sizeof(KTIMER)`, and in words.
const TIMER_BYTES: usize = 64;
const DUE_TIME: usize = 24;
const PERIOD: usize = 60;
/// 100 ns in a millisecond, the unit of periods.
const MILLISECOND: u64 = 10_000;
/// `EX_TIMER_NO_WAKE`, `EX_TIMER_HIGH_RESOLUTION`, `EX_TIMER_NOTIFICATION`: the attributes that there are.
const ATTRIBUTES: u32 = 0x8000_000C;
const NOTIFICATION: u32 = 0x8000_0000;
const TIMER_TAG: u32 = u32::from_le_bytes(*b"ExTm");

/// What happens when a timer expires, besides its being signalled.
#[derive(Clone, Copy)]
enum Action {
    /// A deferred procedure call, unless NULL.
    Dpc(Ptr),
    /// A callback of a timer of `ExAllocateTimer`.
    Callback { routine: Ptr, context: usize },
}

/// A timer that is set.
#[derive(Clone)]
struct Set {
    due: u64,
    /// In 100 ns; 0: once.
    period: u64,
    action: Action,
    driver: Arc<Driver>,
}

/// A timer of `ExAllocateTimer`.
struct Allocated {
    block: Block,
    action: Action,
    driver: Arc<Driver>,
}

#[derive(Default)]
struct State {
    set: AddressMap<Set>,
    allocated: AddressMap<Allocated>,
    /// Whether the thread is there that waits for them.
    served: bool,
    /// Timers whose callbacks run.
    running: Vec<Address>,
    /// Raised whenever the next timer that is due may be another.
    changes: u64,
}

/// The timers of one kernel.
#[derive(Default)]
pub(crate) struct Timers(Lock<State>);

impl Timers {
    fn key(&self) -> Address {
        Ptr::of(&raw const self.0).address()
    }

    /// What a driver that is gone left set, or did not delete.
    pub(crate) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut state = self.0.lock();
        let is_its = |owner: &Arc<Driver>| Arc::ptr_eq(owner, driver);
        let set = state.set.values().filter(|set| is_its(&set.driver)).count();
        let allocated = state.allocated.values().filter(|timer| is_its(&timer.driver)).count();
        state.set.retain(|_, set| !is_its(&set.driver));
        state.allocated.retain(|_, timer| !is_its(&timer.driver));
        state.changes += 1;
        vec![Leak::new("timer", "still set", set), Leak::new("timer", "not deleted", allocated)]
    }
}

/// Writes a timer that is not set.
fn prepare(timer: Ptr, kind: u8) {
    timer.cast::<u8>().write_slice(&[0; TIMER_BYTES]);
    let list = timer.byte_offset(std::mem::offset_of!(DispatcherHeader, wait_list));
    timer.cast().write(DispatcherHeader {
        kind,
        signalling: 0,
        size: u8::try_from(TIMER_BYTES / 4).unwrap_or(0),
        reserved: 0,
        signal_state: 0,
        wait_list: ListEntry { flink: list, blink: list },
    });
}

/// `KeInitializeTimer`.
pub(crate) fn initialize(cpu: &Cpu, timer: Ptr) {
    initialize_ex(cpu, timer, 0);
}

/// `KeInitializeTimerEx`: type 1 satisfies one wait each time.
pub(crate) fn initialize_ex(cpu: &Cpu, timer: Ptr, timer_type: u32) {
    if timer_type > 1 {
        cpu.violation(Rule::InvalidParameter, format!("{timer_type} is no TIMER_TYPE"));
    }
    if cpu.kernel().timers.0.lock().set.contains_key(&timer.address()) {
        cpu.violation(Rule::InvalidParameter, format!("initializes the timer at {timer:?}, which is set"));
    }
    prepare(timer, if timer_type == 0 { kind::NOTIFICATION_TIMER } else { kind::SYNCHRONIZATION_TIMER });
}

fn check(cpu: &Cpu, timer: Ptr) {
    let found = dispatcher::kind_of(timer);
    if !matches!(found, kind::NOTIFICATION_TIMER | kind::SYNCHRONIZATION_TIMER) {
        cpu.violation(Rule::InvalidParameter, format!("the timer at {timer:?} was never initialized"));
    }
}

/// Sets a timer; returns whether it was set.
fn set(cpu: &Cpu, timer: Ptr, due: i64, period: u64, action: Action) -> bool {
    let Some(driver) = cpu.driver() else { return false };
    let kernel = cpu.kernel();
    let due = kernel.clock.deadline(due);
    timer.byte_offset(DUE_TIME).write(due);
    timer.byte_offset(PERIOD).write(u32::try_from(period / MILLISECOND).unwrap_or(u32::MAX));
    // Release: nobody sees the old signal once the timer is set again.
    state_of(timer).store(0, Ordering::Release);
    let (before, starts) = {
        let mut state = kernel.timers.0.lock();
        let before = state.set.insert(timer.address(), Set { due, period, action, driver });
        state.changes += 1;
        (before, !std::mem::replace(&mut state.served, true))
    };
    if starts {
        serve(cpu);
    }
    kernel.scheduler.signal(kernel.timers.key());
    before.is_some()
}

/// `KeSetTimer`.
pub(crate) fn set_once(cpu: &Cpu, timer: Ptr, due: i64, dpc: Ptr) -> u8 {
    set_periodic(cpu, timer, due, 0, dpc)
}

/// `KeSetTimerEx`: the period in milliseconds.
pub(crate) fn set_periodic(cpu: &Cpu, timer: Ptr, due: i64, period: i32, dpc: Ptr) -> u8 {
    check(cpu, timer);
    let period = u64::try_from(period).unwrap_or(0) * MILLISECOND;
    u8::from(set(cpu, timer, due, period, Action::Dpc(dpc)))
}

/// `KeSetCoalescableTimer`: it expires as early as it may.
pub(crate) fn set_coalescable(cpu: &Cpu, timer: Ptr, due: i64, period: u32, _tolerance: u32, dpc: Ptr) -> u8 {
    set_periodic(cpu, timer, due, i32::try_from(period).unwrap_or(i32::MAX), dpc)
}

/// Takes a timer out; returns whether it was set.
fn take(cpu: &Cpu, timer: Ptr) -> bool {
    let mut state = cpu.kernel().timers.0.lock();
    state.changes += 1;
    state.set.remove(&timer.address()).is_some()
}

/// `KeCancelTimer`.
pub(crate) fn cancel(cpu: &Cpu, timer: Ptr) -> u8 {
    check(cpu, timer);
    u8::from(take(cpu, timer))
}

/// `KeReadStateTimer`.
pub(crate) fn read_state(cpu: &Cpu, timer: Ptr) -> u8 {
    check(cpu, timer);
    // Acquire: pairs with the Release in `expire`.
    u8::from(state_of(timer).load(Ordering::Acquire) > 0)
}

/// Starts the thread that waits for timers.
fn serve(cpu: &Cpu) {
    let kernel = Arc::clone(cpu.kernel());
    let thread = kernel.create_thread(&kernel.system, None, ThreadKind::System).expect("a number is free");
    let name = format!("timers {}", thread.tid());
    cpu.kernel().scheduler.start(cpu, name, move |baton| {
        let cpu = Cpu::new(kernel, thread, Some(baton));
        cpu.execute(|cpu| {
            // Left early when the simulation ends.
            let _ = cpu.run_kernel_thread(|| {
                if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| wait_for_timers(cpu))) {
                    cpu.crash(Crash::Panic(payload));
                }
            });
        });
    });
}

fn wait_for_timers(cpu: &Cpu) {
    let kernel = cpu.kernel();
    loop {
        let (next, changes) = {
            let state = kernel.timers.0.lock();
            (state.set.values().map(|set| set.due).min(), state.changes)
        };
        let is_other = || kernel.timers.0.lock().changes != changes;
        if kernel.scheduler.wait(cpu, kernel.timers.key(), next, is_other) {
            continue;
        }
        let now = kernel.clock.now();
        let mut due: Vec<_> = {
            let mut state = kernel.timers.0.lock();
            let due = state
                .set
                .iter()
                .filter(|(_, set)| set.due <= now)
                .map(|(at, set)| (*at, set.clone()))
                .collect();
            for (address, set) in &due as &Vec<(Address, Set)> {
                if set.period == 0 {
                    state.set.remove(address);
                } else if let Some(set) = state.set.get_mut(address) {
                    set.due += set.period;
                }
            }
            due
        };
        due.sort_by_key(|(address, set)| (set.due, *address));
        for (address, set) in due {
            expire(cpu, Ptr::at(address), set);
        }
    }
}

/// A timer expires: whoever waits for it goes on, and its procedure is called.
fn expire(cpu: &Cpu, timer: Ptr, set: Set) {
    if !memory::is_writable(timer.address()) {
        let frame = Frame { driver: set.driver, entry: Entry::Dpc, operation: None };
        cpu.violation_in(&frame, Rule::Pool, format!("freed the timer at {timer:?} while it was set"));
        take(cpu, timer);
        return;
    }
    // Whoever sees the signal and waits for what follows from it finds that it is not over.
    cpu.kernel().dpcs.hold();
    let calls_back = matches!(set.action, Action::Callback { routine, .. } if !routine.is_null());
    if calls_back {
        cpu.kernel().timers.0.lock().running.push(timer.address());
    }
    // Release: pairs with the Acquire of whoever waits.
    state_of(timer).store(1, Ordering::Release);
    dispatcher::signal(cpu, timer.address());
    match set.action {
        Action::Dpc(dpc) if !dpc.is_null() => {
            dpc::queue(cpu, dpc, set.driver, 0, 0);
        }
        Action::Callback { routine, context } if calls_back => work::queue_dpc(cpu, move |cpu| {
            let frame = Frame { driver: set.driver, entry: Entry::Dpc, operation: None };
            cpu.call_driver(frame, routine, &[timer.address(), context]);
            {
                let mut state = cpu.kernel().timers.0.lock();
                let position = state.running.iter().position(|running| *running == timer.address());
                position.map(|position| state.running.swap_remove(position));
            }
            cpu.kernel().scheduler.signal(timer.address() + RUNNING);
        }),
        Action::Dpc(_) | Action::Callback { .. } => {}
    }
    dpc::release(cpu);
}

/// Offset of the key by which one waits until no callback of a timer runs.
const RUNNING: usize = 1;

/// `ExAllocateTimer`.
pub(crate) fn allocate(cpu: &Cpu, routine: Ptr, context: usize, attributes: u32) -> Ptr {
    if attributes & !ATTRIBUTES != 0 {
        cpu.violation(
            Rule::InvalidParameter,
            format!("allocates a timer with the attributes 0x{attributes:X}"),
        );
    }
    let Some(driver) = cpu.driver() else { return Ptr::NULL };
    let block = cpu.kernel().pool.block(cpu, TIMER_BYTES, Content::Zeroed, "timer", TIMER_TAG, false);
    let timer: Ptr = block.ptr();
    let notifies = attributes & NOTIFICATION != 0;
    prepare(timer, if notifies { kind::NOTIFICATION_TIMER } else { kind::SYNCHRONIZATION_TIMER });
    let allocated = Allocated { block, action: Action::Callback { routine, context }, driver };
    cpu.kernel().timers.0.lock().allocated.insert(timer.address(), allocated);
    timer
}

fn action_of(cpu: &Cpu, timer: Ptr) -> Option<Action> {
    let found = cpu.kernel().timers.0.lock().allocated.get(&timer.address()).map(|timer| timer.action);
    if found.is_none() {
        cpu.violation(
            Rule::ObjectReference,
            format!("{timer:?} is no timer of ExAllocateTimer's (any more)"),
        );
    }
    found
}

/// `ExSetTimer`: the period in 100 ns.
pub(crate) fn set_allocated(cpu: &Cpu, timer: Ptr, due: i64, period: i64, _parameters: Ptr) -> u8 {
    let Some(action) = action_of(cpu, timer) else { return 0 };
    u8::from(set(cpu, timer, due, u64::try_from(period).unwrap_or(0), action))
}

/// `ExCancelTimer`.
pub(crate) fn cancel_allocated(cpu: &Cpu, timer: Ptr, _parameters: Ptr) -> u8 {
    u8::from(action_of(cpu, timer).is_some() && take(cpu, timer))
}

/// `ExDeleteTimer`.
pub(crate) fn delete(cpu: &Cpu, timer: Ptr, cancel: u8, wait: u8, _parameters: Ptr) -> u8 {
    if action_of(cpu, timer).is_none() {
        return 0;
    }
    if wait != 0 && cancel == 0 {
        cpu.violation(Rule::InvalidParameter, "deletes a timer with Wait but not Cancel");
    }
    let kernel = cpu.kernel();
    let was_set = take(cpu, timer);
    if wait != 0 {
        let runs = || kernel.timers.0.lock().running.contains(&timer.address());
        kernel.scheduler.wait(cpu, timer.address() + RUNNING, None, || !runs());
    }
    let removed = kernel.timers.0.lock().allocated.remove(&timer.address());
    if let Some(allocated) = removed {
        kernel.pool.retire(cpu, allocated.block, TIMER_TAG);
    }
    u8::from(was_set)
}
