//! The registers of an interrupted thread, as a signal handler gets them.

use std::ffi::c_void;

/// `RFLAGS.TF`: the processor traps after each instruction.
const TRAP_FLAG: i64 = 0x100;

/// Bits of the page fault's error code (Intel SDM volume 3, "Interrupt 14"): the access was a write, or an instruction
/// fetch.
const WRITE: i64 = 0x2;
const FETCH: i64 = 0x10;

/// The general-purpose registers, in the order in which instructions number them.
const BY_NUMBER: [i32; 16] = [
    libc::REG_RAX,
    libc::REG_RCX,
    libc::REG_RDX,
    libc::REG_RBX,
    libc::REG_RSP,
    libc::REG_RBP,
    libc::REG_RSI,
    libc::REG_RDI,
    libc::REG_R8,
    libc::REG_R9,
    libc::REG_R10,
    libc::REG_R11,
    libc::REG_R12,
    libc::REG_R13,
    libc::REG_R14,
    libc::REG_R15,
];

/// The registers that execution goes on with when the handler returns.
pub(crate) struct Registers<'a> {
    context: &'a mut libc::ucontext_t,
}

fn index(register: i32) -> usize {
    usize::try_from(register).unwrap_or(0)
}

impl Registers<'_> {
    /// The third argument of a handler that was installed with `SA_SIGINFO`.
    ///
    /// # Safety
    ///
    /// It is what the system passed to the handler that is running, which has made no other reference to it.
    pub(super) unsafe fn new(context: *mut c_void) -> Self {
        // SAFETY: the caller's promise; the context belongs to the handler until it returns.
        let context = unsafe { &mut *context.cast() };
        Self { context }
    }

    fn raw(&self, register: i32) -> i64 {
        self.context.uc_mcontext.gregs[index(register)]
    }

    pub(super) fn get(&self, register: i32) -> usize {
        usize::from_ne_bytes(self.raw(register).to_ne_bytes())
    }

    pub(super) fn set(&mut self, register: i32, value: usize) {
        self.context.uc_mcontext.gregs[index(register)] = i64::from_ne_bytes(value.to_ne_bytes());
    }

    /// A general-purpose register by the number that instructions give it.
    pub(crate) fn numbered(&self, number: usize) -> usize {
        self.get(BY_NUMBER[number])
    }

    pub(crate) fn set_numbered(&mut self, number: usize, value: usize) {
        self.set(BY_NUMBER[number], value);
    }

    /// The instruction that comes next; for a fault, the one that caused it.
    pub(crate) fn instruction(&self) -> usize {
        self.get(libc::REG_RIP)
    }

    pub(crate) fn set_instruction(&mut self, address: usize) {
        self.set(libc::REG_RIP, address);
    }

    pub(crate) fn stack(&self) -> usize {
        self.get(libc::REG_RSP)
    }

    pub(crate) fn flags(&self) -> u32 {
        u32::try_from(self.raw(libc::REG_EFL) & 0xFFFF_FFFF).unwrap_or(0)
    }

    /// Whether the fault was a write.
    pub(super) fn fault_was_write(&self) -> bool {
        self.raw(libc::REG_ERR) & WRITE != 0
    }

    /// Whether the fault was the fetch of an instruction.
    pub(super) fn fault_was_fetch(&self) -> bool {
        self.raw(libc::REG_ERR) & FETCH != 0
    }

    /// Whether the processor traps after the next instruction.
    pub(super) fn trap_flag(&self) -> bool {
        self.context.uc_mcontext.gregs[index(libc::REG_EFL)] & TRAP_FLAG != 0
    }

    /// Has the processor trap after the next instruction, or not.
    pub(super) fn set_trap_flag(&mut self, on: bool) {
        let flags = &mut self.context.uc_mcontext.gregs[index(libc::REG_EFL)];
        *flags = if on { *flags | TRAP_FLAG } else { *flags & !TRAP_FLAG };
    }

    /// The vector registers and their control word, in the format of FXSAVE.
    pub(crate) fn vectors(&self) -> [u8; FXSAVE_BYTES] {
        let state = self.context.uc_mcontext.fpregs.cast::<[u8; FXSAVE_BYTES]>();
        if state.is_null() {
            return [0; FXSAVE_BYTES];
        }
        // SAFETY: the system points to the saved state, which begins with the FXSAVE area, unless it saved none.
        unsafe { state.read_unaligned() }
    }
}

/// Size of the FXSAVE area (Intel SDM volume 1, "FXSAVE area").
pub(crate) const FXSAVE_BYTES: usize = 512;
