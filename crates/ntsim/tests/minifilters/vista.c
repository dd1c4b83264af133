/* A minifilter that was compiled with the headers of Windows Vista, and what old drivers like to call. */
#include "flt.h"

static PFLT_FILTER filter;

IMPORT NTSTATUS NTAPI FltGetDeviceObject(PFLT_VOLUME volume, PVOID *device);
IMPORT LONG64 NTAPI ObfDereferenceObject(PVOID object);
IMPORT BOOLEAN NTAPI FsRtlIsNtstatusExpected(NTSTATUS status);
IMPORT int NTAPI _snwprintf(WCHAR *to, SIZE_T room, const WCHAR *format, ...);

static NTSTATUS NTAPI setup(const FLT_RELATED_OBJECTS *objects, ULONG flags, ULONG device_type, ULONG file_system) {
    WCHAR text[32];
    PVOID device;
    if (FltGetDeviceObject(objects->Volume, &device) < 0)
        return STATUS_UNSUCCESSFUL;
    /* DEVICE_OBJECT: Type is IO_TYPE_DEVICE. */
    print("device of type %u\n", *(USHORT *)device);
    ObfDereferenceObject(device);
    int length = _snwprintf(text, 32, L"%d and %ws", 12, L"wide");
    print("%d: %ws\n", length, text);
    print("expected %d %d\n", FsRtlIsNtstatusExpected(STATUS_UNSUCCESSFUL),
          FsRtlIsNtstatusExpected(STATUS_ACCESS_VIOLATION));
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI unload(ULONG flags) {
    FltUnregisterFilter(filter);
    return STATUS_SUCCESS;
}

static const FLT_OPERATION_REGISTRATION operations[] = {{IRP_MJ_OPERATION_END}};
static const FLT_REGISTRATION registration = {.Size = __builtin_offsetof(FLT_REGISTRATION, SectionNotification),
                                              .Version = 0x202,
                                              .OperationRegistration = operations,
                                              .FilterUnload = unload,
                                              .InstanceSetup = setup};

NTSTATUS NTAPI DriverEntry(PVOID driver, UNICODE_STRING *path) {
    NTSTATUS status = FltRegisterFilter(driver, &registration, &filter);
    if (status < 0)
        return status;
    status = FltStartFiltering(filter);
    if (status < 0)
        FltUnregisterFilter(filter);
    return status;
}
