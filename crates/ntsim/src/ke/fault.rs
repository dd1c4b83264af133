//! Hardware exceptions in driver code: they end the simulation with a report instead of the process without one.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::OnceLock;

use super::cpu;
use super::crash::{Fault, FaultKind};
use super::escape;

/// The signals taken over, and what each means.
const SIGNALS: [(i32, FaultKind); 5] = [
    (libc::SIGSEGV, FaultKind::Memory),
    (libc::SIGBUS, FaultKind::Memory),
    (libc::SIGILL, FaultKind::Instruction),
    (libc::SIGFPE, FaultKind::Arithmetic),
    (libc::SIGTRAP, FaultKind::Breakpoint),
];

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
            // The stack may be what overflowed; Rust's runtime gives each of its threads an alternate one.
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            // SAFETY: both structures are valid, and `handle` has the signature that SA_SIGINFO asks for.
            let status = unsafe { libc::sigaction(signal, &raw const action, previous.as_mut_ptr()) };
            assert_eq!(status, 0, "sigaction takes these signals");
            // SAFETY: filled in by the call, which succeeded.
            unsafe { previous.assume_init() }
        })
    });
}

/// Only async-signal-safe things happen here: a thread-local is read, cells are set, the saved registers are changed.
extern "C" fn handle(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    let context = context.cast::<libc::ucontext_t>();
    // SAFETY: the system passes the interrupted context, which belongs to the handler until it returns.
    let registers = unsafe { &mut (*context).uc_mcontext.gregs };
    let kind = SIGNALS.iter().find(|(known, _)| *known == signal).map(|(_, kind)| *kind);
    let (Some(kind), Some((cpu, point))) = (kind, cpu::in_driver()) else {
        return chain(signal, info, context.cast());
    };
    // SAFETY: the system passes valid information.
    let info = unsafe { &*info };
    // SAFETY: for these signals the information holds an address.
    let address = unsafe { info.si_addr() }.addr();
    let instruction = register(registers[index(libc::REG_RIP)]);
    cpu.fault.set(Some(Fault { kind, instruction, address }));
    registers[index(libc::REG_RDI)] = value(point.addr());
    registers[index(libc::REG_RIP)] = value(escape::leave_address());
}

fn index(register: i32) -> usize {
    usize::try_from(register).unwrap_or(0)
}

fn register(value: i64) -> usize {
    usize::from_ne_bytes(value.to_ne_bytes())
}

fn value(register: usize) -> i64 {
    i64::from_ne_bytes(register.to_ne_bytes())
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
