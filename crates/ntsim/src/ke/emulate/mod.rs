//! What C drivers do inline and a program may not: reads of `KUSER_SHARED_DATA` at its fixed kernel address, and CR8,
//! which is the IRQL. (`gs:` needs no emulation: see [`super::host_thread`].)

mod instruction;
mod shared_data;

pub(crate) use instruction::access_bytes;
pub(super) use instruction::text;

use iced_x86::{Code, OpKind, Register};

use super::cpu::Cpu;
use super::crash::{Fault, FaultKind};
use super::fault::Handled;
use super::irql::Irql;
use super::registers::Registers;

/// A stage of the fault handler.
pub(super) fn stage(cpu: &Cpu, registers: &mut Registers<'_>, fault: &Fault) -> Handled {
    match fault.kind {
        FaultKind::Memory => shared_data::read(cpu, registers, fault),
        FaultKind::Protection => task_priority(cpu, registers, fault),
        _ => Handled::No,
    }
}

/// `mov r64, cr8` and `mov cr8, r64`, as `KeGetCurrentIrql`, `KeRaiseIrql` and `KeLowerIrql` are inline.
fn task_priority(cpu: &Cpu, registers: &mut Registers<'_>, fault: &Fault) -> Handled {
    let Some(instruction) = instruction::decode(cpu.kernel(), fault.instruction) else { return Handled::No };
    let register =
        |operand| usize::from(u8::try_from(instruction.op_register(operand).number()).unwrap_or(0));
    let is_cr8 = |operand| {
        instruction.op_kind(operand) == OpKind::Register && instruction.op_register(operand) == Register::CR8
    };
    match instruction.code() {
        Code::Mov_r64_cr if is_cr8(1) => registers.set_numbered(register(0), usize::from(cpu.irql().0)),
        Code::Mov_cr_r64 if is_cr8(0) => {
            let level = u8::try_from(registers.numbered(register(1))).map(Irql);
            let Some(level) = level.ok().filter(|level| *level <= Irql::HIGH) else { return Handled::No };
            cpu.set_irql(level);
        }
        _ => return Handled::No,
    }
    registers.set_instruction(fault.instruction + instruction.len());
    Handled::MovedOn
}
