/* What wdm.h makes inline: reads of the shared data page, CR8, the processor block. */
#include "wdm.h"

#define SHARED 0xFFFFF78000000000ULL
#define shared(type, offset) (*(volatile type *)(SHARED + (offset)))
#define gs(type, offset) (*(type __attribute__((address_space(256))) volatile *)(offset))

static ULONG64 read_cr8(void) {
    ULONG64 value;
    __asm__ volatile("mov %0, cr8" : "=r"(value));
    return value;
}

static void write_cr8(ULONG64 value) { __asm__ volatile("mov cr8, %0" : : "r"(value)); }

/* As KeQueryTickCount reads it: until both high parts agree. */
static ULONG64 ticks(void) {
    LONG high, high2;
    ULONG low;
    do {
        high = shared(LONG, 0x324);
        low = shared(ULONG, 0x320);
        high2 = shared(LONG, 0x328);
    } while (high != high2);
    return (ULONG64)high << 32 | low;
}

NTSTATUS NTAPI DriverEntry(PVOID driver, UNICODE_STRING *path) {
    print("version %u.%u.%u\n", shared(ULONG, 0x26C), shared(ULONG, 0x270), shared(ULONG, 0x260));
    print("time %llu\n", shared(ULONG64, 0x14));
    print("ticks %d\n", ticks() > 0);
    print("feature %u %u\n", shared(UCHAR, 0x274 + 10), shared(UCHAR, 0x274 + 63));
    print("thread %d\n", gs(PVOID, 0x188) == PsGetCurrentThread());
    print("irql %llu\n", read_cr8());
    write_cr8(2);
    print("raised %llu\n", read_cr8());
    write_cr8(0);
    print("lowered %llu\n", read_cr8());
    return STATUS_SUCCESS;
}
