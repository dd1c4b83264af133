//! What a driver's instructions write to: which cache lines, and how many of them are atomic.

use std::cell::Cell;
use std::ops::Range;

use iced_x86::{Decoder, DecoderOptions, InstructionInfoFactory, Mnemonic, OpAccess};

use super::registers::Registers;
use crate::abi::{Address, Ptr};

/// Bytes of a cache line.
const LINE: usize = 64;
/// Lines that are told apart.
const MAX_LINES: usize = 128;
/// The longest instruction there is.
const MAX_BYTES: usize = 15;
const BITS: u32 = 64;
/// A driver's frame begins with the return address, above which is room that belongs to it, too: for the arguments in
/// registers, and for those on the stack.
const ABOVE_FRAME: usize = 128;

/// What was written outside the stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stores {
    /// The cache lines, as addresses divided by their size. No more than 128 are told apart.
    pub lines: Vec<usize>,
    /// Atomic read-modify-write instructions (`lock` or `xchg` with memory), executed.
    pub atomics: u64,
}

/// What an OS thread has seen written. Cells only: the handler of a trap reads and writes it.
pub(super) struct Seen {
    lines: [Cell<usize>; MAX_LINES],
    count: Cell<usize>,
    atomics: Cell<u64>,
}

impl Seen {
    pub(super) const fn new() -> Self {
        Self { lines: [const { Cell::new(0) }; MAX_LINES], count: Cell::new(0), atomics: Cell::new(0) }
    }

    /// An instruction of an image is about to execute, in a frame below `boundary`.
    pub(super) fn look(&self, registers: &Registers<'_>, image: &Range<Address>, boundary: Address) {
        let at = registers.instruction();
        let bytes = Ptr::<u8>::at(at).read_slice((image.end - at).min(MAX_BYTES));
        let instruction = Decoder::with_ip(BITS, &bytes, at as u64, DecoderOptions::NONE).decode();
        let stack = registers.stack()..boundary.saturating_add(ABOVE_FRAME);
        // The trap came at an instruction of the driver, so no allocation of the simulator is under way.
        let mut factory = InstructionInfoFactory::new();
        for memory in factory.info(&instruction).used_memory() {
            let reads_only = matches!(
                memory.access(),
                OpAccess::None | OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess
            );
            let register = |register: iced_x86::Register, _, _| {
                Some(if register.is_gpr64() { registers.numbered(register.number()) as u64 } else { 0 })
            };
            let Some(address) = memory.virtual_address(0, register).filter(|_| !reads_only) else { continue };
            let address = usize::try_from(address).unwrap_or(0);
            // What is pushed goes below the stack pointer.
            if (stack.start.saturating_sub(LINE)..stack.end).contains(&address) {
                continue;
            }
            if instruction.has_lock_prefix() || instruction.mnemonic() == Mnemonic::Xchg {
                self.atomics.set(self.atomics.get() + 1);
            }
            let last = address + memory.memory_size().size().max(1) - 1;
            (address / LINE..=last / LINE).for_each(|line| self.add(line));
        }
    }

    fn add(&self, line: usize) {
        let count = self.count.get();
        let known = self.lines.iter().take(count).any(|known| known.get() == line);
        if let Some(free) = self.lines.get(count).filter(|_| !known) {
            free.set(line);
            self.count.set(count + 1);
        }
    }

    /// What was seen since this was last called, put in place of what was seen before.
    pub(super) fn exchange(&self, before: &Stores) -> Stores {
        let lines = self.lines.iter().take(self.count.get()).map(Cell::get).collect();
        let seen = Stores { lines, atomics: self.atomics.get() };
        self.count.set(0);
        before.lines.iter().for_each(|line| self.add(*line));
        self.atomics.set(before.atomics);
        seen
    }
}
