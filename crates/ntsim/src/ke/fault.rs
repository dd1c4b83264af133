//! Hardware exceptions in driver code: what a chain of stages cannot deal with ends the simulation with a report,
//! instead of the process without one.
//!
//! The order of the chain is the order in which the stages are asked. Each may change the registers that execution goes
//! on with. The last resort is the report.
//!
//! A stage runs on the signal stack of its thread, in the middle of an instruction of the driver or of a routine that
//! touches the driver's memory. No lock is held there (see [`crate::util::Lock`]), so a stage may take locks and
//! allocate; it may not call driver code, and it must not fault itself.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

use super::cpu::{self, Cpu};
use super::crash::{Fault, FaultKind};
use super::registers::Registers;
use super::{emulate, escape, step};
use crate::rtl::exception;
use crate::verifier::watch;

/// What a stage did about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handled {
    /// Nothing: the next stage is asked.
    No,
    /// The instruction is tried again, or executed in a replaced form.
    Retry,
    /// The instruction is done with: execution goes on where the registers now say.
    MovedOn,
}

/// A stage of the chain.
type Stage = fn(&Cpu, &mut Registers<'_>, &Fault) -> Handled;

/// The chain, in order. Watched memory comes before emulation, and what the driver handles itself last.
const CHAIN: [Stage; 3] = [watch::stage, emulate::stage, exception::stage];

/// The signals taken over, and what each means.
const SIGNALS: [(i32, FaultKind); 5] = [
    (libc::SIGSEGV, FaultKind::Memory),
    (libc::SIGBUS, FaultKind::Memory),
    (libc::SIGILL, FaultKind::Instruction),
    (libc::SIGFPE, FaultKind::Arithmetic),
    (libc::SIGTRAP, FaultKind::Breakpoint),
];

/// `si_code` of a trap of which the processor's debug status says nothing.
const TRAP_BRKPT: i32 = 1;
/// `si_code` of a trap that follows an instruction, and not a breakpoint.
const TRAP_TRACE: i32 = 2;
/// `si_code` of what the processor did not attribute to an address, such as a general protection fault.
const SI_KERNEL: i32 = 0x80;

/// The handlers that were there before, in the order of [`SIGNALS`].
static PREVIOUS: OnceLock<[libc::sigaction; SIGNALS.len()]> = OnceLock::new();

/// Installs the handler, once in the process. Faults outside driver code go where they went before.
pub(crate) fn install() {
    PREVIOUS.get_or_init(|| {
        SIGNALS.map(|(signal, _)| {
            let mut previous = MaybeUninit::<libc::sigaction>::zeroed();
            // SAFETY: an all-zero `sigaction` is valid.
            let mut action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
            action.sa_sigaction = handle as *const () as usize;
            // The stack may be what overflowed: each thread that enters a driver has an alternate one.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            // SAFETY: both structures are valid, and `handle` has the signature that SA_SIGINFO asks for.
            let status = unsafe { libc::sigaction(signal, &raw const action, previous.as_mut_ptr()) };
            assert_eq!(status, 0, "sigaction takes these signals");
            // SAFETY: filled in by the call, which succeeded.
            unsafe { previous.assume_init() }
        })
    });
}

extern "C" fn handle(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system passes valid information.
    let details = unsafe { &*info };
    if signal == libc::SIGTRAP {
        // SAFETY: the system passed the context to this handler, and this is the only reference to it.
        let mut registers = unsafe { Registers::new(context) };
        if details.si_code == TRAP_TRACE || is_step_undescribed(details.si_code, &registers) {
            return step::trap(&mut registers);
        }
    }
    let kind = SIGNALS.iter().find(|(known, _)| *known == signal).map(|(_, kind)| *kind);
    let (Some(kind), Some((cpu, point))) = (kind, cpu::in_driver()) else {
        return chain(signal, info, context);
    };
    // SAFETY: as above.
    let mut registers = unsafe { Registers::new(context) };
    let kind = match kind {
        FaultKind::Memory if details.si_code == SI_KERNEL => FaultKind::Protection,
        kind => kind,
    };
    let fault = Fault {
        kind,
        instruction: step::original_instruction(registers.instruction()),
        // SAFETY: for these signals the information holds an address.
        address: unsafe { details.si_addr() }.addr(),
        write: kind == FaultKind::Memory && registers.fault_was_write(),
        fetch: kind == FaultKind::Memory && registers.fault_was_fetch(),
    };
    for stage in CHAIN {
        match stage(cpu, &mut registers, &fault) {
            Handled::No => {}
            Handled::Retry => return,
            Handled::MovedOn => return step::moved(&mut registers),
        }
    }
    cpu.fault.set(Some(fault));
    step::abandon(&mut registers);
    registers.set(libc::REG_RDI, point.addr());
    registers.set_instruction(escape::leave_address());
}

/// Whether a trap follows an instruction although the system does not say so.
///
/// It reads that from the processor's debug status, which a virtual machine whose processors are contended for loses now
/// and then. A breakpoint instruction is told apart: its trap comes as [`SI_KERNEL`].
fn is_step_undescribed(code: i32, registers: &Registers<'_>) -> bool {
    // The trap of the instruction that clears the flag comes with the flag clear.
    code == TRAP_BRKPT && (registers.trap_flag() || step::is_stepping())
}

/// Leaves the signal to the handler that was there before, or to its default effect.
fn chain(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    let previous = PREVIOUS.get().and_then(|all| {
        SIGNALS.iter().position(|(known, _)| *known == signal).map(|position| &all[position])
    });
    match previous {
        Some(action) if action.sa_sigaction > libc::SIG_IGN && action.sa_flags & libc::SA_SIGINFO != 0 => {
            type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void);
            // SAFETY: a handler installed with SA_SIGINFO has this signature.
            let handler = unsafe { std::mem::transmute::<usize, Handler>(action.sa_sigaction) };
            handler(signal, info, context);
        }
        _ => {
            // With the default effect restored, the instruction faults again and ends the process.
            // SAFETY: an all-zero `sigaction` means SIG_DFL.
            let action: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
            // SAFETY: the structure is valid, and no old action is asked for.
            unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) };
        }
    }
}
