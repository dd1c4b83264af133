/*
 * Found first on the include path, before the ntifs.h of mingw-w64: makes its DDK headers what wdk-sys expects of a WDK,
 * on a host that has none.
 */
#pragma once

/* clang's tile registers are a type both packed and aligned, which Rust cannot express; no kernel code needs it */
#define __AMXINTRIN_H
#define __AMX_FP16INTRIN_H
#define __AMX_COMPLEXINTRIN_H
#define __AMXFP8INTRIN_H
#define __AMXMOVRSINTRIN_H
#define __AMX_AVX512INTRIN_H
#define __AMX_TF32INTRIN_H

/* inline there, exported and declared in a real WDK; the inline ones get other names */
#define KeGetCurrentIrql inline_KeGetCurrentIrql
#define KeLowerIrql inline_KeLowerIrql
#define KfRaiseIrql inline_KfRaiseIrql
#define KeRaiseIrqlToDpcLevel inline_KeRaiseIrqlToDpcLevel
#include_next <ntifs.h>
#undef KeGetCurrentIrql
#undef KeLowerIrql
#undef KfRaiseIrql
#undef KeRaiseIrqlToDpcLevel
NTKERNELAPI KIRQL NTAPI KeGetCurrentIrql(VOID);
NTKERNELAPI VOID NTAPI KeLowerIrql(KIRQL NewIrql);
NTKERNELAPI KIRQL NTAPI KfRaiseIrql(KIRQL NewIrql);
NTKERNELAPI KIRQL NTAPI KeRaiseIrqlToDpcLevel(VOID);

/* Routines newer than those headers, as Microsoft documents them */

/* Windows 8 */
NTKERNELAPI VOID NTAPI KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime);

/* Windows 10 1703 */
NTKERNELAPI ULONGLONG NTAPI PsGetProcessStartKey(PEPROCESS Process);

/* Windows 10 2004 */
typedef ULONG64 POOL_FLAGS;
#define POOL_FLAG_UNINITIALIZED 0x0000000000000002ULL
#define POOL_FLAG_NON_PAGED 0x0000000000000040ULL
NTKERNELAPI PVOID NTAPI ExAllocatePool2(POOL_FLAGS Flags, SIZE_T NumberOfBytes, ULONG Tag);
