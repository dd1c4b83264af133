//! A system thread that its owner waits for.

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolBox;
use fltmgr::{NtStatus, Result, structure_size};
use wdk_sys::ntddk::{PsCreateSystemThread, PsTerminateSystemThread, ZwClose, ZwWaitForSingleObject};
use wdk_sys::{HANDLE, OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES, THREAD_ALL_ACCESS};

use crate::memory::TAG;

/// What a thread does, from its start to its end.
pub(crate) trait Work: Send {
    /// IRQL: `PASSIVE_LEVEL`.
    fn run(&mut self);
}

/// A thread of the System process; dropping it waits until it has ended.
pub(crate) struct SystemThread {
    /// A kernel handle, which any process may use.
    handle: HANDLE,
}

// SAFETY: a kernel handle belongs to no thread.
unsafe impl Send for SystemThread {}
// SAFETY: as above; there is nothing to do with a shared one.
unsafe impl Sync for SystemThread {}

impl SystemThread {
    /// Starts a thread.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`PsCreateSystemThread` function (wdm.h)").
    pub(crate) fn spawn<W: Work>(work: PoolBox<W>) -> Result<Self> {
        assert_at_most(PASSIVE_LEVEL);
        let mut attributes = OBJECT_ATTRIBUTES {
            Length: structure_size::<OBJECT_ATTRIBUTES>(),
            RootDirectory: ptr::null_mut(),
            ObjectName: ptr::null_mut(),
            Attributes: OBJ_KERNEL_HANDLE,
            SecurityDescriptor: ptr::null_mut(),
            SecurityQualityOfService: ptr::null_mut(),
        };
        let mut handle = ptr::null_mut();
        let work = work.into_raw();
        // SAFETY: attributes and handle live through the call; the routine gets the work it was made for.
        let status = unsafe {
            PsCreateSystemThread(
                &raw mut handle,
                THREAD_ALL_ACCESS,
                &raw mut attributes,
                ptr::null_mut(),
                ptr::null_mut(),
                Some(start::<W>),
                work.as_ptr().cast(),
            )
        };
        if let Err(status) = NtStatus::from_raw(status).ok() {
            // SAFETY: `into_raw` gave it up above, and no thread has it.
            drop(unsafe { PoolBox::from_raw(work, TAG) });
            return Err(status);
        }
        Ok(Self { handle })
    }
}

impl Drop for SystemThread {
    /// Maximum IRQL: `PASSIVE_LEVEL` ("`ZwWaitForSingleObject` function (ntifs.h)").
    fn drop(&mut self) {
        assert_at_most(PASSIVE_LEVEL);
        // SAFETY: the handle is this thread's until it is closed below. Without a timeout the wait ends with
        // the thread.
        let _ended = unsafe { ZwWaitForSingleObject(self.handle, 0, ptr::null_mut()) };
        // SAFETY: the handle is open and not used again.
        let _closed = unsafe { ZwClose(self.handle) };
    }
}

/// IRQL: `PASSIVE_LEVEL` ("`KSTART_ROUTINE` callback function (wdm.h)").
unsafe extern "C" fn start<W: Work>(work: *mut c_void) {
    if let Some(work) = NonNull::new(work.cast::<W>()) {
        // SAFETY: `spawn` passed what `into_raw` gave it, and left it to this thread.
        let mut work: PoolBox<W> = unsafe { PoolBox::from_raw(work, TAG) };
        work.run();
    }
    // SAFETY: this is a system thread, and it owns nothing any more.
    let _never = unsafe { PsTerminateSystemThread(NtStatus::SUCCESS.as_raw()) };
}
