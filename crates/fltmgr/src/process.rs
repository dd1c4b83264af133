//! Threads and processes as operations name them.

use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::ptr::{self, NonNull};

use wdk_sys::ntddk::{
    IoThreadToProcess, ObfDereferenceObject, PsGetProcessCreateTimeQuadPart, PsGetProcessId,
    PsGetProcessStartKey, PsGetThreadId, PsIsSystemThread, PsIsThreadTerminating, PsLookupThreadByThreadId,
};
use wdk_sys::{_EPROCESS, _ETHREAD, HANDLE, PEPROCESS, PETHREAD};

use crate::NtStatus;
use crate::irql::{self, APC_LEVEL, DISPATCH_LEVEL};

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    /// The System process; set before any driver is loaded, and never changed.
    static PsInitialSystemProcess: PEPROCESS;
    safe fn PsGetCurrentThread() -> PETHREAD;
}

/// Process and thread ids are handles in the headers, and 32 bits wide.
#[expect(
    clippy::cast_possible_truncation,
    reason = "ids are multiples of four below 2^32 by design of Windows"
)]
fn id(handle: HANDLE) -> u32 {
    handle as usize as u32
}

/// A thread, for as long as the callback that named it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Thread<'a> {
    thread: NonNull<_ETHREAD>,
    operation: PhantomData<&'a ()>,
}

impl<'a> Thread<'a> {
    /// # Safety
    ///
    /// `thread` is null or a thread object that lives for `'a`.
    pub(crate) unsafe fn from_raw(thread: PETHREAD) -> Option<Self> {
        NonNull::new(thread).map(|thread| Self { thread, operation: PhantomData })
    }

    /// The thread that runs this code, given to `visit` and to be forgotten by then.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`PsGetCurrentThread` function (ntddk.h)").
    #[inline]
    pub fn with_current<R>(visit: impl FnOnce(Thread<'_>) -> R) -> R {
        irql::assert_at_most(DISPATCH_LEVEL);
        // SAFETY: the current thread is never null, by the routine's contract.
        let thread = unsafe { NonNull::new_unchecked(PsGetCurrentThread()) };
        visit(Thread { thread, operation: PhantomData })
    }

    /// Gives the thread with this id to `visit`, if there is one.
    ///
    /// Maximum IRQL: `APC_LEVEL` ("`PsLookupThreadByThreadId` function (ntifs.h)").
    #[expect(clippy::not_unsafe_ptr_arg_deref, reason = "an id is no address: nothing dereferences it")]
    pub fn with_id<R>(id: HANDLE, visit: impl FnOnce(Thread<'_>) -> R) -> Option<R> {
        irql::assert_at_most(APC_LEVEL);
        let mut thread: PETHREAD = ptr::null_mut();
        // SAFETY: an id is no address; the result goes to a variable of its type.
        let status = unsafe { PsLookupThreadByThreadId(id, &raw mut thread) };
        NtStatus::from_raw(status).ok().ok()?;
        // SAFETY: the reference below keeps the thread while `visit` runs.
        let result = unsafe { Thread::from_raw(thread) }.map(visit);
        // SAFETY: the look-up gave a reference, which is given back here alone.
        unsafe { ObfDereferenceObject(thread.cast()) };
        result
    }

    /// Where its object is: a number to compare, which another thread may have after this one.
    #[inline]
    #[must_use]
    pub fn address(self) -> NonZeroU64 {
        // A pointer is 64 bits wide, and this one not null.
        NonZeroU64::new(self.thread.as_ptr() as u64).unwrap_or(NonZeroU64::MAX)
    }

    /// Whether the thread is on its way out.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`PsIsThreadTerminating` function (ntifs.h)").
    #[must_use]
    pub fn is_terminating(self) -> bool {
        irql::assert_at_most(DISPATCH_LEVEL);
        // SAFETY: the thread lives for 'a.
        unsafe { PsIsThreadTerminating(self.thread.as_ptr()) != 0 }
    }

    /// The process that the thread belongs to, whatever it is attached to.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`IoThreadToProcess` function (ntddk.h)").
    #[inline]
    #[must_use]
    pub fn process(self) -> Process<'a> {
        irql::assert_at_most(DISPATCH_LEVEL);
        // SAFETY: the thread lives for 'a.
        let process = unsafe { IoThreadToProcess(self.thread.as_ptr()) };
        // SAFETY: a thread always belongs to a process, which lives as long as the thread does.
        let process = unsafe { NonNull::new_unchecked(process) };
        Process { process, operation: PhantomData }
    }

    /// The thread id.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`PsGetThreadId` function (ntddk.h)").
    #[inline]
    #[must_use]
    pub fn id(self) -> u32 {
        irql::assert_at_most(DISPATCH_LEVEL);
        // SAFETY: the thread lives for 'a.
        id(unsafe { PsGetThreadId(self.thread.as_ptr()) })
    }

    /// Whether the kernel or a driver made the thread, in System or in a minimal process such as Registry.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`PsIsSystemThread` function (ntifs.h)").
    #[inline]
    #[must_use]
    pub fn is_system(self) -> bool {
        irql::assert_at_most(DISPATCH_LEVEL);
        // SAFETY: the thread lives for 'a.
        unsafe { PsIsSystemThread(self.thread.as_ptr()) != 0 }
    }
}

/// A process, for as long as what named it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Process<'a> {
    process: NonNull<_EPROCESS>,
    operation: PhantomData<&'a ()>,
}

