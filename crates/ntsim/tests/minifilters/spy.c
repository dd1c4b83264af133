/* A minifilter as a C programmer writes one: names in post-create, a look at the write buffer inside a __try. */
#include "flt.h"

static PFLT_FILTER filter;

static ULONG NTAPI pre_create(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID *context) {
    return FLT_PREOP_SUCCESS_WITH_CALLBACK;
}

static ULONG NTAPI post_create(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID context, ULONG flags) {
    FLT_FILE_NAME_INFORMATION *name;
    if (data->Status < 0)
        return FLT_POSTOP_FINISHED_PROCESSING;
    if (FltGetFileNameInformation(data, FLT_FILE_NAME_NORMALIZED | FLT_FILE_NAME_QUERY_DEFAULT, &name) < 0)
        return FLT_POSTOP_FINISHED_PROCESSING;
    FltParseFileNameInformation(name);
    print("create %wZ in %wZ, extension %wZ\n", &name->FinalComponent, &name->ParentDir, &name->Extension);
    FltReleaseFileNameInformation(name);
    return FLT_POSTOP_FINISHED_PROCESSING;
}

static ULONG NTAPI pre_write(FLT_CALLBACK_DATA *data, const FLT_RELATED_OBJECTS *objects, PVOID *context) {
    __try {
        volatile UCHAR *buffer = (volatile UCHAR *)data->Iopb->Parameters[3];
        print("write of %x\n", *buffer);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        print("write %x\n", _exception_code());
    }
    return FLT_PREOP_SUCCESS_NO_CALLBACK;
}

static NTSTATUS NTAPI unload(ULONG flags) {
    FltUnregisterFilter(filter);
    return STATUS_SUCCESS;
}

static const FLT_OPERATION_REGISTRATION operations[] = {
    {IRP_MJ_CREATE, 0, pre_create, post_create}, {IRP_MJ_WRITE, 0, pre_write, NULL}, {IRP_MJ_OPERATION_END}};
static const FLT_REGISTRATION registration = {
    .Size = sizeof registration, .Version = 0x203, .OperationRegistration = operations, .FilterUnload = unload};

NTSTATUS NTAPI DriverEntry(PVOID driver, UNICODE_STRING *path) {
    NTSTATUS status = FltRegisterFilter(driver, &registration, &filter);
    if (status < 0)
        return status;
    status = FltStartFiltering(filter);
    if (status < 0)
        FltUnregisterFilter(filter);
    return status;
}
