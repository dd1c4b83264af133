//! Structured exception handling, as C drivers use it: a fault in driver code, or a status that a routine raises, goes to
//! the `__except` of the innermost `__try` around it that wants it.
//!
//! What is outside any `__try` stays a crash, and so does what Windows does not let a driver handle: an access to kernel
//! memory that is not there (bug check 0x50), and any page fault at `DISPATCH_LEVEL` or above (0xA). Exceptions end at the
//! callback: they do not pass through the routine that called it.

mod context;
mod entry;
mod handler;
mod unwind;

pub(crate) use context::{Context, DispatcherContext, ExceptionRecord};
pub(crate) use entry::{
    ENTRIES, USER_PROBE_ADDRESS, lookup_function_entry, pc_to_file_header, virtual_unwind,
};
pub(crate) use handler::c_specific_handler;

use std::ffi::c_void;

use context::{RAX, restore};
use unwind::{EXCEPTION_HANDLER, Place, TERMINATION_HANDLER, Unwound};

use super::memory;
use crate::abi::{Address, Ptr};
use crate::ke::cpu::{self, Cpu};
use crate::ke::crash::{Crash, Exit, Fault, FaultKind};
use crate::ke::fault::Handled;
use crate::ke::irql::Irql;
use crate::ke::registers::Registers;
use crate::status::NtStatus;

/// `EXCEPTION_NONCONTINUABLE`, `EXCEPTION_UNWINDING`, `EXCEPTION_EXIT_UNWIND`, `EXCEPTION_TARGET_UNWIND`
const NON_CONTINUABLE: u32 = 0x1;
const UNWINDING: u32 = 0x2;
const EXIT_UNWIND: u32 = 0x4;
const TARGET_UNWIND: u32 = 0x20;

/// `EXCEPTION_DISPOSITION`
const CONTINUE_EXECUTION: u32 = 0;
const CONTINUE_SEARCH: u32 = 1;

/// `KMODE_EXCEPTION_NOT_HANDLED`
const NOT_HANDLED: u32 = 0x1E;

/// `MmSystemRangeStart`: what lies above is the kernel's.
pub(crate) const SYSTEM_RANGE_START: Address = 0xFFFF_8000_0000_0000;
/// A fault this close to the stack pointer means that the stack is at its end.
const STACK_MARGIN: usize = 64 << 10;
/// What driver code has below its stack pointer when it faults: nothing, by the calling convention; this much is left
/// alone for what [`restore`] writes there.
const BELOW_STACK: usize = 128;

/// An exception on its way, on the stack of the code that raised it.
#[repr(C, align(16))]
struct Raised {
    context: Context,
    record: ExceptionRecord,
    /// `None` if software raised it.
    fault: Option<Fault>,
}

impl ExceptionRecord {
    fn new(code: NtStatus, address: Address, information: &[usize]) -> Self {
        let mut all = [0; 15];
        all[..information.len()].copy_from_slice(information);
        Self {
            code: code.0,
            flags: 0,
            record: Ptr::NULL,
            address,
            parameters: u32::try_from(information.len()).unwrap_or(0),
            information: all,
        }
    }
}

/// `FsRtlIsNtstatusExpected`: whether a handler of a file system expects this status, rather than a bug.
pub(crate) fn is_status_expected(_cpu: &Cpu, status: u32) -> u8 {
    /// `STATUS_ILLEGAL_INSTRUCTION`, `STATUS_INSTRUCTION_MISALIGNMENT`
    const BUGS: [u32; 2] = [0xC000_001D, 0xC000_00AA];
    let is_bug = BUGS.contains(&status)
        || [NtStatus::ACCESS_VIOLATION.0, NtStatus::DATATYPE_MISALIGNMENT.0].contains(&status);
    u8::from(!is_bug)
}

