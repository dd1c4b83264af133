//! Unwinding by `.pdata` and `.xdata` ("x64 exception handling" of the Microsoft C++ documentation).

use super::context::{Context, RSP};
use crate::abi::{Address, Ptr};
use crate::kernel::Kernel;
use crate::rtl::memory;

/// `UNW_FLAG_*`
pub(super) const EXCEPTION_HANDLER: u8 = 1;
pub(super) const TERMINATION_HANDLER: u8 = 2;
const CHAINED: u8 = 4;

/// `UWOP_*`
const PUSH_NONVOLATILE: u8 = 0;
const ALLOCATE_LARGE: u8 = 1;
const ALLOCATE_SMALL: u8 = 2;
const SET_FRAME_REGISTER: u8 = 3;
const SAVE_NONVOLATILE: u8 = 4;
const SAVE_NONVOLATILE_FAR: u8 = 5;
const EPILOG: u8 = 6;
const SAVE_XMM: u8 = 8;
const SAVE_XMM_FAR: u8 = 9;
const PUSH_MACHINE_FRAME: u8 = 10;

/// More chained descriptions than any function has.
const MAX_CHAIN: usize = 32;

/// `RUNTIME_FUNCTION`; relative addresses.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct RuntimeFunction {
    begin: u32,
    end: u32,
    unwind: u32,
}

/// A function of an image, by its entry in the table.
#[derive(Clone, Copy)]
pub(super) struct Function {
    pub(super) image_base: Address,
    pub(super) entry: Ptr<RuntimeFunction>,
}

/// Where an instruction belongs.
pub(super) enum Place {
    /// A function with an entry in its image's table.
    Function(Function),
    /// A function of an image, or one of the routines on memory, that keeps nothing on the stack.
    Leaf,
    /// Not driver code.
    Outside,
}

/// Finds the function of an instruction.
pub(super) fn find(kernel: &Kernel, pc: Address) -> Place {
    let Some(driver) = kernel.driver_at(pc) else {
        return if memory::routine_at(pc).is_some() { Place::Leaf } else { Place::Outside };
    };
    let Some(image) = driver.image() else { return Place::Outside };
    let rva = pc - image.base();
    let table = image.exception_table();
    let count = table.len() / size_of::<RuntimeFunction>();
    let table = Ptr::<RuntimeFunction>::at(image.base() + table.start);
    // The table is sorted by address.
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = usize::midpoint(low, high);
        let entry = table.offset(middle);
        let RuntimeFunction { begin, end, .. } = entry.read();
        if rva < begin as usize {
            high = middle;
        } else if rva >= end as usize {
            low = middle + 1;
        } else {
            return Place::Function(Function { image_base: image.base(), entry });
        }
    }
    Place::Leaf
}

/// What unwinding a function found.
pub(super) struct Unwound {
    pub(super) establisher_frame: Address,
    /// The handler and its data, if the function has one of the kinds asked for.
    pub(super) handler: Option<(Address, Address)>,
}

/// `UNWIND_INFO`, with the address of its codes.
struct Info {
    flags: u8,
    prolog: usize,
    frame_register: usize,
    frame_offset: usize,
    codes: Ptr<u8>,
    count: usize,
}

impl Info {
    fn read(address: Address) -> Self {
        let [version, prolog, count, frame] = Ptr::<[u8; 4]>::at(address).read();
        Self {
            flags: version >> 3,
            prolog: usize::from(prolog),
            frame_register: usize::from(frame & 0xF),
            frame_offset: 16 * usize::from(frame >> 4),
            codes: Ptr::at(address + 4),
            count: usize::from(count),
        }
    }

    /// What follows the codes, which are padded to an even number.
    fn tail(&self) -> Address {
        self.codes.address() + 2 * self.count.next_multiple_of(2)
    }
}

