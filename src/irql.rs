//! Raising the interrupt request level.

use core::marker::PhantomData;

use fltmgr::irql::{DISPATCH_LEVEL, assert_at_most};
use wdk_sys::KIRQL;

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    safe fn KeRaiseIrqlToDpcLevel() -> KIRQL;
    fn KeLowerIrql(irql: KIRQL);
}

/// `DISPATCH_LEVEL`, until dropped: the thread is neither suspended nor moved to another processor.
pub(crate) struct AtDispatchLevel {
    before: KIRQL,
    /// The level belongs to the thread that raised it.
    not_send: PhantomData<*const ()>,
}

impl AtDispatchLevel {
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`KeRaiseIrqlToDpcLevel` function (wdm.h)").
    #[inline]
    pub(crate) fn raise() -> Self {
        assert_at_most(DISPATCH_LEVEL);
        Self { before: KeRaiseIrqlToDpcLevel(), not_send: PhantomData }
    }
}

impl Drop for AtDispatchLevel {
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`KeLowerIrql` function (wdm.h)").
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the level is the one that this thread had before `raise`, which is not above the present
        // one.
        unsafe { KeLowerIrql(self.before) };
    }
}

/// Whether the interrupt request level is not above `level`.
///
/// Maximum IRQL: `DISPATCH_LEVEL`. (`KeGetCurrentIrql` is no export of every architecture.)
pub(crate) fn is_at_most(level: KIRQL) -> bool {
    AtDispatchLevel::raise().before <= level
}