/// A stage of the fault handler: a fault that driver code may handle becomes an exception there.
pub(crate) fn stage(cpu: &Cpu, registers: &mut Registers<'_>, fault: &Fault) -> Handled {
    let in_driver = cpu.kernel().driver_at(fault.instruction).is_some();
    if !in_driver && memory::routine_at(fault.instruction).is_none() {
        return Handled::No;
    }
    let Some(record) = record_of(cpu, fault) else { return Handled::No };
    let stack = registers.stack();
    // What is near the stack pointer is the stack, which must have come to its end: there is no room to go on.
    if fault.kind == FaultKind::Memory && fault.address.abs_diff(stack) < STACK_MARGIN {
        return Handled::No;
    }
    let context = Context::interrupted(registers);
    let place = (stack - BELOW_STACK - size_of::<Raised>()) & !(align_of::<Raised>() - 1);
    let raised = Ptr::<Raised>::at(place).as_mut_ptr();
    // SAFETY: what lies below the stack pointer of driver code is free, and there is room: it is far from the end.
    unsafe { raised.write(Raised { context, record, fault: Some(*fault) }) };
    // As after a call: the return address that would be there is never used.
    registers.set_numbered(4, place - 8);
    registers.set_numbered(7, place);
    registers.set_instruction(dispatch_fault as *const () as usize);
    Handled::MovedOn
}

/// The exception that a fault is, unless Windows stops for it at once.
fn record_of(cpu: &Cpu, fault: &Fault) -> Option<ExceptionRecord> {
    let at = fault.instruction;
    Some(match fault.kind {
        FaultKind::Memory => {
            let is_users = fault.address < SYSTEM_RANGE_START && !cpu.kernel().arena.is_object(fault.address);
            if !is_users || fault.fetch || cpu.irql() >= Irql::DISPATCH {
                return None;
            }
            ExceptionRecord::new(NtStatus::ACCESS_VIOLATION, at, &[usize::from(fault.write), fault.address])
        }
        // An address that is not canonical; for a privileged instruction, the report says more.
        FaultKind::Protection if !crate::ke::is_privileged(cpu.kernel(), at) => {
            ExceptionRecord::new(NtStatus::ACCESS_VIOLATION, at, &[0, usize::MAX])
        }
        FaultKind::Arithmetic => ExceptionRecord::new(NtStatus::INTEGER_DIVIDE_BY_ZERO, at, &[]),
        _ => return None,
    })
}

/// Where a fault goes on, on the stack of the code that faulted.
extern "sysv64" fn dispatch_fault(raised: *mut c_void) -> ! {
    let raised = raised.cast::<Raised>();
    cpu::with_current(|cpu| dispatch(cpu, raised))
}

/// Finds the handler of an exception and goes on there, or ends the simulation.
fn dispatch(cpu: &Cpu, raised: *mut Raised) -> ! {
    let context = Ptr::<Context>::of(raised.cast());
    let record: Ptr<ExceptionRecord> = context.byte_offset(size_of::<Context>());
    if search(cpu, record, context) {
        go_on(cpu, &context.read());
    }
    // SAFETY: `raised` lives on this stack until it is left.
    let fault = unsafe { (*raised).fault };
    let Some(fault) = fault else {
        let record = record.read();
        cpu.crash(Crash::BugCheck {
            code: NOT_HANDLED,
            parameters: [record.code as usize, record.address, 0, 0],
        });
    };
    cpu.fault.set(Some(fault));
    cpu.leave(Exit::Crash)
}