/// Makes of the context of a function that of its caller.
pub(super) fn unwind(function: Function, pc: Address, kinds: u8, context: &mut Context) -> Unwound {
    let base = function.image_base;
    let mut entry = function.entry.read();
    let offset = pc - base - entry.begin as usize;
    let mut info = Info::read(base + entry.unwind as usize);
    let in_prolog = offset < info.prolog;
    let establisher_frame = establisher(&info, offset, context);
    let mut reached = offset;
    let mut machine_frame = false;
    for _ in 0..MAX_CHAIN {
        machine_frame |= undo(&info, reached, establisher_frame, context);
        if info.flags & CHAINED == 0 {
            break;
        }
        entry = Ptr::<RuntimeFunction>::at(info.tail()).read();
        info = Info::read(base + entry.unwind as usize);
        reached = usize::MAX;
    }
    if !machine_frame {
        context.rip = context.pop();
    }
    let has_handler = !in_prolog && info.flags & CHAINED == 0 && info.flags & kinds != 0;
    let handler = has_handler.then(|| {
        let handler = Ptr::<u32>::at(info.tail()).read();
        (base + handler as usize, info.tail() + 4)
    });
    Unwound { establisher_frame, handler }
}

/// The stack pointer after the function's prolog, as far as it has executed.
fn establisher(info: &Info, offset: usize, context: &Context) -> Address {
    let set = offset >= info.prolog
        || info.flags & CHAINED != 0
        || (0..info.count).any(|index| {
            let [at, operation] = Ptr::<[u8; 2]>::at(info.codes.address() + 2 * index).read();
            operation & 0xF == SET_FRAME_REGISTER && usize::from(at) <= offset
        });
    if info.frame_register != 0 && set {
        context.integer[info.frame_register].wrapping_sub(info.frame_offset)
    } else {
        context.stack()
    }
}

/// Undoes what the prolog has done up to an offset. Returns whether it found a machine frame, which ends the unwinding
/// of the function.
fn undo(info: &Info, reached: usize, frame: Address, context: &mut Context) -> bool {
    let slot = |index: usize| Ptr::<u16>::at(info.codes.address() + 2 * index).read();
    let wide = |index: usize| usize::from(slot(index)) | usize::from(slot(index + 1)) << 16;
    let mut index = 0;
    let mut machine_frame = false;
    while index < info.count {
        let [at, operation] = slot(index).to_le_bytes();
        let (operation, argument) = (operation & 0xF, usize::from(operation >> 4));
        let slots = match operation {
            ALLOCATE_LARGE => 2 + usize::from(argument != 0),
            SAVE_NONVOLATILE | SAVE_XMM | 7 => 2,
            SAVE_NONVOLATILE_FAR | SAVE_XMM_FAR => 3,
            _ => 1,
        };
        if usize::from(at) <= reached || operation == EPILOG {
            match operation {
                PUSH_NONVOLATILE => context.integer[argument] = context.pop(),
                ALLOCATE_LARGE => {
                    let bytes =
                        if argument == 0 { 8 * usize::from(slot(index + 1)) } else { wide(index + 1) };
                    context.integer[RSP] = context.stack().wrapping_add(bytes);
                }
                ALLOCATE_SMALL => context.integer[RSP] = context.stack().wrapping_add(8 * argument + 8),
                SET_FRAME_REGISTER => {
                    context.integer[RSP] =
                        context.integer[info.frame_register].wrapping_sub(info.frame_offset);
                }
                SAVE_NONVOLATILE => {
                    let place = frame.wrapping_add(8 * usize::from(slot(index + 1)));
                    context.integer[argument] = Ptr::at(place).read();
                }
                SAVE_NONVOLATILE_FAR => {
                    context.integer[argument] = Ptr::at(frame.wrapping_add(wide(index + 1))).read();
                }
                SAVE_XMM => {
                    let place = frame.wrapping_add(16 * usize::from(slot(index + 1)));
                    context.set_xmm(argument, Ptr::at(place).read());
                }
                SAVE_XMM_FAR => {
                    context.set_xmm(argument, Ptr::at(frame.wrapping_add(wide(index + 1))).read());
                }
                PUSH_MACHINE_FRAME => {
                    let at = context.stack().wrapping_add(8 * argument);
                    context.rip = Ptr::at(at).read();
                    context.integer[RSP] = Ptr::at(at.wrapping_add(24)).read();
                    machine_frame = true;
                }
                _ => {}
            }
        }
        index += slots;
    }
    machine_frame
}
