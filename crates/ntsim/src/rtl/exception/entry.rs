//! The routines that need the state of their caller.

use super::context::{Context, ExceptionRecord, capturing};
use super::{NON_CONTINUABLE, SYSTEM_RANGE_START, raise, unwind, unwind_to};
use crate::abi::{Address, Ptr};
use crate::exports::{Module, ROUTINES};
use crate::io::driver::status_of;
use crate::ke::cpu::{self, Cpu};
use crate::rtl::memory;
use crate::status::NtStatus;

/// `MmUserProbeAddress`: no user buffer reaches up to here.
pub(crate) const USER_PROBE_ADDRESS: Address = 0x7FFF_FFFF_0000;
const PAGE_BYTES: usize = 4096;

/// A routine that is not called by way of the table: it cannot fail on demand, and may be called at any IRQL.
pub(crate) struct Entry {
    pub(crate) module: Module,
    pub(crate) name: &'static str,
    pub(crate) address: fn() -> Address,
}

macro_rules! entries {
    ($($name:literal => $function:path,)*) => {
        /// Those routines.
        pub(crate) const ENTRIES: &[Entry] = &[$(
            Entry {
                module: Module::Ntoskrnl,
                name: $name,
                address: || ($function as *const ()).expose_provenance(),
            },
        )*];
    };
}

entries! {
    "ExRaiseStatus" => ex_raise_status,
    "RtlRaiseStatus" => ex_raise_status,
    "ExRaiseAccessViolation" => ex_raise_access_violation,
    "ExRaiseDatatypeMisalignment" => ex_raise_datatype_misalignment,
    "RtlRaiseException" => rtl_raise_exception,
    "MmProbeAndLockPages" => mm_probe_and_lock_pages,
    "ProbeForRead" => probe_for_read,
    "ProbeForWrite" => probe_for_write,
    "RtlCaptureContext" => rtl_capture_context,
    "RtlUnwind" => rtl_unwind,
    "RtlUnwindEx" => rtl_unwind,
    "_local_unwind" => local_unwind,
    "__chkstk" => check_stack,
}

capturing! {
    /// `ExRaiseStatus`.
    ex_raise_status => raise_status;
    /// `ExRaiseAccessViolation`.
    ex_raise_access_violation => raise_access_violation;
    /// `ExRaiseDatatypeMisalignment`.
    ex_raise_datatype_misalignment => raise_datatype_misalignment;
    /// `RtlRaiseException`.
    rtl_raise_exception => raise_exception;
    /// `MmProbeAndLockPages`.
    mm_probe_and_lock_pages => lock_or_raise;
    /// `ProbeForRead`.
    probe_for_read => probe_read;
    /// `ProbeForWrite`.
    probe_for_write => probe_write;
    /// `RtlCaptureContext`.
    rtl_capture_context => capture_context;
    /// `RtlUnwind`, `RtlUnwindEx`.
    rtl_unwind => unwind_here;
    /// `_local_unwind`.
    local_unwind => unwind_locally;
}

/// `__chkstk`: the stack is there as a whole.
#[unsafe(naked)]
unsafe extern "win64" fn check_stack() {
    std::arch::naked_asm!("ret")
}

fn raise_with(context: Ptr<Context>, code: NtStatus, flags: u32) -> ! {
    let context = context.read();
    let record = ExceptionRecord { flags, ..ExceptionRecord::new(code, context.rip, &[]) };
    cpu::with_current(|cpu| raise(cpu, &context, record))
}

extern "win64" fn raise_status(status: u32, _: usize, _: usize, context: Ptr<Context>) {
    raise_with(context, NtStatus(status), NON_CONTINUABLE);
}

extern "win64" fn raise_access_violation(_: usize, _: usize, _: usize, context: Ptr<Context>) {
    raise_with(context, NtStatus::ACCESS_VIOLATION, NON_CONTINUABLE);
}

extern "win64" fn raise_datatype_misalignment(_: usize, _: usize, _: usize, context: Ptr<Context>) {
    raise_with(context, NtStatus::DATATYPE_MISALIGNMENT, NON_CONTINUABLE);
}

extern "win64" fn raise_exception(record: Ptr<ExceptionRecord>, _: usize, _: usize, context: Ptr<Context>) {
    let context = context.read();
    let record = ExceptionRecord { address: context.rip, ..record.read() };
    cpu::with_current(|cpu| raise(cpu, &context, record));
}

extern "win64" fn probe_read(address: Address, bytes: usize, alignment: u32, context: Ptr<Context>) {
    probe(address, bytes, alignment, context);
}

