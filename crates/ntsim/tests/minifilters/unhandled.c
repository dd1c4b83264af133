/* Faults that no __except may or does handle; KIND says which. */
#include "wdm.h"

#define OUTSIDE 1
#define KERNEL_ADDRESS 2
#define RAISED_IRQL 3
#define DECLINED 4
#define STATUS_RAISED 5
#define PRIVILEGED 6

static __attribute__((noinline)) int reads(volatile int *place) { return *place; }

NTSTATUS NTAPI DriverEntry(PVOID driver, UNICODE_STRING *path) {
#if KIND == OUTSIDE
    return reads((volatile int *)0x10000);
#elif KIND == STATUS_RAISED
    ExRaiseStatus(STATUS_UNSUCCESSFUL);
#else
    __try {
#if KIND == KERNEL_ADDRESS
        reads((volatile int *)0xFFFF800000001000ULL);
#elif KIND == RAISED_IRQL
        __asm__ volatile("mov cr8, %0" : : "r"(2ULL));
        reads((volatile int *)0x10000);
#elif KIND == DECLINED
        reads((volatile int *)0x10000);
#elif KIND == PRIVILEGED
        __asm__ volatile("wbinvd");
#endif
    } __except (KIND == DECLINED ? EXCEPTION_CONTINUE_SEARCH : EXCEPTION_EXECUTE_HANDLER) {
        return STATUS_SUCCESS;
    }
#endif
    return STATUS_SUCCESS;
}
