//! What each OS thread needs that enters a driver: a stack for signals, and the processor block that `gs:` leads to.

use std::cell::OnceCell;
use std::ffi::c_void;
use std::ptr;
use std::sync::OnceLock;

use crate::abi::{Address, Ptr};

/// Room for a handler that decodes and formats an instruction.
const SIGNAL_STACK_BYTES: usize = 256 << 10;
const PAGE_BYTES: usize = 4096;
/// The pages of a thread, in order: what of `KPCR` and `KPRCB` can be looked at; one that faults; the copy of
/// `KUSER_SHARED_DATA`; an instruction that executes in place of another.
const SHARED_DATA_PAGE: usize = 2;
const CODE_PAGE: usize = 3;
const PAGES: usize = 4;

/// Offsets in `KPCR` (public symbols of ntoskrnl.exe on x64; the same in every version since Windows 10): itself, its
/// `KPRCB`, and in the `KPRCB` at 0x180 the current thread and the processor's number.
const SELF: usize = 0x18;
const CURRENT_PRCB: usize = 0x20;
const PRCB: usize = 0x180;
const CURRENT_THREAD: usize = 0x188;
const NUMBER: usize = 0x1A4;

/// `HWCAP2_FSGSBASE`: programs may set the GS base without a system call.
const FSGSBASE: u64 = 2;
/// `ARCH_SET_GS`, `ARCH_GET_GS` of `arch_prctl`.
const ARCH_SET_GS: i32 = 0x1001;
const ARCH_GET_GS: i32 = 0x1004;

/// The memory of one OS thread.
struct HostThread {
    signal_stack: *mut c_void,
    pages: *mut c_void,
}

thread_local! {
    static THIS: OnceCell<HostThread> = const { OnceCell::new() };
}

fn map(bytes: usize) -> *mut c_void {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new private mapping at an address of the system's choice disturbs nothing.
    let place = unsafe { libc::mmap(ptr::null_mut(), bytes, protection, flags, -1, 0) };
    assert_ne!(place, libc::MAP_FAILED, "the host has memory for a thread");
    place
}

impl HostThread {
    fn new() -> Self {
        let this = Self { signal_stack: map(SIGNAL_STACK_BYTES), pages: map(PAGES * PAGE_BYTES) };
        this.protect(1, libc::PROT_NONE);
        this.protect(CODE_PAGE, libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC);
        let stack = libc::stack_t { ss_sp: this.signal_stack, ss_flags: 0, ss_size: SIGNAL_STACK_BYTES };
        // SAFETY: the memory is the stack's alone until the thread ends.
        let status = unsafe { libc::sigaltstack(&raw const stack, ptr::null_mut()) };
        assert_eq!(status, 0, "sigaltstack takes a stack of that size");
        this
    }

    fn protect(&self, page: usize, protection: i32) {
        let place = self.pages.wrapping_byte_add(page * PAGE_BYTES);
        // SAFETY: a page of the mapping that was made for this.
        let status = unsafe { libc::mprotect(place, PAGE_BYTES, protection) };
        assert_eq!(status, 0, "the page is ours to protect");
    }
}

impl Drop for HostThread {
    fn drop(&mut self) {
        let none = libc::stack_t { ss_sp: ptr::null_mut(), ss_flags: libc::SS_DISABLE, ss_size: 0 };
        // SAFETY: no signal is being handled: the thread is ending. Whatever else it does has the stack proper.
        unsafe { libc::sigaltstack(&raw const none, ptr::null_mut()) };
        // SAFETY: mapped in `new`, and no longer the signal stack.
        unsafe { libc::munmap(self.signal_stack, SIGNAL_STACK_BYTES) };
        // SAFETY: mapped in `new`; the GS base was put back when the driver was left.
        unsafe { libc::munmap(self.pages, PAGES * PAGE_BYTES) };
    }
}

/// The processor block of this OS thread.
fn block() -> Address {
    THIS.with(|this| this.get_or_init(HostThread::new).pages.expose_provenance())
}

/// Where this thread's copy of `KUSER_SHARED_DATA` is.
pub(super) fn shared_data() -> Address {
    block() + SHARED_DATA_PAGE * PAGE_BYTES
}

/// Where this thread executes an instruction in place of another.
pub(super) fn scratch_code() -> Address {
    block() + CODE_PAGE * PAGE_BYTES
}

/// Shows drivers, through `gs:`, who executes.
pub(super) fn set_current(thread: Ptr, processor: u32) {
    let block = block();
    Ptr::<usize>::at(block + SELF).write(block);
    Ptr::<usize>::at(block + CURRENT_PRCB).write(block + PRCB);
    Ptr::<usize>::at(block + CURRENT_THREAD).write(thread.address());
    Ptr::<u32>::at(block + NUMBER).write(processor);
}

/// Lets `gs:` lead to the processor block; returns where it led before.
pub(super) fn enter() -> Address {
    let outer = gs_base();
    set_gs_base(block());
    outer
}

/// Lets `gs:` lead where it led before.
pub(super) fn leave(outer: Address) {
    set_gs_base(outer);
}

fn has_instructions() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    // SAFETY: reads a value that the system passed to the program.
    *HAS.get_or_init(|| unsafe { libc::getauxval(libc::AT_HWCAP2) } & FSGSBASE != 0)
}

fn gs_base() -> Address {
    let mut base = 0usize;
    if has_instructions() {
        // SAFETY: the system says that programs may use the instruction; it changes only its register.
        unsafe { std::arch::asm!("rdgsbase {}", out(reg) base, options(nomem, nostack, preserves_flags)) };
    } else {
        // SAFETY: stores the base in the variable.
        unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_GET_GS, &raw mut base) };
    }
    base
}

fn set_gs_base(base: Address) {
    if has_instructions() {
        // SAFETY: the system says that programs may use the instruction; nothing on the host side uses GS.
        unsafe { std::arch::asm!("wrgsbase {}", in(reg) base, options(nomem, nostack, preserves_flags)) };
    } else {
        // SAFETY: nothing on the host side uses GS.
        unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_SET_GS, base) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_is_reached_through_gs_and_put_back() {
        let outer = enter();
        set_current(Ptr::at(0x1234), 3);
        let (thread, number): (usize, u32);
        // SAFETY: the base leads to the block.
        unsafe { std::arch::asm!("mov {}, gs:[0x188]", out(reg) thread) };
        // SAFETY: as above.
        unsafe { std::arch::asm!("mov {:e}, gs:[0x1A4]", out(reg) number) };
        leave(outer);
        assert_eq!((thread, number), (0x1234, 3));
        assert_eq!(gs_base(), outer);
    }
}
