//! The load configuration of the image, which tells the loader where Control Flow Guard's tables are.
//!
//! In the real kit it comes with `BufferOverflowFastFailK.lib`. The kernel puts its own routines into the two pointers when
//! it checks indirect calls; until then they lead to routines that check nothing.
//!
//! Layout: `IMAGE_LOAD_CONFIG_DIRECTORY64` of Microsoft's "PE Format".

#![no_core]
#![no_std]
#![feature(decl_macro, no_core, rustc_attrs)]
#![allow(internal_features, reason = "assembled alone, without any library")]

#[rustc_builtin_macro]
macro global_asm() {}

global_asm!(
    ".equ load_config_size, 0x118",
    ".section .rdata,\"dr\"",
    ".globl _load_config_used",
    ".p2align 3",
    "_load_config_used:",
    ".long load_config_size",
    ".zero 108",                         // time, version, heap, process, lock and cookie fields: not used
    ".quad __guard_check_icall_fptr",    // 112 GuardCFCheckFunctionPointer
    ".quad __guard_dispatch_icall_fptr", // 120 GuardCFDispatchFunctionPointer
    ".quad __guard_fids_table",          // 128 GuardCFFunctionTable, made by the linker
    ".quad __guard_fids_count",          // 136 GuardCFFunctionCount, made by the linker
    ".long __guard_flags",               // 144 GuardFlags, made by the linker
    ".zero load_config_size - 148",
    ".section .00cfg,\"dr\"",
    ".globl __guard_check_icall_fptr",
    ".globl __guard_dispatch_icall_fptr",
    ".p2align 3",
    "__guard_check_icall_fptr: .quad guard_check_nothing",
    "__guard_dispatch_icall_fptr: .quad guard_dispatch_nothing",
    ".text",
    "guard_check_nothing: ret",
);

// The address to call is in the register that the compiler's calling convention for the dispatcher says.
#[cfg(target_arch = "x86_64")]
global_asm!(".text", "guard_dispatch_nothing: jmp rax");
#[cfg(target_arch = "aarch64")]
global_asm!(".text", "guard_dispatch_nothing: br x9");
