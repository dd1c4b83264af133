/* What the tests' minifilters need of fltKernel.h. */
#pragma once
#include "wdm.h"

typedef PVOID PFLT_FILTER, PFLT_INSTANCE, PFLT_VOLUME;

typedef struct {
    ULONG IrpFlags;
    UCHAR MajorFunction, MinorFunction, OperationFlags, Reserved;
    PVOID TargetFileObject;
    PFLT_INSTANCE TargetInstance;
    ULONG64 Parameters[6];
} FLT_IO_PARAMETER_BLOCK;

typedef struct {
    ULONG Flags;
    PVOID Thread;
    FLT_IO_PARAMETER_BLOCK *Iopb;
    NTSTATUS Status;
    ULONG_PTR Information;
} FLT_CALLBACK_DATA;

typedef struct {
    USHORT Size, TransactionContext;
    PFLT_FILTER Filter;
    PFLT_VOLUME Volume;
    PFLT_INSTANCE Instance;
    PVOID FileObject, Transaction;
} FLT_RELATED_OBJECTS;

typedef struct {
    USHORT Size, NamesParsed;
    ULONG Format;
    UNICODE_STRING Name, Volume, Share, Extension, Stream, FinalComponent, ParentDir;
} FLT_FILE_NAME_INFORMATION;

typedef struct {
    UCHAR MajorFunction;
    ULONG Flags;
    PVOID PreOperation, PostOperation, Reserved;
} FLT_OPERATION_REGISTRATION;

typedef struct {
    USHORT Size, Version;
    ULONG Flags;
    const void *ContextRegistration;
    const FLT_OPERATION_REGISTRATION *OperationRegistration;
    PVOID FilterUnload, InstanceSetup, InstanceQueryTeardown, InstanceTeardownStart, InstanceTeardownComplete;
    PVOID GenerateFileName, NormalizeNameComponent, NormalizeContextCleanup, TransactionNotification;
    PVOID NormalizeNameComponentEx, SectionNotification;
} FLT_REGISTRATION;

#define IRP_MJ_CREATE 0x00
#define IRP_MJ_WRITE 0x04
#define IRP_MJ_CLEANUP 0x12
#define IRP_MJ_OPERATION_END 0x80
#define FLT_PREOP_SUCCESS_WITH_CALLBACK 0
#define FLT_PREOP_SUCCESS_NO_CALLBACK 1
#define FLT_POSTOP_FINISHED_PROCESSING 0
#define FLT_FILE_NAME_NORMALIZED 1
#define FLT_FILE_NAME_QUERY_DEFAULT 0x100

IMPORT NTSTATUS NTAPI FltRegisterFilter(PVOID driver, const FLT_REGISTRATION *registration, PFLT_FILTER *filter);
IMPORT NTSTATUS NTAPI FltStartFiltering(PFLT_FILTER filter);
IMPORT void NTAPI FltUnregisterFilter(PFLT_FILTER filter);
IMPORT NTSTATUS NTAPI FltGetFileNameInformation(FLT_CALLBACK_DATA *data, ULONG options,
                                                FLT_FILE_NAME_INFORMATION **information);
IMPORT NTSTATUS NTAPI FltParseFileNameInformation(FLT_FILE_NAME_INFORMATION *information);
IMPORT void NTAPI FltReleaseFileNameInformation(FLT_FILE_NAME_INFORMATION *information);