impl Process<'static> {
    /// The System process.
    ///
    /// Maximum IRQL: any ("Windows kernel opaque structures", under EPROCESS).
    #[inline]
    #[must_use]
    pub fn system() -> Self {
        // SAFETY: the variable is set before any driver is loaded and never changes.
        let process = unsafe { PsInitialSystemProcess };
        // SAFETY: so it is not null.
        let process = unsafe { NonNull::new_unchecked(process) };
        Self { process, operation: PhantomData }
    }
}

impl Process<'_> {
    /// Wraps a process object.
    ///
    /// # Safety
    ///
    /// `process` is null or a process object that lives for as long as what this returns is used.
    #[must_use]
    pub unsafe fn from_raw(process: PEPROCESS) -> Option<Self> {
        NonNull::new(process).map(|process| Self { process, operation: PhantomData })
    }

    /// The process object, for routines that are not here.
    #[must_use]
    pub fn as_raw(self) -> PEPROCESS {
        self.process.as_ptr()
    }

    /// The process id, which Windows uses again after the process ended.
    ///
    /// Maximum IRQL: any ("`PsGetProcessId` function (ntddk.h)").
    #[inline]
    #[must_use]
    pub fn id(self) -> u32 {
        // SAFETY: the process lives, by the condition of `from_raw`.
        id(unsafe { PsGetProcessId(self.process.as_ptr()) })
    }

    /// A number that no other process has had since the machine was installed.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL` ("`PsGetProcessStartKey` function (ntddk.h)").
    #[inline]
    #[must_use]
    pub fn start_key(self) -> u64 {
        irql::assert_at_most(DISPATCH_LEVEL);
        // SAFETY: the process lives, by the condition of `from_raw`.
        unsafe { PsGetProcessStartKey(self.process.as_ptr()) }
    }

    /// When the process was created, in units of 100 ns since 1601 (UTC).
    ///
    /// Maximum IRQL: any ("`PsGetProcessCreateTimeQuadPart` function (ntddk.h)").
    #[inline]
    #[must_use]
    #[expect(clippy::cast_sign_loss, reason = "system times are positive")]
    pub fn create_time(self) -> u64 {
        // SAFETY: the process lives, by the condition of `from_raw`.
        unsafe { PsGetProcessCreateTimeQuadPart(self.process.as_ptr()) as u64 }
    }
}
