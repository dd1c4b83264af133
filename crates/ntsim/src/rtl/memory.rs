//! Routines on memory: copying, filling, comparing. They use the pointers that drivers give them, often inside a `__try`,
//! so they keep nothing on the stack and save no register: a fault in them unwinds to their caller at once.

use std::arch::global_asm;

use crate::abi::Address;

global_asm!(
    ".text",
    ".p2align 4",
    ".globl ntsim_memory_begin",
    ".hidden ntsim_memory_begin",
    "ntsim_memory_begin:",
    // memmove(rcx, rdx, r8): forwards unless the destination lies inside the source.
    ".globl ntsim_memmove",
    ".hidden ntsim_memmove",
    "ntsim_memmove:",
    "mov rax, rcx",
    "mov r9, rcx",
    "sub r9, rdx",
    "cmp r9, r8",
    "jb 5f",
    "2:",
    "cmp r8, 8",
    "jb 3f",
    "mov r9, [rdx]",
    "mov [rcx], r9",
    "add rdx, 8",
    "add rcx, 8",
    "sub r8, 8",
    "jmp 2b",
    "3:",
    "test r8, r8",
    "jz 4f",
    "mov r9b, [rdx]",
    "mov [rcx], r9b",
    "inc rdx",
    "inc rcx",
    "dec r8",
    "jmp 3b",
    "4:",
    "ret",
    "5:",
    "test r8, r8",
    "jz 4b",
    "dec r8",
    "mov r9b, [rdx + r8]",
    "mov [rcx + r8], r9b",
    "jmp 5b",
    // RtlFillMemory(rcx, rdx, r8b), RtlZeroMemory(rcx, rdx), memset(rcx, dl, r8)
    ".globl ntsim_zero",
    ".hidden ntsim_zero",
    "ntsim_zero:",
    "xor r8d, r8d",
    ".globl ntsim_fill",
    ".hidden ntsim_fill",
    "ntsim_fill:",
    "mov r9, r8",
    "mov r8, rdx",
    "mov rdx, r9",
    ".globl ntsim_memset",
    ".hidden ntsim_memset",
    "ntsim_memset:",
    "mov rax, rcx",
    "2:",
    "test r8, r8",
    "jz 3f",
    "mov [rcx], dl",
    "inc rcx",
    "dec r8",
    "jmp 2b",
    "3:",
    "ret",
    // memcmp(rcx, rdx, r8)
    ".globl ntsim_memcmp",
    ".hidden ntsim_memcmp",
    "ntsim_memcmp:",
    "xor eax, eax",
    "2:",
    "test r8, r8",
    "jz 3f",
    "movzx eax, byte ptr [rcx]",
    "movzx r9d, byte ptr [rdx]",
    "inc rcx",
    "inc rdx",
    "dec r8",
    "sub eax, r9d",
    "jz 2b",
    "3:",
    "ret",
    // RtlCompareMemory(rcx, rdx, r8): the number of equal bytes at the beginning.
    ".globl ntsim_compare",
    ".hidden ntsim_compare",
    "ntsim_compare:",
    "xor eax, eax",
    "2:",
    "cmp rax, r8",
    "jae 3f",
    "mov r9b, [rcx + rax]",
    "cmp r9b, [rdx + rax]",
    "jne 3f",
    "inc rax",
    "jmp 2b",
    "3:",
    "ret",
    ".globl ntsim_memory_end",
    ".hidden ntsim_memory_end",
    "ntsim_memory_end:",
);

unsafe extern "C" {
    fn ntsim_memory_begin();
    fn ntsim_memmove();
    fn ntsim_zero();
    fn ntsim_fill();
    fn ntsim_memset();
    fn ntsim_memcmp();
    fn ntsim_compare();
    fn ntsim_memory_end();
}

/// The routines, by name; they have the same code under several.
pub(crate) const ROUTINES: [(&str, unsafe extern "C" fn()); 9] = [
    ("memcpy", ntsim_memmove),
    ("memmove", ntsim_memmove),
    ("RtlCopyMemory", ntsim_memmove),
    ("RtlMoveMemory", ntsim_memmove),
    ("RtlZeroMemory", ntsim_zero),
    ("RtlFillMemory", ntsim_fill),
    ("memset", ntsim_memset),
    ("memcmp", ntsim_memcmp),
    ("RtlCompareMemory", ntsim_compare),
];

/// The routine that an instruction belongs to.
pub(crate) fn routine_at(address: Address) -> Option<&'static str> {
    let place = |function: unsafe extern "C" fn()| (function as *const ()).expose_provenance();
    if !(place(ntsim_memory_begin)..place(ntsim_memory_end)).contains(&address) {
        return None;
    }
    let before = ROUTINES.iter().filter(|(_, function)| place(*function) <= address);
    before.max_by_key(|(_, function)| place(*function)).map(|(name, _)| *name)
}

/// Whether a byte could be read, without reading it: the host's system call fails where the access would fault.
pub(crate) fn is_readable(address: Address) -> bool {
    is_accessible(address, false)
}

/// Whether a byte could be written, without writing it.
pub(crate) fn is_writable(address: Address) -> bool {
    is_accessible(address, true)
}

fn is_accessible(address: Address, writes: bool) -> bool {
    let mut byte = 0u8;
    let here = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let there = libc::iovec { iov_base: std::ptr::with_exposed_provenance_mut(address), iov_len: 1 };
    // SAFETY: asks for this process.
    let process = unsafe { libc::getpid() };
    // SAFETY: the local buffer is valid; the other address is checked by the system.
    let read = unsafe { libc::process_vm_readv(process, &raw const here, 1, &raw const there, 1, 0) };
    if !writes {
        return read == 1;
    }
    // SAFETY: as above; the byte that is there is written again.
    read == 1 && unsafe { libc::process_vm_writev(process, &raw const here, 1, &raw const there, 1, 0) } == 1
}
