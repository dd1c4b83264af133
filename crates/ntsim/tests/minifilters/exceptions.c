/* Structured exceptions in all their forms. Each line that it prints is checked by the test. */
#include "wdm.h"

/* An address of user mode where nothing is. */
#define NOWHERE ((volatile int *)0x10000)

static volatile int zero;
static int order;

static int filter(unsigned long code, unsigned long wanted) {
    return code == wanted ? EXCEPTION_EXECUTE_HANDLER : EXCEPTION_CONTINUE_SEARCH;
}

static __attribute__((noinline)) int reads(volatile int *place) { return *place; }

static __attribute__((noinline)) void faults_below_a_finally(void) {
    __try {
        reads(NOWHERE);
    } __finally {
        order = order * 10 + 1;
    }
}

static __attribute__((noinline)) NTSTATUS plain(void) {
    __try {
        return reads(NOWHERE);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return (NTSTATUS)_exception_code();
    }
}

static __attribute__((noinline)) NTSTATUS raised(NTSTATUS status) {
    __try {
        ExRaiseStatus(status);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return (NTSTATUS)_exception_code();
    }
    return STATUS_SUCCESS;
}

static __attribute__((noinline)) NTSTATUS probed(int write, volatile void *address, SIZE_T length, ULONG alignment) {
    __try {
        if (write)
            ProbeForWrite(address, length, alignment);
        else
            ProbeForRead(address, length, alignment);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return (NTSTATUS)_exception_code();
    }
    return STATUS_SUCCESS;
}

static __attribute__((noinline)) NTSTATUS copied(void *to, const void *from) {
    __try {
        memcpy(to, from, 16);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        return (NTSTATUS)_exception_code();
    }
    return STATUS_SUCCESS;
}

static __attribute__((noinline)) NTSTATUS divided(int number, int by) {
    __try {
        return number / by;
    } __except (filter(_exception_code(), (unsigned long)STATUS_INTEGER_DIVIDE_BY_ZERO)) {
        return (NTSTATUS)_exception_code();
    }
}

/* The inner filter declines, the outer one takes it; the finally block in between runs on the way. */
static __attribute__((noinline)) int nested(void) {
    order = 0;
    __try {
        __try {
            faults_below_a_finally();
        } __except (filter(_exception_code(), 0x1234)) {
            order = order * 10 + 9;
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        order = order * 10 + 2;
    }
    return order;
}

/* What lives in registers and on the stack of the function is as it was. */
static __attribute__((noinline)) int kept(int a, int b, int c, int d, int e, int f) {
    volatile int count = 0;
    for (int i = 0; i < 3; i++) {
        __try {
            count += a + b + c + d + e + f;
            reads(NOWHERE);
        } __except (EXCEPTION_EXECUTE_HANDLER) {
            count += 1000 * i;
        }
    }
    return count;
}

static __attribute__((noinline)) int leaves(void) {
    int value = 0;
    __try {
        value = 1;
        __leave;
    } __finally {
        value += 10;
    }
    return value;
}

NTSTATUS NTAPI DriverEntry(PVOID driver, UNICODE_STRING *path) {
    int buffer[4] = {0};
    print("plain %x\n", plain());
    print("raised %x\n", raised(STATUS_UNSUCCESSFUL));
    print("probe ok %x\n", probed(0, buffer, sizeof buffer, 4));
    print("probe kernel %x\n", probed(0, (void *)0xFFFF800000000000ULL, 4, 1));
    print("probe wraps %x\n", probed(0, buffer, ~0ULL, 1));
    print("probe empty %x\n", probed(0, (void *)0xFFFF800000000000ULL, 0, 1));
    print("probe misaligned %x\n", probed(0, (char *)buffer + 1, 4, 4));
    print("probe write %x\n", probed(1, buffer, sizeof buffer, 4));
    print("probe write nowhere %x\n", probed(1, NOWHERE, 4, 4));
    print("copy %x\n", copied(buffer, buffer));
    print("copy from nowhere %x\n", copied(buffer, (const void *)NOWHERE));
    print("copy to nowhere %x\n", copied((void *)NOWHERE, buffer));
    print("divided %x\n", divided(1000, zero));
    print("nested %d\n", nested());
    print("kept %d\n", kept(1, 2, 3, 4, 5, 6));
    print("leaves %d\n", leaves());
    print("noncanonical %x\n", copied(buffer, (const void *)0x1234567812345678ULL));
    return STATUS_SUCCESS;
}