extern "win64" fn probe_write(address: Address, bytes: usize, alignment: u32, context: Ptr<Context>) {
    probe(address, bytes, alignment, context);
    let mut place = address;
    while bytes > 0 && place < address + bytes {
        if !memory::is_writable(place) {
            raise_with(context, NtStatus::ACCESS_VIOLATION, 0);
        }
        place = (place | (PAGE_BYTES - 1)) + 1;
    }
}

/// What both check: that the range is one of user mode, and aligned ("`ProbeForRead` function (wdm.h)").
fn probe(address: Address, bytes: usize, alignment: u32, context: Ptr<Context>) {
    if bytes == 0 {
        return;
    }
    if address & (alignment as usize).wrapping_sub(1) != 0 && alignment.is_power_of_two() {
        raise_with(context, NtStatus::DATATYPE_MISALIGNMENT, 0);
    }
    if address.checked_add(bytes).is_none_or(|end| end > USER_PROBE_ADDRESS) {
        raise_with(context, NtStatus::ACCESS_VIOLATION, 0);
    }
}

/// A routine of the table that returns a status to us, and raises it in its caller if it is a failure.
fn call_or_raise(name: &str, arguments: &[usize], context: Ptr<Context>) {
    let routine = ROUTINES.iter().find(|routine| routine.name == name).expect("the table has a row for it");
    let status = status_of(cpu::invoke(Ptr::at((routine.address)()), arguments));
    if status.is_error() {
        raise_with(context, status, NON_CONTINUABLE);
    }
}

extern "win64" fn lock_or_raise(mdl: usize, mode: usize, operation: usize, context: Ptr<Context>) {
    call_or_raise("MmProbeAndLockPages", &[mdl, mode, operation], context);
}

extern "win64" fn capture_context(place: Ptr<Context>, _: usize, _: usize, context: Ptr<Context>) {
    place.write(context.read());
}

extern "win64" fn unwind_here(
    target_frame: Address,
    target_ip: Address,
    record: Ptr<ExceptionRecord>,
    context: Ptr<Context>,
) {
    // The fourth argument, in R9.
    let value = context.read().integer[9];
    cpu::with_current(|cpu| unwind_from(cpu, context, record, (target_frame, target_ip), value));
}

extern "win64" fn unwind_locally(frame: Address, target_ip: Address, _: usize, context: Ptr<Context>) {
    cpu::with_current(|cpu| unwind_from(cpu, context, Ptr::NULL, (frame, target_ip), 0));
}

fn unwind_from(
    cpu: &Cpu,
    context: Ptr<Context>,
    record: Ptr<ExceptionRecord>,
    target: (Address, Address),
    value: usize,
) -> ! {
    let context = context.read();
    let own = ExceptionRecord::new(NtStatus::UNWIND, context.rip, &[]);
    let record = record.non_null().unwrap_or(Ptr::of(&raw const own));
    unwind_to(cpu, &context, record, target, value)
}

/// `RtlLookupFunctionEntry`.
pub(crate) fn lookup_function_entry(cpu: &Cpu, pc: Address, image_base: Ptr<Address>, _history: Ptr) -> Ptr {
    match unwind::find(cpu.kernel(), pc) {
        unwind::Place::Function(function) => {
            image_base.write(function.image_base);
            function.entry.cast()
        }
        _ => Ptr::NULL,
    }
}

/// `RtlPcToFileHeader`.
pub(crate) fn pc_to_file_header(cpu: &Cpu, pc: Address, base: Ptr<Ptr>) -> Ptr {
    let driver = cpu.kernel().driver_at(pc);
    let found =
        driver.as_ref().and_then(|driver| driver.image()).map_or(Ptr::NULL, |image| Ptr::at(image.base()));
    base.write(found);
    found
}

/// `RtlVirtualUnwind`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn virtual_unwind(
    _cpu: &Cpu,
    kinds: u32,
    image_base: Address,
    pc: Address,
    entry: Ptr,
    context: Ptr<Context>,
    handler_data: Ptr<Address>,
    establisher_frame: Ptr<Address>,
    _pointers: Ptr,
) -> Ptr {
    let mut now = context.read();
    let kinds = u8::try_from(kinds & 3).unwrap_or(0);
    let function = unwind::Function { image_base, entry: entry.cast() };
    let unwound = unwind::unwind(function, pc, kinds, &mut now);
    context.write(now);
    establisher_frame.write(unwound.establisher_frame);
    let (handler, data) = unwound.handler.unwrap_or((0, 0));
    handler_data.write(data);
    Ptr::at(handler)
}

const _: () = assert!(USER_PROBE_ADDRESS < SYSTEM_RANGE_START);
