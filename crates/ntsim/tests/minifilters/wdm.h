/* What the tests' minifilters need of the kernel's headers. */
#pragma once

typedef unsigned char UCHAR, BOOLEAN, KIRQL;
typedef unsigned short USHORT;
typedef unsigned int ULONG, UINT32;
typedef int LONG, NTSTATUS;
typedef unsigned long long ULONG64, ULONG_PTR, SIZE_T;
typedef long long LONG64;
typedef void *PVOID;
typedef unsigned short WCHAR;

#define NULL ((void *)0)
#define NTAPI __attribute__((ms_abi))
#define IMPORT __declspec(dllimport)
#define STATUS_SUCCESS 0
#define STATUS_UNSUCCESSFUL ((NTSTATUS)0xC0000001)
#define STATUS_ACCESS_VIOLATION ((NTSTATUS)0xC0000005)
#define STATUS_DATATYPE_MISALIGNMENT ((NTSTATUS)0x80000002)
#define STATUS_INTEGER_DIVIDE_BY_ZERO ((NTSTATUS)0xC0000094)
#define EXCEPTION_EXECUTE_HANDLER 1
#define EXCEPTION_CONTINUE_SEARCH 0
#define EXCEPTION_CONTINUE_EXECUTION (-1)

typedef struct {
    USHORT Length, MaximumLength;
    WCHAR *Buffer;
} UNICODE_STRING;

IMPORT ULONG NTAPI DbgPrintEx(ULONG component, ULONG level, const char *format, ...);
IMPORT void NTAPI ExRaiseStatus(NTSTATUS status);
IMPORT void NTAPI ProbeForRead(const volatile void *address, SIZE_T length, ULONG alignment);
IMPORT void NTAPI ProbeForWrite(volatile void *address, SIZE_T length, ULONG alignment);
IMPORT void *NTAPI memcpy(void *to, const void *from, SIZE_T bytes);
IMPORT PVOID NTAPI PsGetCurrentThread(void);
unsigned long _exception_code(void);
void *_exception_info(void);

#define print(...) DbgPrintEx(0, 0, __VA_ARGS__)
