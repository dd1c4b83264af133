//! A synchronization event.

use core::cell::UnsafeCell;
use core::ptr;

use fltmgr::irql::{DISPATCH_LEVEL, PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolBox;
use fltmgr::{Result, Timeout};
use wdk_sys::ntddk::{KeInitializeEvent, KeSetEvent, KeWaitForSingleObject};
use wdk_sys::{_EVENT_TYPE, _KWAIT_REASON, KEVENT, LARGE_INTEGER};

use crate::memory::TAG;

const KERNEL_MODE: i8 = 0;

/// An event that lets one waiting thread go each time it is set. It remembers having been set.
pub(crate) struct Event {
    // an initialized event must not move
    event: PoolBox<UnsafeCell<KEVENT>>,
}

// SAFETY: the kernel lets any threads use an event at the same time.
unsafe impl Send for Event {}
// SAFETY: as above.
unsafe impl Sync for Event {}

impl Event {
    /// An event that is not set.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`KeInitializeEvent` function (wdm.h)" allows any; pool does not).
    pub(crate) fn try_new() -> Result<Self> {
        // SAFETY: an event is integers and pointers, for which zero is valid; it is initialized below.
        let zero = unsafe { core::mem::zeroed::<KEVENT>() };
        let event = PoolBox::try_new(UnsafeCell::new(zero), TAG)?;
        // SAFETY: the memory is non-paged, as the routine demands, and does not move.
        unsafe { KeInitializeEvent(event.get(), _EVENT_TYPE::SynchronizationEvent, 0) };
        Ok(Self { event })
    }

    /// Lets a waiting thread go, now or when it comes to wait.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`KeSetEvent` function (wdm.h)", as it is not followed by a wait).
    #[inline]
    pub(crate) fn set(&self) {
        assert_at_most(DISPATCH_LEVEL);
        // SAFETY: the event is initialized; no increment of priority, no wait follows.
        unsafe { KeSetEvent(self.event.get(), 0, 0) };
    }

    /// Waits until the event is set or the time, if any is given, is over.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`KeWaitForSingleObject` function (wdm.h)" allows `APC_LEVEL`).
    pub(crate) fn wait(&self, timeout: Option<Timeout>) {
        assert_at_most(PASSIVE_LEVEL);
        let mut timeout = timeout.map(|timeout| LARGE_INTEGER { QuadPart: timeout.as_raw() });
        let timeout = timeout.as_mut().map_or(ptr::null_mut(), ptr::from_mut);
        // SAFETY: the event is initialized, the timeout lives through the call.
        let _set_or_timeout = unsafe {
            KeWaitForSingleObject(self.event.get().cast(), _KWAIT_REASON::Executive, KERNEL_MODE, 0, timeout)
        };
    }
}