/// Asks the handlers of the functions on the stack, innermost first. Returns whether the exception is dismissed; if a
/// handler takes it, this does not return.
fn search(cpu: &Cpu, record: Ptr<ExceptionRecord>, context: Ptr<Context>) -> bool {
    let mut frame = context.read();
    loop {
        let pc = frame.rip;
        let function = match unwind::find(cpu.kernel(), pc) {
            Place::Function(function) => function,
            Place::Leaf => {
                frame.rip = frame.pop();
                continue;
            }
            Place::Outside => return false,
        };
        let Unwound { establisher_frame, handler } =
            unwind::unwind(function, pc, EXCEPTION_HANDLER, &mut frame);
        let Some((handler, handler_data)) = handler else { continue };
        let dispatcher = DispatcherContext {
            control_pc: pc,
            image_base: function.image_base,
            function_entry: function.entry.address(),
            establisher_frame,
            target_ip: 0,
            context: Ptr::of(&raw const frame),
            handler,
            handler_data,
            history: Ptr::NULL,
            scope_index: 0,
            fill: 0,
        };
        match ask(cpu, record, establisher_frame, context, &dispatcher) {
            CONTINUE_EXECUTION if record.read().flags & NON_CONTINUABLE == 0 => return true,
            CONTINUE_SEARCH => {}
            _ => return false,
        }
    }
}

/// Calls a handler, as driver code.
fn ask(
    cpu: &Cpu,
    record: Ptr<ExceptionRecord>,
    frame: Address,
    context: Ptr<Context>,
    dispatcher: &DispatcherContext,
) -> u32 {
    let outer = cpu.routine.take();
    let arguments = [record.address(), frame, context.address(), Ptr::of(dispatcher).address()];
    let disposition = cpu::invoke(Ptr::at(dispatcher.handler), &arguments);
    cpu.routine.set(outer);
    u32::try_from(disposition & 0xFFFF_FFFF).unwrap_or(u32::MAX)
}

/// Unwinds to a frame (or, at 0, to the end of driver code), calling the termination handlers on the way, and goes on
/// there.
fn unwind_to(
    cpu: &Cpu,
    start: &Context,
    record: Ptr<ExceptionRecord>,
    target: (Address, Address),
    value: usize,
) -> ! {
    let (target_frame, target_ip) = target;
    let mut now = record.read();
    now.flags |= UNWINDING | if target_frame == 0 { EXIT_UNWIND } else { 0 };
    record.write(now);
    let mut frame = *start;
    loop {
        let pc = frame.rip;
        let mut caller = frame;
        let function = match unwind::find(cpu.kernel(), pc) {
            Place::Function(function) => function,
            Place::Leaf => {
                frame.rip = frame.pop();
                continue;
            }
            // `STATUS_BAD_STACK`: the frame is none of this callback's.
            Place::Outside => cpu.crash(Crash::BugCheck {
                code: NOT_HANDLED,
                parameters: [NtStatus::BAD_STACK.0 as usize, target_frame, 0, 0],
            }),
        };
        let Unwound { establisher_frame, handler } =
            unwind::unwind(function, pc, TERMINATION_HANDLER, &mut caller);
        let is_target = establisher_frame == target_frame;
        if let Some((handler, handler_data)) = handler {
            if is_target {
                now.flags |= TARGET_UNWIND;
                record.write(now);
            }
            frame.integer[RAX] = value;
            let dispatcher = DispatcherContext {
                control_pc: pc,
                image_base: function.image_base,
                function_entry: function.entry.address(),
                establisher_frame,
                target_ip,
                context: Ptr::of(&raw const frame),
                handler,
                handler_data,
                history: Ptr::NULL,
                scope_index: 0,
                fill: 0,
            };
            ask(cpu, record, establisher_frame, Ptr::of(&raw const frame), &dispatcher);
        }
        if is_target {
            frame.integer[RAX] = value;
            frame.rip = target_ip;
            go_on(cpu, &frame);
        }
        frame = caller;
    }
}

/// Goes on in driver code.
fn go_on(cpu: &Cpu, context: &Context) -> ! {
    cpu.routine.set(None);
    // SAFETY: the context is that of driver code on this stack, and the frames below it are being abandoned: they own
    // nothing (as for `Cpu::leave`).
    unsafe { restore(context) }
}

/// Raises an exception in the name of the driver code that called a routine. Does not return.
fn raise(cpu: &Cpu, context: &Context, record: ExceptionRecord) -> ! {
    let mut raised = Raised { context: *context, record, fault: None };
    dispatch(cpu, &raw mut raised)
}
