//! Saying that callback data has been changed. What a change means is in [`super::dispatch`].

use std::mem::offset_of;

use crate::abi::{CallbackData, Ptr};
use crate::ke::Cpu;

/// `FLTFL_CALLBACK_DATA_DIRTY`
pub(super) const DIRTY: u32 = 0x8000_0000;

fn flags(data: Ptr<CallbackData>) -> Ptr<u32> {
    data.byte_offset(offset_of!(CallbackData, flags))
}

/// `FltSetCallbackDataDirty`.
pub(crate) fn set(cpu: &Cpu, data: Ptr<CallbackData>) {
    if cpu.kernel().filters.operation(cpu, data.cast()).is_some() {
        flags(data).write(flags(data).read() | DIRTY);
    }
}

/// `FltClearCallbackDataDirty`.
pub(crate) fn clear(cpu: &Cpu, data: Ptr<CallbackData>) {
    if cpu.kernel().filters.operation(cpu, data.cast()).is_some() {
        flags(data).write(flags(data).read() & !DIRTY);
    }
}

/// `FltIsCallbackDataDirty`.
pub(crate) fn is_dirty(cpu: &Cpu, data: Ptr<CallbackData>) -> u8 {
    let known = cpu.kernel().filters.operation(cpu, data.cast()).is_some();
    u8::from(known && flags(data).read() & DIRTY != 0)
}
