//! `__C_specific_handler`: the handler of functions with `__try`, which finds its way by their scope tables.

use std::sync::Arc;

use super::context::{Context, DispatcherContext, ExceptionRecord};
use super::{CONTINUE_EXECUTION, CONTINUE_SEARCH, EXIT_UNWIND, TARGET_UNWIND, UNWINDING, unwind_to};
use crate::abi::{Address, Ptr};
use crate::ex::block::PAGE_BYTES;
use crate::ke::cpu::{self, Cpu};
use crate::sim::Mode;
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::verifier::site::Site;

/// `EXCEPTION_EXECUTE_HANDLER`, also in place of a filter that would always say so; `EXCEPTION_CONTINUE_SEARCH`
const EXECUTE_HANDLER: i32 = 1;
const SEARCH: i32 = 0;
/// What a termination handler is told when its `__try` is left by an exception.
const ABNORMAL: usize = 1;

/// An entry of `SCOPE_TABLE`; relative addresses. A `__finally` has no target.
#[repr(C)]
#[derive(Clone, Copy)]
struct Scope {
    begin: u32,
    end: u32,
    handler: u32,
    target: u32,
}

impl Scope {
    fn contains(&self, rva: usize) -> bool {
        (self.begin as usize..self.end as usize).contains(&rva)
    }
}

/// `EXCEPTION_POINTERS`
#[repr(C)]
struct ExceptionPointers {
    record: Ptr<ExceptionRecord>,
    context: Ptr<Context>,
}

/// `__C_specific_handler`.
pub(crate) fn c_specific_handler(
    cpu: &Cpu,
    record: Ptr<ExceptionRecord>,
    frame: usize,
    context: Ptr<Context>,
    dispatcher: Ptr<DispatcherContext>,
) -> u32 {
    let now = dispatcher.read();
    let count = Ptr::<u32>::at(now.handler_data).read() as usize;
    let scopes = Ptr::<Scope>::at(now.handler_data + 4);
    if record.read().flags & (UNWINDING | EXIT_UNWIND) == 0 {
        search(cpu, record, frame, context, &now, scopes.read_slice(count))
    } else {
        leave(cpu, record, frame, dispatcher, &scopes.read_slice(count));
        CONTINUE_SEARCH
    }
}

fn call(cpu: &Cpu, function: Address, arguments: &[usize]) -> usize {
    let outer = cpu.routine.take();
    let result = cpu::invoke(Ptr::at(function), arguments);
    cpu.routine.set(outer);
    result
}

/// Asks the filters of the scopes around the instruction. What this owns is given away before the stack is abandoned.
fn search(
    cpu: &Cpu,
    record: Ptr<ExceptionRecord>,
    frame: usize,
    context: Ptr<Context>,
    dispatcher: &DispatcherContext,
    scopes: Vec<Scope>,
) -> u32 {
    let base = dispatcher.image_base;
    let rva = dispatcher.control_pc - base;
    let mut taken = None;
    for scope in scopes.iter().filter(|scope| scope.contains(rva) && scope.target != 0) {
        let answer = if scope.handler == EXECUTE_HANDLER.cast_unsigned() {
            EXECUTE_HANDLER
        } else {
            let pointers = ExceptionPointers { record, context };
            let arguments = [(&raw const pointers).expose_provenance(), frame];
            let answer = call(cpu, base + scope.handler as usize, &arguments);
            u32::try_from(answer & 0xFFFF_FFFF).unwrap_or(0).cast_signed()
        };
        match answer {
            SEARCH => {}
            answer if answer < 0 => {
                handled(cpu, &record.read());
                return CONTINUE_EXECUTION;
            }
            _ if lend_buffer(cpu, &record.read()) => return CONTINUE_EXECUTION,
            _ => {
                taken = Some(base + scope.target as usize);
                break;
            }
        }
    }
    drop(scopes);
    let Some(target) = taken else { return CONTINUE_SEARCH };
    handled(cpu, &record.read());
    let code = record.read().code as usize;
    unwind_to(cpu, &context.read(), record, (frame, target), code)
}

/// Gives the buffer of an operation memory if a driver touches it in a `__try` and in the context of the process that it
/// belongs to: so it may ("Accessing User Buffers in a Preoperation Callback Routine"). Returns whether it has some.
fn lend_buffer(cpu: &Cpu, record: &ExceptionRecord) -> bool {
    let arena = &cpu.kernel().arena;
    if record.code != NtStatus::ACCESS_VIOLATION.0 || !arena.is_user_buffer(record.information[1]) {
        return false;
    }
    let Some(operation) = cpu.frame().and_then(|frame| frame.operation) else { return false };
    let here = cpu.thread().current_process();
    let is_its = operation.thread.as_ref().is_some_and(|thread| Arc::ptr_eq(thread.process(), &here));
    if !is_its && operation.mode != Mode::Kernel {
        return false;
    }
    let bytes = operation.length.map_or(PAGE_BYTES, |length| length as usize);
    let place = record.information[1] - arena.user_buffer().address();
    place < bytes && arena.lend(bytes)
}

/// Reports what remains a mistake although the driver handles the exception: the touch of an operation's buffer (rule 23)
/// where it is not the driver's to touch. What no driver handles is reported as the crash that it is.
fn handled(cpu: &Cpu, record: &ExceptionRecord) {
    if record.code == NtStatus::ACCESS_VIOLATION.0 && cpu.kernel().arena.is_user_buffer(record.information[1])
    {
        let (does, address) =
            (if record.information[0] == 0 { "reads" } else { "writes" }, record.information[1]);
        let detail = format!("{does} the buffer of an operation, at {address:#X}, and handles the exception");
        cpu.violation_at(Rule::UserBuffer, detail, Site::of_instruction(cpu, record.address));
    }
}

/// Runs the termination handlers of the scopes that are being left.
fn leave(
    cpu: &Cpu,
    record: Ptr<ExceptionRecord>,
    frame: usize,
    dispatcher: Ptr<DispatcherContext>,
    scopes: &[Scope],
) {
    let now = dispatcher.read();
    let base = now.image_base;
    let rva = now.control_pc - base;
    let target = now.target_ip.wrapping_sub(base);
    let in_target = record.read().flags & TARGET_UNWIND != 0;
    for (index, scope) in scopes.iter().enumerate().skip(now.scope_index as usize) {
        if !scope.contains(rva) {
            continue;
        }
        // The target lies inside the scope, or is its own `__except`: what is further out stays.
        let same = |other: &Scope| other.handler == scope.handler && other.target == scope.target;
        if in_target && scopes.iter().any(|other| other.contains(target) && same(other)) {
            return;
        }
        if scope.target != 0 {
            if in_target && scope.target as usize == target {
                return;
            }
            continue;
        }
        let mut resumed = dispatcher.read();
        resumed.scope_index = u32::try_from(index + 1).unwrap_or(u32::MAX);
        dispatcher.write(resumed);
        call(cpu, base + scope.handler as usize, &[ABNORMAL, frame]);
    }
}
