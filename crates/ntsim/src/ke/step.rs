//! Single-stepping: the processor traps after each instruction (`RFLAGS.TF`), which counts instructions exactly, and
//! executes a single one where something is to be done right after it.
//!
//! Stepping belongs to an OS thread, and goes on through everything that the thread does: the driver, the routines that
//! it calls, and the simulator. An instruction is attributed before it executes:
//!
//! * to the **driver** if it lies in an image that was loaded when counting began;
//! * to the **routines** if it executes below a driver's frames on the stack, but outside the images;
//! * to the **simulator** otherwise.
//!
//! A repeated string instruction counts as one, like on hardware counters of retired instructions. System calls count as
//! the one instruction that they are.

use std::arch::asm;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::{Add, AddAssign, Range, Sub};
use std::sync::OnceLock;

use super::cpu::{self, Cpu};
use super::registers::Registers;
use super::stores::{Seen, Stores};
use crate::abi::{Address, Ptr};

/// Numbers of instructions, by who executed them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Instructions {
    /// In the images of drivers.
    pub driver: u64,
    /// In routines that drivers called, with all that they did.
    pub routines: u64,
    /// Everywhere else: what the simulation itself takes.
    pub simulator: u64,
}

impl Instructions {
    /// All of them together.
    #[must_use]
    pub fn total(self) -> u64 {
        self.driver + self.routines + self.simulator
    }
}

impl Add for Instructions {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            driver: self.driver + other.driver,
            routines: self.routines + other.routines,
            simulator: self.simulator + other.simulator,
        }
    }
}

impl AddAssign for Instructions {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Instructions {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            driver: self.driver.saturating_sub(other.driver),
            routines: self.routines.saturating_sub(other.routines),
            simulator: self.simulator.saturating_sub(other.simulator),
        }
    }
}

/// `syscall`; the trap that it owes comes only after the instruction that follows it.
const SYSCALL: [u8; 2] = [0x0F, 0x05];

/// What is done after a single instruction.
pub(crate) type Then = fn(&Cpu);

