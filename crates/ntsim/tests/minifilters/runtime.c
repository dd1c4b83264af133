/* Run-time library, locks, lookaside lists and tables, as the inline functions of wdm.h use them. */
#include "wdm.h"

IMPORT void NTAPI RtlInitUnicodeString(UNICODE_STRING *string, const WCHAR *text);
IMPORT LONG NTAPI RtlCompareUnicodeString(const UNICODE_STRING *a, const UNICODE_STRING *b, BOOLEAN ignore_case);
IMPORT BOOLEAN NTAPI RtlPrefixUnicodeString(const UNICODE_STRING *a, const UNICODE_STRING *b, BOOLEAN ignore_case);
IMPORT NTSTATUS NTAPI RtlAppendUnicodeToString(UNICODE_STRING *string, const WCHAR *text);
IMPORT NTSTATUS NTAPI RtlUpcaseUnicodeString(UNICODE_STRING *to, const UNICODE_STRING *from, BOOLEAN allocate);
IMPORT void NTAPI RtlFreeUnicodeString(UNICODE_STRING *string);
IMPORT int NTAPI _vsnwprintf(WCHAR *to, SIZE_T room, const WCHAR *format, char *list);
IMPORT int NTAPI _wcsicmp(const WCHAR *a, const WCHAR *b);
IMPORT void NTAPI ExInitializeNPagedLookasideList(PVOID list, PVOID allocate, PVOID free, ULONG flags, SIZE_T size,
                                                  ULONG tag, USHORT depth);
IMPORT void NTAPI ExDeleteNPagedLookasideList(PVOID list);
IMPORT PVOID NTAPI ExpInterlockedPopEntrySList(PVOID list);
IMPORT PVOID NTAPI ExpInterlockedPushEntrySList(PVOID list, PVOID entry);
IMPORT PVOID NTAPI ExAllocatePoolWithTag(ULONG type, SIZE_T size, ULONG tag);
IMPORT void NTAPI ExFreePool(PVOID block);
IMPORT void NTAPI ExAcquireFastMutex(PVOID mutex);
IMPORT void NTAPI ExReleaseFastMutex(PVOID mutex);
IMPORT KIRQL NTAPI KeAcquireSpinLockRaiseToDpc(ULONG_PTR *lock);
IMPORT void NTAPI KeReleaseSpinLock(ULONG_PTR *lock, KIRQL irql);
IMPORT KIRQL NTAPI KeGetCurrentIrql(void);
IMPORT NTSTATUS NTAPI ExInitializeResourceLite(PVOID resource);
IMPORT BOOLEAN NTAPI ExAcquireResourceExclusiveLite(PVOID resource, BOOLEAN wait);
IMPORT BOOLEAN NTAPI ExAcquireResourceSharedLite(PVOID resource, BOOLEAN wait);
IMPORT ULONG NTAPI ExIsResourceAcquiredSharedLite(PVOID resource);
IMPORT void NTAPI ExReleaseResourceLite(PVOID resource);
IMPORT NTSTATUS NTAPI ExDeleteResourceLite(PVOID resource);
IMPORT void NTAPI KeEnterCriticalRegion(void);
IMPORT void NTAPI KeLeaveCriticalRegion(void);
IMPORT void NTAPI RtlInitializeGenericTableAvl(PVOID table, PVOID compare, PVOID allocate, PVOID free, PVOID context);
IMPORT PVOID NTAPI RtlInsertElementGenericTableAvl(PVOID table, PVOID element, ULONG size, BOOLEAN *isnew);
IMPORT PVOID NTAPI RtlLookupElementGenericTableAvl(PVOID table, PVOID element);
IMPORT BOOLEAN NTAPI RtlDeleteElementGenericTableAvl(PVOID table, PVOID element);
IMPORT PVOID NTAPI RtlEnumerateGenericTableAvl(PVOID table, BOOLEAN restart);

#define TAG 0x74736554

/* GENERAL_LOOKASIDE, as far as ExAllocateFromNPagedLookasideList looks. */
typedef struct __attribute__((aligned(128))) {
    ULONG64 head[2];
    USHORT depth, maximum;
    ULONG allocates, allocate_misses, frees, free_misses, type, tag, size;
    PVOID(NTAPI *allocate)(ULONG type, SIZE_T size, ULONG tag);
    void(NTAPI *free)(PVOID entry);
} LOOKASIDE;

static LOOKASIDE lookaside;

static PVOID take(LOOKASIDE *list) {
    PVOID entry = ExpInterlockedPopEntrySList(list);
    return entry ? entry : list->allocate(list->type, list->size, list->tag);
}

static void give(LOOKASIDE *list, PVOID entry) {
    if ((USHORT)list->head[0] >= list->depth)
        list->free(entry);
    else
        ExpInterlockedPushEntrySList(list, entry);
}

