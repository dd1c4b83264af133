//! The stack that a driver runs on: the host's.

use std::cell::Cell;

use super::Cpu;
use crate::abi::Ptr;

thread_local! {
    /// The lowest address of this thread's stack, and the one past it.
    static LIMITS: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
}

/// The bounds of the current thread's stack.
fn bounds() -> (usize, usize) {
    LIMITS.get().unwrap_or_else(|| {
        let found = ask();
        LIMITS.set(Some(found));
        found
    })
}

fn ask() -> (usize, usize) {
    // SAFETY: all zeroes is a valid value of the attributes' opaque bytes.
    let mut attributes: libc::pthread_attr_t = unsafe { std::mem::zeroed() };
    // SAFETY: this can always be asked.
    let this = unsafe { libc::pthread_self() };
    // SAFETY: this thread's own handle is valid, and the attributes are written.
    let status = unsafe { libc::pthread_getattr_np(this, &raw mut attributes) };
    assert_eq!(status, 0, "a thread can be asked for its own attributes");
    let (mut low, mut bytes) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes have been filled.
    let status = unsafe { libc::pthread_attr_getstack(&raw const attributes, &raw mut low, &raw mut bytes) };
    assert_eq!(status, 0, "the attributes say where the stack is");
    // SAFETY: they are not used any more.
    unsafe { libc::pthread_attr_destroy(&raw mut attributes) };
    (low.addr(), low.addr() + bytes)
}

/// `IoGetStackLimits`.
pub(crate) fn limits(_cpu: &Cpu, low: Ptr<usize>, high: Ptr<usize>) {
    let (bottom, top) = bounds();
    low.write(bottom);
    high.write(top);
}

/// `IoGetRemainingStackSize`.
pub(crate) fn remaining(_cpu: &Cpu) -> usize {
    let here = 0u8;
    Ptr::of(&raw const here).address() - bounds().0
}
