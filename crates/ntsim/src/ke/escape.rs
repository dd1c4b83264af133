//! Leaving driver code for good.
//!
//! A bug check never returns, a system thread ends inside `PsTerminateSystemThread`, and a fault has nowhere to return
//! to. No Rust panic may unwind through the driver's frames, so the way out is to put back the stack as it was when the
//! host entered the driver. The frames in between are abandoned, not unwound: what they own leaks, which is why
//! nothing on them may be worth more than memory (no lock is held while driver code runs, see [`crate::util::Lock`]).

use std::arch::naked_asm;
use std::ffi::c_void;

/// The stack as it was when the host entered the driver.
#[repr(C)]
pub(crate) struct EscapePoint {
    stack_pointer: usize,
}

/// How the driver was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// By returning.
    Returned,
    /// By [`leave`].
    Escaped,
}

/// Runs a function that may be left early through the point; `entered` sees it beforehand.
pub(crate) fn enter<F: FnOnce()>(work: F, entered: impl FnOnce(*mut EscapePoint)) -> Left {
    extern "sysv64" fn run<F: FnOnce()>(work: *mut c_void) {
        // SAFETY: `enter` passes its own `Option<F>`, which outlives the call, and nobody else refers to it.
        let work = unsafe { &mut *work.cast::<Option<F>>() };
        if let Some(work) = work.take() {
            work();
        }
    }

    let mut point = EscapePoint { stack_pointer: 0 };
    let mut work = Some(work);
    let point = &raw mut point;
    entered(point);
    // SAFETY: the point and the closure live until `enter_at` returns; `run` is given the closure that it expects.
    match unsafe { enter_at(point, run::<F>, (&raw mut work).cast()) } {
        0 => Left::Returned,
        _ => Left::Escaped,
    }
}

/// Abandons every frame above the point: its [`enter`] returns [`Left::Escaped`].
///
/// # Safety
///
/// The `enter` that made the point has not returned, and runs on this thread. No frame above it owns anything that must
/// be dropped for soundness.
pub(crate) unsafe fn leave(point: *const EscapePoint) -> ! {
    // SAFETY: the caller's promise.
    unsafe { leave_at(point) }
}

/// Address of the code that leaves through the point in `rdi`, for the fault handler.
pub(crate) fn leave_address() -> usize {
    leave_at as *const () as usize
}

/// Saves the callee-saved registers and the stack pointer at the point, and calls the function. Returns 0 after it, or 1
/// through `leave_at`. Driver code preserves all of these registers too, and more.
#[unsafe(naked)]
unsafe extern "sysv64" fn enter_at(
    point: *mut EscapePoint,
    function: extern "sysv64" fn(*mut c_void),
    data: *mut c_void,
) -> u64 {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "mov [rdi], rsp",
        "mov rdi, rdx",
        "call rsi",
        "xor eax, eax",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

#[unsafe(naked)]
unsafe extern "sysv64" fn leave_at(point: *const EscapePoint) -> ! {
    naked_asm!(
        "mov rsp, [rdi]",
        "cld",
        "mov eax, 1",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn work_that_returns_is_told_from_work_that_escapes() {
        let ran = Cell::new(0);
        assert_eq!(enter(|| ran.set(ran.get() + 1), |_| {}), Left::Returned);
        let point = Cell::new(std::ptr::null_mut::<EscapePoint>());
        let left = enter(
            || {
                ran.set(ran.get() + 1);
                // SAFETY: this runs inside the `enter` that made the point, and owns nothing.
                unsafe { leave(point.get()) }
            },
            |at| point.set(at),
        );
        assert_eq!((left, ran.get()), (Left::Escaped, 2));
    }
}