/// How an instruction that executed elsewhere is brought back.
pub(super) type Finish = fn(&mut Registers<'_>);

/// The stepping of one OS thread. Cells only: the handler of a trap reads and writes it.
struct State {
    counting: Cell<bool>,
    paused: Cell<bool>,
    /// Whether only drivers' instructions are wanted, so that nothing else need be stepped through.
    only_drivers: Cell<bool>,
    /// Whether what executes now is not stepped through, although counting goes on.
    asleep: Cell<bool>,
    /// The images whose instructions are a driver's; valid while `counting` is set.
    images: Cell<*const [Range<Address>]>,
    counts: Cell<Instructions>,
    stores: Seen,
    /// The instruction counted last.
    last: Cell<Address>,
    /// The stack pointer at which the outermost driver code began; 0 outside.
    boundary: Cell<usize>,
    then: Cell<Option<Then>>,
    /// The instruction that executes elsewhere, and how to come back from there.
    replaced: Cell<Option<(Address, Finish)>>,
}

thread_local! {
    static STATE: State = const {
        State {
            counting: Cell::new(false),
            paused: Cell::new(false),
            only_drivers: Cell::new(false),
            asleep: Cell::new(false),
            images: Cell::new(&[]),
            counts: Cell::new(Instructions { driver: 0, routines: 0, simulator: 0 }),
            stores: Seen::new(),
            last: Cell::new(0),
            boundary: Cell::new(0),
            then: Cell::new(None),
            replaced: Cell::new(None),
        }
    };
}

impl State {
    /// Whether an instruction is a driver's; asked only while `counting` is set.
    fn is_in_driver(&self, instruction: Address) -> bool {
        // SAFETY: `Counting` keeps the list while `counting` is set.
        let images = unsafe { &*self.images.get() };
        images.iter().any(|image| image.contains(&instruction))
    }

    /// Counts an instruction that is about to execute.
    fn count(&self, registers: &Registers<'_>) {
        let (instruction, stack) = (registers.instruction(), registers.stack());
        if self.paused.get() || self.asleep.get() || self.last.replace(instruction) == instruction {
            return;
        }
        let mut counts = self.counts.get();
        // SAFETY: `Counting` keeps the list while `counting` is set.
        let images = unsafe { &*self.images.get() };
        if let Some(image) = images.iter().find(|image| image.contains(&instruction)) {
            if self.boundary.get() == 0 {
                self.boundary.set(stack);
            }
            counts.driver += 1;
            self.stores.look(registers, image, self.boundary.get());
        } else if !self.only_drivers.get() {
            // The trap that a system call owes never comes, so what follows it is counted here.
            let both = if Ptr::<[u8; 2]>::at(instruction).read() == SYSCALL { 2 } else { 1 };
            if stack < self.boundary.get() {
                counts.routines += both;
            } else {
                counts.simulator += both;
            }
        }
        self.counts.set(counts);
    }
}

/// A trap after an instruction.
pub(super) fn trap(registers: &mut Registers<'_>) {
    STATE.with(|state| {
        if let Some((_, finish)) = state.replaced.take() {
            finish(registers);
        }
        if let (Some(then), Some((cpu, _))) = (state.then.take(), cpu::in_driver()) {
            then(cpu);
        }
        let counting = state.counting.get();
        if counting {
            state.count(registers);
        }
        registers.set_trap_flag(counting && !state.asleep.get());
    });
}

/// A stage of the fault handler has replaced an instruction by going on elsewhere.
pub(super) fn moved(registers: &mut Registers<'_>) {
    STATE.with(|state| {
        if state.counting.get() {
            // A routine's fault may have led to a handler in the driver, which is stepped through again.
            if state.asleep.get() && state.is_in_driver(registers.instruction()) {
                state.asleep.set(false);
                registers.set_trap_flag(true);
            }
            state.count(registers);
        }
    });
}

/// Whether this OS thread owes a trap after the instruction that it executes.
pub(super) fn is_stepping() -> bool {
    STATE.with(|state| state.counting.get() || state.then.get().is_some() || state.replaced.get().is_some())
}

/// A fault ends the simulation: nothing is stepped through any more, least of all the making of the report.
pub(super) fn abandon(registers: &mut Registers<'_>) {
    STATE.with(|state| state.counting.set(false));
    registers.set_trap_flag(false);
}

/// Executes the instruction that the registers point to, and then does something, before the next one. For a stage of
/// the fault handler, which then returns [`super::fault::Handled::Retry`].
#[allow(dead_code, reason = "for watches of memory")]
pub(crate) fn once(registers: &mut Registers<'_>, then: Then) {
    STATE.with(|state| state.then.set(Some(then)));
    registers.set_trap_flag(true);
}

/// Executes, in place of `original`, the instruction that the registers point to, and then `finish`.
pub(super) fn replace(registers: &mut Registers<'_>, original: Address, finish: Finish) {
    STATE.with(|state| state.replaced.set(Some((original, finish))));
    registers.set_trap_flag(true);
}

/// The instruction of the driver that is meant where one executes in its place.
pub(super) fn original_instruction(instruction: Address) -> Address {
    STATE.with(|state| {
        state.then.set(None);
        state.replaced.take().map_or(instruction, |(original, _)| original)
    })
}

/// The instructions counted so far on this OS thread, if they are being counted.
pub(crate) fn counted() -> Option<Instructions> {
    STATE.with(|state| state.counting.get().then(|| state.counts.get()))
}

/// What drivers were seen to write since the last call of this, in place of what `before` says that they have.
pub(super) fn exchange_stores(before: &Stores) -> Stores {
    STATE.with(|state| state.stores.exchange(before))
}

/// Driver code of the outermost call has returned or been left: what follows is the simulator's.
#[inline]
pub(super) fn left_driver() {
    STATE.with(|state| state.boundary.set(0));
}

/// Does what a routine does for a driver: not stepped through if only drivers' instructions are counted.
#[inline]
pub(crate) fn in_routine<R>(work: impl FnOnce() -> R) -> R {
    sleeping(true, work)
}

/// Calls a driver, which is stepped through if its instructions are counted.
#[inline]
pub(super) fn in_driver<R>(work: impl FnOnce() -> R) -> R {
    sleeping(false, work)
}

fn sleeping<R>(asleep: bool, work: impl FnOnce() -> R) -> R {
    let wanted = STATE.with(|state| state.counting.get() && state.only_drivers.get());
    if !wanted {
        return work();
    }
    let outer = STATE.with(|state| state.asleep.replace(asleep));
    step_unless(asleep);
    let result = work();
    STATE.with(|state| state.asleep.set(outer));
    step_unless(outer);
    result
}

fn step_unless(asleep: bool) {
    if asleep {
        switch_off();
    } else {
        switch_on();
    }
}

/// Whether instructions are counted, and so stepped through, on this OS thread.
pub(super) fn is_counting() -> bool {
    STATE.with(|state| state.counting.get())
}

/// Ends the stepping that began in what was left early, whose [`Counting`] is never dropped.
pub(super) fn give_up() {
    stop();
}

/// Does something that is not counted.
pub(crate) fn uncounted<R>(work: impl FnOnce() -> R) -> R {
    let outer = STATE.with(|state| state.paused.replace(true));
    let result = work();
    STATE.with(|state| state.paused.set(outer));
    result
}

/// Does something without stepping through it: what blocks all signals, as making a thread of the host does, would be
/// killed by a trap.
pub(crate) fn unstepped<R>(work: impl FnOnce() -> R) -> R {
    // The trap that follows clears the flag.
    let counting = STATE.with(|state| state.counting.replace(false));
    let result = work();
    if counting {
        let asleep = STATE.with(|state| {
            state.counting.set(true);
            state.asleep.get()
        });
        step_unless(asleep);
    }
    result
}

/// Counts the instructions of this OS thread while it exists.
pub(crate) struct Counting {
    /// Kept for the handler.
    _images: Box<[Range<Address>]>,
    /// The trap flag is the OS thread's.
    _thread: PhantomData<*const ()>,
}

impl Counting {
    /// Begins to count from zero, unless this thread counts already.
    pub(crate) fn begin(images: Vec<Range<Address>>) -> Option<Self> {
        Self::begin_with(images, false)
    }

    /// Begins to count drivers' instructions alone, which steps through nothing else.
    pub(crate) fn begin_drivers(images: Vec<Range<Address>>) -> Option<Self> {
        Self::begin_with(images, true)
    }

    fn begin_with(images: Vec<Range<Address>>, only_drivers: bool) -> Option<Self> {
        let images = images.into_boxed_slice();
        let begun = STATE.with(|state| {
            if state.counting.get() {
                return false;
            }
            state.images.set(&raw const *images);
            state.counts.set(Instructions::default());
            state.last.set(0);
            state.paused.set(false);
            state.only_drivers.set(only_drivers);
            // It wakes when a driver is called.
            state.asleep.set(only_drivers);
            state.counting.set(true);
            true
        });
        begun.then(|| {
            let counting = Self { _images: images, _thread: PhantomData };
            step_unless(only_drivers);
            counting
        })
    }

    /// Stops counting.
    pub(crate) fn end(self) -> Instructions {
        let mut counts = stop();
        drop(self);
        counts.simulator = counts.simulator.saturating_sub(own());
        counts
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        stop();
    }
}

/// Ends the stepping; the last trap comes with the instruction that clears the flag.
fn stop() -> Instructions {
    switch_off();
    STATE.with(|state| {
        state.counting.set(false);
        state.only_drivers.set(false);
        state.asleep.set(false);
        state.images.set(&[]);
        state.counts.get()
    })
}

/// The instructions that beginning and ending take themselves.
fn own() -> u64 {
    static OWN: OnceLock<u64> = OnceLock::new();
    *OWN.get_or_init(|| {
        let counting = Counting::begin(Vec::new());
        let counts = stop();
        drop(counting);
        counts.simulator
    })
}

/// Sets the trap flag: the first trap comes after the instruction that follows.
#[inline(never)]
fn switch_on() {
    // SAFETY: changes nothing but the trap flag, whose traps `fault::install` takes over.
    unsafe { asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq") }
}

/// Clears the trap flag.
#[inline(never)]
fn switch_off() {
    // SAFETY: changes nothing but the trap flag.
    unsafe { asm!("pushfq", "and qword ptr [rsp], ~0x100", "popfq") }
}
