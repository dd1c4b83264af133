//! The driver's instructions: decoded, and executed with another address in place of the one that faults.

use std::cell::Cell;

use iced_x86::{
    Code, Decoder, DecoderOptions, Encoder, Formatter as _, Instruction, InstructionInfoFactory,
    IntelFormatter, OpAccess, OpKind, Register,
};

use crate::abi::{Address, Ptr};
use crate::ke::fault::Handled;
use crate::ke::registers::Registers;
use crate::ke::{host_thread, step};
use crate::kernel::Kernel;

/// The longest instruction there is.
const MAX_BYTES: usize = 15;
const BITS: u32 = 64;
/// Number of RSI among the general-purpose registers.
const RSI: usize = 6;
/// Registers that may stand in for an address; none of them forces a prefix that excludes AH, BH, CH and DH.
const SCRATCH: [Register; 6] =
    [Register::RBX, Register::RDI, Register::RSI, Register::RDX, Register::RCX, Register::RAX];

/// The instruction of a driver at an address.
pub(super) fn decode(kernel: &Kernel, address: Address) -> Option<Instruction> {
    let driver = kernel.driver_at(address)?;
    let image = driver.image()?;
    let left = image.base() + image.bytes() - address;
    let bytes = Ptr::<u8>::at(address).read_slice(left.min(MAX_BYTES));
    let mut decoder = Decoder::with_ip(BITS, &bytes, address as u64, DecoderOptions::NONE);
    let instruction = decoder.decode();
    (!instruction.is_invalid()).then_some(instruction)
}

/// How many bytes an instruction accesses; 1 if it is none of a driver's.
pub(crate) fn access_bytes(kernel: &Kernel, address: Address) -> usize {
    decode(kernel, address).map_or(1, |instruction| instruction.memory_size().size().max(1))
}

/// The text of a driver's instruction, and whether it is one for the kernel alone.
pub(in crate::ke) fn text(kernel: &Kernel, address: Address) -> Option<(String, bool)> {
    let instruction = decode(kernel, address)?;
    let mut text = String::new();
    IntelFormatter::new().format(&instruction, &mut text);
    Some((text, instruction.is_privileged()))
}

/// An instruction that executes with another address.
#[derive(Clone, Copy)]
struct Replaced {
    /// The register that holds the address, by number.
    register: usize,
    /// What it held, or for a string instruction, what to add to it.
    value: usize,
    /// Where execution goes on; `None`: where it is.
    next: Option<Address>,
}

thread_local! {
    static REPLACED: Cell<Option<Replaced>> = const { Cell::new(None) };
}

/// Executes an instruction that reads memory at `target` instead of `address`.
pub(super) fn read_elsewhere(
    kernel: &Kernel,
    registers: &mut Registers<'_>,
    at: Address,
    address: Address,
    target: Address,
) -> Handled {
    let Some(instruction) = decode(kernel, at) else { return Handled::No };
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(&instruction);
    let writes = |access| !matches!(access, OpAccess::Read | OpAccess::CondRead | OpAccess::NoMemAccess);
    let is_string =
        (0..instruction.op_count()).any(|operand| instruction.op_kind(operand) == OpKind::MemorySegRSI);
    if is_string {
        // One round of it: the next one faults again.
        REPLACED.set(Some(Replaced { register: RSI, value: address.wrapping_sub(target), next: None }));
        registers.set_numbered(RSI, target);
        step::replace(registers, at, finish);
        return Handled::Retry;
    }
    if info.used_memory().iter().any(|memory| writes(memory.access())) {
        return Handled::No;
    }
    let used = |register: Register| {
        info.used_registers().iter().any(|used| used.register().full_register() == register)
    };
    let Some(scratch) = SCRATCH.into_iter().find(|register| !used(*register)) else { return Handled::No };
    let Some(bytes) = encode(instruction, scratch) else { return Handled::No };
    let place = host_thread::scratch_code();
    Ptr::<u8>::at(place).write_slice(&bytes);
    let register = scratch.number();
    let value = registers.numbered(register);
    REPLACED.set(Some(Replaced { register, value, next: Some(at + instruction.len()) }));
    registers.set_numbered(register, target);
    registers.set_instruction(place);
    step::replace(registers, at, finish);
    Handled::Retry
}

/// The instruction with a register as its address.
fn encode(mut instruction: Instruction, base: Register) -> Option<Vec<u8>> {
    // These have no form with a register.
    match instruction.code() {
        Code::Mov_AL_moffs8 => instruction.set_code(Code::Mov_r8_rm8),
        Code::Mov_AX_moffs16 => instruction.set_code(Code::Mov_r16_rm16),
        Code::Mov_EAX_moffs32 => instruction.set_code(Code::Mov_r32_rm32),
        Code::Mov_RAX_moffs64 => instruction.set_code(Code::Mov_r64_rm64),
        _ => {}
    }
    instruction.set_memory_base(base);
    instruction.set_memory_index(Register::None);
    instruction.set_memory_index_scale(1);
    instruction.set_memory_displacement64(0);
    instruction.set_memory_displ_size(0);
    instruction.set_segment_prefix(Register::None);
    let mut encoder = Encoder::new(BITS);
    encoder.encode(&instruction, instruction.ip()).ok()?;
    Some(encoder.take_buffer())
}

/// Brings execution back after such an instruction.
fn finish(registers: &mut Registers<'_>) {
    let Some(Replaced { register, value, next }) = REPLACED.take() else { return };
    match next {
        Some(next) => {
            registers.set_numbered(register, value);
            registers.set_instruction(next);
        }
        None => registers.set_numbered(register, registers.numbered(register).wrapping_add(value)),
    }
}
