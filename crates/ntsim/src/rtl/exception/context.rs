//! `CONTEXT` and what goes with it, as on x64 (winnt.h; "CONTEXT structure (winnt.h)").

use std::arch::naked_asm;
use std::mem::offset_of;

use crate::abi::{Address, Ptr};
use crate::ke::registers::Registers;

/// Numbers of registers.
pub(super) const RAX: usize = 0;
pub(super) const RSP: usize = 4;

/// Bytes of the FXSAVE area, and where its XMM registers begin.
const FXSAVE_BYTES: usize = 512;
const XMM: usize = 0xA0;

/// `CONTEXT_FULL` with the floating-point registers.
const CONTEXT_FULL: u32 = 0x0010_000B;

/// `CONTEXT`.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub(crate) struct Context {
    home: [u64; 6],
    parts: u32,
    mxcsr: u32,
    segments: [u16; 6],
    eflags: u32,
    debug_registers: [u64; 6],
    /// By number.
    pub(super) integer: [usize; 16],
    pub(super) rip: usize,
    vectors: [u8; FXSAVE_BYTES],
    vector_registers: [u64; 52],
    control: [u64; 6],
}

const _: () = assert!(size_of::<Context>() == 0x4D0);
const _: () = assert!(offset_of!(Context, eflags) == 0x44);
const _: () = assert!(offset_of!(Context, integer) == 0x78);
const _: () = assert!(offset_of!(Context, rip) == 0xF8);
const _: () = assert!(offset_of!(Context, vectors) == 0x100);

impl Context {
    /// The state of a thread that a signal interrupted.
    pub(super) fn interrupted(registers: &Registers<'_>) -> Self {
        let mut integer = [0; 16];
        for (number, value) in integer.iter_mut().enumerate() {
            *value = registers.numbered(number);
        }
        let vectors = registers.vectors();
        let mxcsr = [vectors[24], vectors[25], vectors[26], vectors[27]];
        Self {
            home: [0; 6],
            parts: CONTEXT_FULL,
            mxcsr: u32::from_le_bytes(mxcsr),
            segments: [0; 6],
            eflags: registers.flags(),
            debug_registers: [0; 6],
            integer,
            rip: registers.instruction(),
            vectors,
            vector_registers: [0; 52],
            control: [0; 6],
        }
    }

    pub(super) fn stack(&self) -> Address {
        self.integer[RSP]
    }

    /// Takes a word off the stack.
    pub(super) fn pop(&mut self) -> usize {
        let value = Ptr::<usize>::at(self.stack()).read();
        self.integer[RSP] = self.stack().wrapping_add(8);
        value
    }

    pub(super) fn set_xmm(&mut self, number: usize, value: [u8; 16]) {
        self.vectors[XMM + 16 * number..][..16].copy_from_slice(&value);
    }
}

/// `EXCEPTION_RECORD`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct ExceptionRecord {
    pub(super) code: u32,
    pub(super) flags: u32,
    pub(super) record: Ptr,
    pub(super) address: Address,
    pub(super) parameters: u32,
    pub(super) information: [usize; 15],
}

const _: () = assert!(size_of::<ExceptionRecord>() == 152);

/// `DISPATCHER_CONTEXT`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct DispatcherContext {
    pub(super) control_pc: Address,
    pub(super) image_base: Address,
    pub(super) function_entry: Address,
    pub(super) establisher_frame: Address,
    pub(super) target_ip: Address,
    pub(super) context: Ptr<Context>,
    pub(super) handler: Address,
    pub(super) handler_data: Address,
    pub(super) history: Ptr,
    pub(super) scope_index: u32,
    pub(super) fill: u32,
}

const _: () = assert!(size_of::<DispatcherContext>() == 80);

/// Goes on as the context says.
///
/// # Safety
///
/// The context is one of driver code on this thread's stack, and what lies below it there (24 bytes right below its
/// stack pointer are used) is worth nothing.
#[unsafe(naked)]
pub(super) unsafe extern "sysv64" fn restore(context: *const Context) -> ! {
    naked_asm!(
        "fxrstor64 [rdi + 0x100]",
        "mov rax, [rdi + 0x98]",
        "mov rcx, [rdi + 0xF8]",
        "mov [rax - 8], rcx",
        "mov ecx, [rdi + 0x44]",
        "mov [rax - 16], rcx",
        "mov rcx, [rdi + 0xB0]",
        "mov [rax - 24], rcx",
        "mov rcx, [rdi + 0x80]",
        "mov rdx, [rdi + 0x88]",
        "mov rbx, [rdi + 0x90]",
        "mov rbp, [rdi + 0xA0]",
        "mov rsi, [rdi + 0xA8]",
        "mov r8, [rdi + 0xB8]",
        "mov r9, [rdi + 0xC0]",
        "mov r10, [rdi + 0xC8]",
        "mov r11, [rdi + 0xD0]",
        "mov r12, [rdi + 0xD8]",
        "mov r13, [rdi + 0xE0]",
        "mov r14, [rdi + 0xE8]",
        "mov r15, [rdi + 0xF0]",
        "lea rsp, [rax - 24]",
        "mov rax, [rdi + 0x78]",
        "pop rdi",
        "popfq",
        "ret",
    )
}

/// A routine that needs the state of its caller: stores it, and calls a function with the first three arguments and the
/// context, which says how things stand after the return.
macro_rules! capturing {
    ($($(#[doc = $doc:literal])+ $name:ident => $target:path;)*) => {$(
        $(#[doc = $doc])+
        #[unsafe(naked)]
        pub(crate) unsafe extern "win64" fn $name() {
            std::arch::naked_asm!(
                // The callee's home space, and the context, which is aligned to 16 bytes.
                "sub rsp, 0x4F8",
                "mov [rsp + 0x98], rax",
                "mov [rsp + 0xA0], rcx",
                "mov [rsp + 0xA8], rdx",
                "mov [rsp + 0xB0], rbx",
                "mov [rsp + 0xC0], rbp",
                "mov [rsp + 0xC8], rsi",
                "mov [rsp + 0xD0], rdi",
                "mov [rsp + 0xD8], r8",
                "mov [rsp + 0xE0], r9",
                "mov [rsp + 0xE8], r10",
                "mov [rsp + 0xF0], r11",
                "mov [rsp + 0xF8], r12",
                "mov [rsp + 0x100], r13",
                "mov [rsp + 0x108], r14",
                "mov [rsp + 0x110], r15",
                "lea rax, [rsp + 0x500]",
                "mov [rsp + 0xB8], rax",
                "mov rax, [rsp + 0x4F8]",
                "mov [rsp + 0x118], rax",
                "mov dword ptr [rsp + 0x50], 0x10000B",
                "stmxcsr [rsp + 0x54]",
                "pushfq",
                "pop rax",
                "mov [rsp + 0x64], eax",
                "fxsave64 [rsp + 0x120]",
                "lea r9, [rsp + 0x20]",
                "call {}",
                "add rsp, 0x4F8",
                "ret",
                sym $target,
            )
        }
    )*};
}
pub(super) use capturing;