static ULONG NTAPI compare(PVOID table, int *a, int *b) { return *a < *b ? 0 : *a > *b ? 1 : 2; }
static PVOID NTAPI allocate(PVOID table, LONG size) { return ExAllocatePoolWithTag(512, size, TAG); }
static void NTAPI release(PVOID table, PVOID node) { ExFreePool(node); }

static int format(WCHAR *to, SIZE_T room, const WCHAR *text, ...) {
    __builtin_va_list list;
    __builtin_va_start(list, text);
    int length = _vsnwprintf(to, room, text, (char *)list);
    __builtin_va_end(list);
    return length;
}

NTSTATUS NTAPI DriverEntry(PVOID driver, UNICODE_STRING *path) {
    static WCHAR buffer[32];
    static ULONG_PTR table[13], mutex[7], resource[13], lock, slist[2] __attribute__((aligned(16)));
    static ULONG_PTR links[2][2] __attribute__((aligned(16)));
    UNICODE_STRING a, b, c = {0, sizeof buffer, buffer}, upper;
    BOOLEAN isnew;

    RtlInitUnicodeString(&a, L"\\Device\\Disk");
    RtlInitUnicodeString(&b, L"\\device");
    print("compare %d %d\n", RtlCompareUnicodeString(&a, &b, 0) < 0, RtlCompareUnicodeString(&a, &b, 1) > 0);
    print("prefix %d %d\n", RtlPrefixUnicodeString(&b, &a, 1), RtlPrefixUnicodeString(&b, &a, 0));
    RtlAppendUnicodeToString(&c, L"one");
    RtlAppendUnicodeToString(&c, L" two");
    print("append %wZ\n", &c);
    RtlUpcaseUnicodeString(&upper, &c, 1);
    print("upper %wZ\n", &upper);
    RtlFreeUnicodeString(&upper);
    int length = format(buffer, 32, L"%s-%S-%u-%08x", L"wide", "narrow", 7, 0xBEEF);
    print("format %d %ws\n", length, buffer);
    print("case %d\n", _wcsicmp(L"FILE.txt", L"file.TXT"));

    ExInitializeNPagedLookasideList(&lookaside, NULL, NULL, 0, 48, TAG, 0);
    PVOID first = take(&lookaside), second = take(&lookaside);
    print("lookaside %d\n", first && second && first != second);
    give(&lookaside, first);
    give(&lookaside, second);
    ExDeleteNPagedLookasideList(&lookaside);

    ExpInterlockedPushEntrySList(slist, links[0]);
    ExpInterlockedPushEntrySList(slist, links[1]);
    int depth = (USHORT)slist[0];
    PVOID last = ExpInterlockedPopEntrySList(slist), before = ExpInterlockedPopEntrySList(slist);
    print("list %d %d %d\n", depth, last == links[1], before == links[0]);

    ExAcquireFastMutex(mutex);
    print("mutex %u\n", KeGetCurrentIrql());
    ExReleaseFastMutex(mutex);
    KIRQL irql = KeAcquireSpinLockRaiseToDpc(&lock);
    print("spin %u %u\n", irql, KeGetCurrentIrql());
    KeReleaseSpinLock(&lock, irql);
    KeEnterCriticalRegion();
    ExInitializeResourceLite(resource);
    ExAcquireResourceExclusiveLite(resource, 1);
    ExAcquireResourceSharedLite(resource, 1);
    print("resource %u\n", ExIsResourceAcquiredSharedLite(resource));
    ExReleaseResourceLite(resource);
    ExReleaseResourceLite(resource);
    print("resource %u\n", ExIsResourceAcquiredSharedLite(resource));
    ExDeleteResourceLite(resource);
    KeLeaveCriticalRegion();

    RtlInitializeGenericTableAvl(table, compare, allocate, release, NULL);
    for (int i = 0; i < 5; i++) {
        int value = (i * 3) % 5;
        RtlInsertElementGenericTableAvl(table, &value, sizeof value, &isnew);
    }
    int three = 3, nine = 9;
    RtlInsertElementGenericTableAvl(table, &three, sizeof three, &isnew);
    print("table new %u, three %d, nine %d\n", isnew, RtlLookupElementGenericTableAvl(table, &three) != NULL,
          RtlLookupElementGenericTableAvl(table, &nine) != NULL);
    int order = 0;
    for (int *element = RtlEnumerateGenericTableAvl(table, 1); element; element = RtlEnumerateGenericTableAvl(table, 0))
        order = order * 10 + *element;
    print("table order %d count %u\n", order, *(ULONG *)((char *)table + 44));
    for (int i = 0; i < 5; i++)
        RtlDeleteElementGenericTableAvl(table, &i);
    print("table count %u\n", *(ULONG *)((char *)table + 44));
    /* Nothing may be left behind: a DriverEntry that fails is unloaded at once, and its leaks are reported. */
    return STATUS_UNSUCCESSFUL;
}
