//! The table of routines: name, highest IRQL, first Windows version, and what does the work.
//!
//! The IRQLs are those of the routines' reference pages (windows-driver-docs-ddi).

use super::routine::{Module, Routine};
use super::rows::routines;
use crate::abi::{
    CallbackData, ClientId, CopyInformation, FileNameInformation, FileObject, Guid, IoStatusBlock,
    KernelEvent, ObjectAttributes, ProcessorNumber, Ptr, Registration, RelatedObjects, UnicodeString,
};
use crate::ke::irql::Irql;
use crate::rtl::exception::{Context, DispatcherContext, ExceptionRecord};
use crate::status::NtStatus;
use crate::{ex, fltmgr, io, ke, mm, ob, ps, rtl, se};

routines! {
    after 0;

    // Executive
    Ntoskrnl: ExAllocatePool2(flags: u64, bytes: usize, tag: u32) -> Ptr, DISPATCH => ex::pool::allocate_pool2;
    Ntoskrnl: ExFreePoolWithTag(block: Ptr, tag: u32), DISPATCH => ex::pool::free_pool_with_tag;
    Ntoskrnl: ExAllocatePoolWithTag(pool: u32, bytes: usize, tag: u32) -> Ptr, DISPATCH
        => ex::pool_legacy::allocate_with_tag;
    Ntoskrnl: ExAllocatePoolWithQuotaTag(pool: u32, bytes: usize, tag: u32) -> Ptr, DISPATCH
        => ex::pool_legacy::allocate_with_tag;
    Ntoskrnl: ExAllocatePoolWithTagPriority(pool: u32, bytes: usize, tag: u32, priority: u32) -> Ptr, DISPATCH
        => ex::pool_legacy::allocate_with_priority;
    Ntoskrnl: ExAllocatePool(pool: u32, bytes: usize) -> Ptr, DISPATCH => ex::pool_legacy::allocate;
    Ntoskrnl: ExFreePool(block: Ptr), DISPATCH => ex::pool_legacy::free;
    Ntoskrnl: ExInitializeNPagedLookasideList(list: Ptr, allocate: Ptr, free: Ptr, flags: u32, bytes: usize, tag: u32,
        depth: u16), DISPATCH => ex::lookaside::initialize_non_paged;
    Ntoskrnl: ExInitializePagedLookasideList(list: Ptr, allocate: Ptr, free: Ptr, flags: u32, bytes: usize, tag: u32,
        depth: u16), APC => ex::lookaside::initialize_paged;
    Ntoskrnl: ExInitializeLookasideListEx(list: Ptr, allocate: Ptr, free: Ptr, pool: u32, flags: u32, bytes: usize,
        tag: u32, depth: u16) -> NtStatus, DISPATCH => ex::lookaside::initialize_ex;
    Ntoskrnl: ExDeleteNPagedLookasideList(list: Ptr), DISPATCH => ex::lookaside::delete;
    Ntoskrnl: ExDeletePagedLookasideList(list: Ptr), APC => ex::lookaside::delete;
    Ntoskrnl: ExDeleteLookasideListEx(list: Ptr), DISPATCH => ex::lookaside::delete;
    Ntoskrnl: ExpAllocateForLookasideListEx(pool: u32, bytes: usize, tag: u32, list: Ptr) -> Ptr, DISPATCH
        => ex::lookaside::allocate_for_ex;
    Ntoskrnl: ExpFreeForLookasideListEx(entry: Ptr, list: Ptr), DISPATCH => ex::lookaside::free_for_ex;
    Ntoskrnl: ExpInterlockedPushEntrySList(head: Ptr<u64>, entry: Ptr<usize>) -> Ptr, DISPATCH, infallible
        => ex::lookaside::push;
    Ntoskrnl: ExpInterlockedPopEntrySList(head: Ptr<u64>) -> Ptr, DISPATCH, infallible => ex::lookaside::pop;
    Ntoskrnl: ExpInterlockedFlushSList(head: Ptr<u64>) -> Ptr, DISPATCH, infallible => ex::lookaside::flush;
    Ntoskrnl: ExQueryDepthSList(head: Ptr<u16>) -> u32, HIGH => ex::lookaside::query_depth;
    Ntoskrnl: InitializeSListHead(head: Ptr<u64>), HIGH => ex::lookaside::initialize_chain;

    // Executive: locks
    Ntoskrnl: ExAcquireFastMutex(mutex: Ptr), APC => ex::fast_mutex::acquire;
    Ntoskrnl: ExTryToAcquireFastMutex(mutex: Ptr) -> u8, APC => ex::fast_mutex::try_acquire;
    Ntoskrnl: ExReleaseFastMutex(mutex: Ptr), APC => ex::fast_mutex::release;
    Ntoskrnl: ExAcquireFastMutexUnsafe(mutex: Ptr), APC => ex::fast_mutex::acquire_unsafe;
    Ntoskrnl: ExReleaseFastMutexUnsafe(mutex: Ptr), APC => ex::fast_mutex::release_unsafe;
    Ntoskrnl: KeAcquireGuardedMutex(mutex: Ptr), APC => ex::fast_mutex::acquire_unsafe;
    Ntoskrnl: KeReleaseGuardedMutex(mutex: Ptr), APC => ex::fast_mutex::release_unsafe;
    Ntoskrnl: ExInitializeResourceLite(resource: Ptr) -> NtStatus, DISPATCH, infallible => ex::resource::initialize;
    Ntoskrnl: ExDeleteResourceLite(resource: Ptr) -> NtStatus, DISPATCH, infallible => ex::resource::delete;
    Ntoskrnl: ExAcquireResourceExclusiveLite(resource: Ptr, wait: u8) -> u8, APC => ex::resource::acquire_exclusive;
    Ntoskrnl: ExAcquireResourceSharedLite(resource: Ptr, wait: u8) -> u8, APC => ex::resource::acquire_shared;
    Ntoskrnl: ExAcquireSharedStarveExclusive(resource: Ptr, wait: u8) -> u8, APC => ex::resource::acquire_shared;
    Ntoskrnl: ExAcquireSharedWaitForExclusive(resource: Ptr, wait: u8) -> u8, APC => ex::resource::acquire_shared;
    Ntoskrnl: ExReleaseResourceLite(resource: Ptr), DISPATCH => ex::resource::release;
    Ntoskrnl: ExReleaseResourceForThreadLite(resource: Ptr, thread: usize), DISPATCH
        => ex::resource::release_for_thread;
    Ntoskrnl: ExIsResourceAcquiredExclusiveLite(resource: Ptr) -> u8, DISPATCH
        => ex::resource::is_acquired_exclusive;
    Ntoskrnl: ExIsResourceAcquiredSharedLite(resource: Ptr) -> u32, DISPATCH => ex::resource::is_acquired_shared;
    Ntoskrnl: ExEnterCriticalRegionAndAcquireResourceExclusive(resource: Ptr) -> usize, APC
        => ex::resource::enter_and_acquire_exclusive;
    Ntoskrnl: ExEnterCriticalRegionAndAcquireResourceShared(resource: Ptr) -> usize, APC
        => ex::resource::enter_and_acquire_shared;
    Ntoskrnl: ExReleaseResourceAndLeaveCriticalRegion(resource: Ptr), DISPATCH => ex::resource::flt_release;
    Ntoskrnl: KeInitializeSpinLock(lock: Ptr<usize>), HIGH => ke::spin_lock::initialize;
    Ntoskrnl: KeAcquireSpinLockRaiseToDpc(lock: Ptr<usize>) -> u8, DISPATCH => ke::spin_lock::acquire_raise;
    Ntoskrnl: KeReleaseSpinLock(lock: Ptr<usize>, irql: u8), DISPATCH => ke::spin_lock::release_lower;
    Ntoskrnl: KeAcquireSpinLockAtDpcLevel(lock: Ptr<usize>), DISPATCH => ke::spin_lock::acquire_at_dispatch;
    Ntoskrnl: KeReleaseSpinLockFromDpcLevel(lock: Ptr<usize>), DISPATCH => ke::spin_lock::release_at_dispatch;
    Ntoskrnl: KeTryToAcquireSpinLockAtDpcLevel(lock: Ptr<usize>) -> u8, DISPATCH
        => ke::spin_lock::try_acquire_at_dispatch;
    Ntoskrnl: KeAcquireInStackQueuedSpinLock(lock: Ptr<usize>, handle: Ptr), DISPATCH => ke::spin_lock::acquire_queued;
    Ntoskrnl: KeReleaseInStackQueuedSpinLock(handle: Ptr), DISPATCH => ke::spin_lock::release_queued;
    Ntoskrnl: KeAcquireInStackQueuedSpinLockAtDpcLevel(lock: Ptr<usize>, handle: Ptr), DISPATCH
        => ke::spin_lock::acquire_queued_at_dispatch;
    Ntoskrnl: KeReleaseInStackQueuedSpinLockFromDpcLevel(handle: Ptr), DISPATCH
        => ke::spin_lock::release_queued_at_dispatch;
    Ntoskrnl: ExAcquireSpinLockExclusive(lock: Ptr<usize>) -> u8, DISPATCH => ke::spin_lock::acquire_raise;
    Ntoskrnl: ExReleaseSpinLockExclusive(lock: Ptr<usize>, irql: u8), DISPATCH => ke::spin_lock::release_lower;
    Ntoskrnl: ExAcquireSpinLockShared(lock: Ptr<usize>) -> u8, DISPATCH => ke::spin_lock::acquire_shared_raise;
    Ntoskrnl: ExReleaseSpinLockShared(lock: Ptr<usize>, irql: u8), DISPATCH => ke::spin_lock::release_lower;
    FltMgr: FltAcquireResourceExclusive(resource: Ptr), APC => ex::resource::flt_acquire_exclusive;
    FltMgr: FltAcquireResourceShared(resource: Ptr), APC => ex::resource::flt_acquire_shared;
    FltMgr: FltReleaseResource(resource: Ptr), APC => ex::resource::flt_release;
    FltMgr: FltAllocatePoolAlignedWithTag(instance: Ptr, pool: u32, bytes: usize, tag: u32) -> Ptr, DISPATCH
        => ex::pool_legacy::flt_allocate_aligned;
    FltMgr: FltFreePoolAlignedWithTag(instance: Ptr, block: Ptr, tag: u32), DISPATCH
        => ex::pool_legacy::flt_free_aligned;

    // Kernel
    Ntoskrnl: KeInitializeEvent(event: Ptr<KernelEvent>, kind: u32, state: u8), HIGH => ke::event::initialize_event;
    Ntoskrnl: KeSetEvent(event: Ptr<KernelEvent>, increment: i32, wait: u8) -> i32, DISPATCH => ke::event::set_event;
    Ntoskrnl: KeClearEvent(event: Ptr<KernelEvent>), DISPATCH => ke::event::clear_event;
    Ntoskrnl: KeWaitForSingleObject(object: Ptr, reason: u32, mode: i8, alertable: u8, timeout: Ptr<i64>) -> NtStatus,
        DISPATCH, infallible => ke::dispatcher::wait_for_single_object;
    Ntoskrnl: KeGetCurrentIrql() -> u8, HIGH => ke::routines::current_irql;
    Ntoskrnl: KeRaiseIrqlToDpcLevel() -> u8, DISPATCH => ke::routines::raise_irql_to_dpc_level;
    Ntoskrnl: KfRaiseIrql(level: u8) -> u8, HIGH => ke::routines::raise_irql;
    Ntoskrnl: KeLowerIrql(level: u8), HIGH => ke::routines::lower_irql;
    Ntoskrnl: KeEnterCriticalRegion(), APC => ke::routines::enter_critical_region;
    Ntoskrnl: KeLeaveCriticalRegion(), APC => ke::routines::leave_critical_region;
    Ntoskrnl: KeGetCurrentProcessorNumberEx(number: Ptr<ProcessorNumber>) -> u32, HIGH
        => ke::routines::current_processor_number;
    Ntoskrnl: KeQueryActiveProcessorCountEx(group: u16) -> u32, HIGH => ke::routines::active_processor_count;
    Ntoskrnl: KeQuerySystemTimePrecise(time: Ptr<u64>), HIGH => ke::routines::query_system_time_precise;
    Ntoskrnl: KeQueryInterruptTime() -> usize, HIGH => ke::time::query_interrupt_time;
    Ntoskrnl: KeQueryUnbiasedInterruptTime() -> usize, HIGH => ke::time::query_interrupt_time;
    Ntoskrnl: KeQueryInterruptTimePrecise(counter: Ptr<u64>) -> usize, HIGH => ke::time::query_interrupt_time_precise;
    Ntoskrnl: KeQueryTimeIncrement() -> u32, HIGH => ke::time::query_time_increment;
    Ntoskrnl: KeQueryPerformanceCounter(frequency: Ptr<u64>) -> usize, HIGH => ke::time::query_performance_counter;
    Ntoskrnl: ExSystemTimeToLocalTime(system: Ptr<u64>, local: Ptr<u64>), HIGH => ke::time::convert_local_time;
    Ntoskrnl: ExLocalTimeToSystemTime(local: Ptr<u64>, system: Ptr<u64>), HIGH => ke::time::convert_local_time;
    Ntoskrnl: KeBugCheckEx(code: u32, first: usize, second: usize, third: usize, fourth: usize), HIGH
        => ke::routines::bug_check;

    // Objects
    Ntoskrnl: ObReferenceObjectByHandle(handle: usize, access: u32, object_type: Ptr, mode: i8, object: Ptr<Ptr>,
        information: Ptr) -> NtStatus, PASSIVE => ob::routines::reference_object_by_handle;
    Ntoskrnl: ObOpenObjectByPointer(object: Ptr, attributes: u32, state: Ptr, access: u32, object_type: Ptr, mode: i8,
        handle: Ptr<usize>) -> NtStatus, APC => ob::routines::open_object_by_pointer;
    Ntoskrnl: ObfReferenceObject(object: Ptr) -> usize, DISPATCH => ob::routines::reference_object;
    Ntoskrnl: ObfDereferenceObject(object: Ptr) -> usize, DISPATCH => ob::routines::dereference_object;
    Ntoskrnl: ZwWaitForSingleObject(handle: usize, alertable: u8, timeout: Ptr<i64>) -> NtStatus, PASSIVE, infallible
        => ob::routines::wait_for_single_object;
    Ntoskrnl: ZwClose(handle: usize) -> NtStatus, PASSIVE, infallible => ob::routines::close;

    // Processes and threads
    Ntoskrnl: PsCreateSystemThread(handle: Ptr<usize>, access: u32, attributes: Ptr<ObjectAttributes>, process: usize,
        client_id: Ptr<ClientId>, start: Ptr, context: usize) -> NtStatus, PASSIVE => ps::system_thread::create;
    Ntoskrnl: PsTerminateSystemThread(status: u32) -> NtStatus, PASSIVE, infallible => ps::system_thread::terminate;
    Ntoskrnl: IoThreadToProcess(thread: Ptr) -> Ptr, DISPATCH, infallible => ps::routines::thread_to_process;
    Ntoskrnl: IoGetCurrentProcess() -> Ptr, HIGH, infallible => ps::routines::current_process;
    Ntoskrnl: PsGetCurrentProcess() -> Ptr, HIGH, infallible => ps::routines::current_process;
    Ntoskrnl: PsGetCurrentThread() -> Ptr, HIGH, infallible => ps::routines::current_thread;
    Ntoskrnl: KeGetCurrentThread() -> Ptr, HIGH, infallible => ps::routines::current_thread;
    Ntoskrnl: PsGetCurrentProcessId() -> usize, HIGH => ps::routines::current_process_id;
    Ntoskrnl: PsGetCurrentThreadId() -> usize, HIGH => ps::routines::current_thread_id;
    Ntoskrnl: PsGetProcessId(process: Ptr) -> usize, HIGH => ps::routines::process_id;
    Ntoskrnl: PsGetThreadId(thread: Ptr) -> usize, DISPATCH => ps::routines::thread_id;
    Ntoskrnl: PsGetThreadProcessId(thread: Ptr) -> usize, HIGH => ps::routines::thread_process_id;
    Ntoskrnl: PsGetProcessStartKey(process: Ptr) -> usize, DISPATCH => ps::routines::process_start_key;
    Ntoskrnl: PsGetProcessCreateTimeQuadPart(process: Ptr) -> usize, HIGH => ps::routines::process_create_time;
    Ntoskrnl: PsIsSystemThread(thread: Ptr) -> u8, DISPATCH => ps::routines::is_system_thread;
    Ntoskrnl: PsLookupProcessByProcessId(pid: usize, process: Ptr<Ptr>) -> NtStatus, APC
        => ps::routines::lookup_process_by_process_id;
    Ntoskrnl: PsLookupThreadByThreadId(tid: usize, thread: Ptr<Ptr>) -> NtStatus, APC
        => ps::routines::lookup_thread_by_thread_id;
    Ntoskrnl: PsIsThreadTerminating(thread: Ptr) -> u8, DISPATCH => ps::routines::is_thread_terminating;
    Ntoskrnl: PsSetCreateThreadNotifyRoutine(routine: Ptr) -> NtStatus, PASSIVE
        => ps::notify::set_create_thread_notify_routine;
    Ntoskrnl: PsRemoveCreateThreadNotifyRoutine(routine: Ptr) -> NtStatus, APC, infallible
        => ps::notify::remove_create_thread_notify_routine;
    Ntoskrnl: PsSetCreateProcessNotifyRoutineEx(routine: Ptr, remove: u8) -> NtStatus, PASSIVE
        => ps::notify::set_create_process_notify_routine_ex;
    Ntoskrnl: ZwQueryInformationProcess(process: usize, class: u32, buffer: Ptr, bytes: u32, returned: Ptr<u32>)
        -> NtStatus, PASSIVE => ps::query::query_information_process;

    // Security
    Ntoskrnl: SeLocateProcessImageName(process: Ptr, name: Ptr<Ptr<UnicodeString>>) -> NtStatus, PASSIVE
        => se::routines::locate_process_image_name;
    Ntoskrnl: PsReferencePrimaryToken(process: Ptr) -> Ptr, PASSIVE, infallible
        => se::routines::reference_primary_token;
    Ntoskrnl: PsDereferencePrimaryToken(token: Ptr), APC => se::routines::dereference_primary_token;
    Ntoskrnl: SeQueryInformationToken(token: Ptr, class: u32, information: Ptr<Ptr>) -> NtStatus, PASSIVE
        => se::token_query::query_information;
    Ntoskrnl: SeQuerySessionIdToken(token: Ptr, session: Ptr<u32>) -> NtStatus, APC
        => se::routines::query_session_id_token;

    // Exceptions
    Ntoskrnl: __C_specific_handler(record: Ptr<ExceptionRecord>, frame: usize, context: Ptr<Context>,
        dispatcher: Ptr<DispatcherContext>) -> u32, HIGH => rtl::exception::c_specific_handler;
    Ntoskrnl: RtlLookupFunctionEntry(pc: usize, image_base: Ptr<usize>, history: Ptr) -> Ptr, HIGH, infallible
        => rtl::exception::lookup_function_entry;
    Ntoskrnl: RtlPcToFileHeader(pc: usize, base: Ptr<Ptr>) -> Ptr, HIGH, infallible
        => rtl::exception::pc_to_file_header;
    Ntoskrnl: RtlVirtualUnwind(kinds: u32, image_base: usize, pc: usize, entry: Ptr, context: Ptr<Context>,
        handler_data: Ptr<usize>, establisher_frame: Ptr<usize>, pointers: Ptr) -> Ptr, HIGH, infallible
        => rtl::exception::virtual_unwind;

    Ntoskrnl: IoIs32bitProcess(irp: Ptr) -> u8, DISPATCH => fltmgr::inquiry::is_32_bit_process;

    // Run-time library
    Ntoskrnl: RtlCompareUnicodeString(first: Ptr<UnicodeString>, second: Ptr<UnicodeString>,
        ignore_case: u8) -> i32, PASSIVE => rtl::unicode::compare;
    Ntoskrnl: RtlEqualUnicodeString(first: Ptr<UnicodeString>, second: Ptr<UnicodeString>, ignore_case: u8) -> u8,
        PASSIVE => rtl::unicode::equal;
    Ntoskrnl: RtlPrefixUnicodeString(prefix: Ptr<UnicodeString>, string: Ptr<UnicodeString>,
        ignore_case: u8) -> u8, PASSIVE => rtl::unicode::prefix;
    Ntoskrnl: RtlSuffixUnicodeString(suffix: Ptr<UnicodeString>, string: Ptr<UnicodeString>,
        ignore_case: u8) -> u8, PASSIVE => rtl::unicode::suffix;
    Ntoskrnl: RtlCopyUnicodeString(destination: Ptr<UnicodeString>, source: Ptr<UnicodeString>), DISPATCH
        => rtl::unicode::copy;
    Ntoskrnl: RtlAppendUnicodeStringToString(destination: Ptr<UnicodeString>,
        source: Ptr<UnicodeString>) -> NtStatus, DISPATCH, infallible => rtl::unicode::append_string;
    Ntoskrnl: RtlAppendUnicodeToString(destination: Ptr<UnicodeString>, source: Ptr<u16>) -> NtStatus, DISPATCH,
        infallible => rtl::unicode::append;
    Ntoskrnl: RtlUpcaseUnicodeChar(unit: u16) -> u16, PASSIVE => rtl::unicode::upcase_char;
    Ntoskrnl: RtlDowncaseUnicodeChar(unit: u16) -> u16, PASSIVE => rtl::unicode::downcase_char;
    Ntoskrnl: RtlUpcaseUnicodeString(destination: Ptr<UnicodeString>, source: Ptr<UnicodeString>,
        allocate: u8) -> NtStatus, PASSIVE => rtl::unicode::upcase_string;
    Ntoskrnl: RtlDowncaseUnicodeString(destination: Ptr<UnicodeString>, source: Ptr<UnicodeString>,
        allocate: u8) -> NtStatus, PASSIVE => rtl::unicode::downcase_string;
    Ntoskrnl: RtlCreateUnicodeString(destination: Ptr<UnicodeString>, source: Ptr<u16>) -> u8, PASSIVE
        => rtl::unicode::create;
    Ntoskrnl: RtlDuplicateUnicodeString(flags: u32, source: Ptr<UnicodeString>,
        destination: Ptr<UnicodeString>) -> NtStatus, PASSIVE => rtl::unicode::duplicate;
    Ntoskrnl: RtlFreeUnicodeString(string: Ptr<UnicodeString>), PASSIVE => rtl::unicode::free;
    Ntoskrnl: RtlFreeAnsiString(string: Ptr<UnicodeString>), PASSIVE => rtl::unicode::free;
    Ntoskrnl: RtlInitAnsiString(destination: Ptr<UnicodeString>, source: Ptr<u8>), DISPATCH => rtl::unicode::init_ansi;
    Ntoskrnl: RtlInitString(destination: Ptr<UnicodeString>, source: Ptr<u8>), DISPATCH => rtl::unicode::init_ansi;
    Ntoskrnl: RtlAnsiStringToUnicodeString(destination: Ptr<UnicodeString>, source: Ptr<UnicodeString>,
        allocate: u8) -> NtStatus, PASSIVE => rtl::unicode::from_ansi;
    Ntoskrnl: RtlUnicodeStringToAnsiString(destination: Ptr<UnicodeString>, source: Ptr<UnicodeString>,
        allocate: u8) -> NtStatus, PASSIVE => rtl::unicode::to_ansi;
    Ntoskrnl: RtlIntegerToUnicodeString(value: u32, base: u32, destination: Ptr<UnicodeString>) -> NtStatus,
        PASSIVE => rtl::unicode::from_integer;
    Ntoskrnl: RtlUnicodeStringToInteger(string: Ptr<UnicodeString>, base: u32, value: Ptr<u32>) -> NtStatus,
        PASSIVE => rtl::unicode::to_integer;
    Ntoskrnl: RtlStringFromGUID(guid: Ptr<Guid>, destination: Ptr<UnicodeString>) -> NtStatus, PASSIVE
        => rtl::unicode::from_guid;
    Ntoskrnl: RtlGUIDFromString(string: Ptr<UnicodeString>, guid: Ptr<Guid>) -> NtStatus, PASSIVE
        => rtl::unicode::to_guid;
    Ntoskrnl: RtlHashUnicodeString(string: Ptr<UnicodeString>, ignore_case: u8, algorithm: u32,
        value: Ptr<u32>) -> NtStatus, PASSIVE, infallible => rtl::unicode::hash;
    Ntoskrnl: FsRtlIsNameInExpression(expression: Ptr<UnicodeString>, name: Ptr<UnicodeString>, ignore_case: u8,
        table: Ptr<u16>) -> u8, PASSIVE => rtl::unicode::is_name_in_expression;
    Ntoskrnl: FsRtlDoesNameContainWildCards(name: Ptr<UnicodeString>) -> u8, PASSIVE => rtl::unicode::has_wildcards;
    Ntoskrnl: RtlGetVersion(version: Ptr<u32>) -> NtStatus, PASSIVE, infallible => rtl::unicode::get_version;
    Ntoskrnl: PsGetVersion(major: Ptr<u32>, minor: Ptr<u32>, build: Ptr<u32>,
        service_pack: Ptr<UnicodeString>) -> u8, PASSIVE => rtl::unicode::ps_get_version;
    Ntoskrnl: DbgPrint(format: Ptr<u8>, first: usize, second: usize, third: usize, fourth: usize, fifth: usize,
        sixth: usize, seventh: usize, eighth: usize) -> NtStatus, HIGH, infallible => rtl::debug_print::debug_print;
    Ntoskrnl: vDbgPrintEx(component: u32, level: u32, format: Ptr<u8>, list: Ptr<usize>) -> NtStatus, HIGH,
        infallible => rtl::debug_print::debug_print_list;
    Ntoskrnl: wcslen(text: Ptr<u16>) -> usize, DISPATCH => rtl::c_library::wcslen;
    Ntoskrnl: wcsnlen(text: Ptr<u16>, limit: usize) -> usize, DISPATCH => rtl::c_library::wcsnlen;
    Ntoskrnl: strlen(text: Ptr<u8>) -> usize, DISPATCH => rtl::c_library::strlen;
    Ntoskrnl: wcscmp(first: Ptr<u16>, second: Ptr<u16>) -> i32, DISPATCH => rtl::c_library::wcscmp;
    Ntoskrnl: wcsncmp(first: Ptr<u16>, second: Ptr<u16>, limit: usize) -> i32, DISPATCH => rtl::c_library::wcsncmp;
    Ntoskrnl: strcmp(first: Ptr<u8>, second: Ptr<u8>) -> i32, DISPATCH => rtl::c_library::strcmp;
    Ntoskrnl: strncmp(first: Ptr<u8>, second: Ptr<u8>, limit: usize) -> i32, DISPATCH => rtl::c_library::strncmp;
    Ntoskrnl: _wcsicmp(first: Ptr<u16>, second: Ptr<u16>) -> i32, DISPATCH => rtl::c_library::wcsicmp;
    Ntoskrnl: _wcsnicmp(first: Ptr<u16>, second: Ptr<u16>, limit: usize) -> i32, DISPATCH => rtl::c_library::wcsnicmp;
    Ntoskrnl: _stricmp(first: Ptr<u8>, second: Ptr<u8>) -> i32, DISPATCH => rtl::c_library::stricmp;
    Ntoskrnl: _strnicmp(first: Ptr<u8>, second: Ptr<u8>, limit: usize) -> i32, DISPATCH => rtl::c_library::strnicmp;
    Ntoskrnl: wcsstr(text: Ptr<u16>, part: Ptr<u16>) -> Ptr, DISPATCH, infallible => rtl::c_library::wcsstr;
    Ntoskrnl: strstr(text: Ptr<u8>, part: Ptr<u8>) -> Ptr, DISPATCH, infallible => rtl::c_library::strstr;
    Ntoskrnl: wcschr(text: Ptr<u16>, unit: u16) -> Ptr, DISPATCH, infallible => rtl::c_library::wcschr;
    Ntoskrnl: wcsrchr(text: Ptr<u16>, unit: u16) -> Ptr, DISPATCH, infallible => rtl::c_library::wcsrchr;
    Ntoskrnl: strchr(text: Ptr<u8>, unit: u32) -> Ptr, DISPATCH, infallible => rtl::c_library::strchr;
    Ntoskrnl: wcscpy(destination: Ptr<u16>, source: Ptr<u16>) -> Ptr, DISPATCH, infallible => rtl::c_library::wcscpy;
    Ntoskrnl: wcsncpy(destination: Ptr<u16>, source: Ptr<u16>, limit: usize) -> Ptr, DISPATCH, infallible
        => rtl::c_library::wcsncpy;
    Ntoskrnl: towlower(unit: u16) -> u16, DISPATCH => rtl::c_library::towlower;
    Ntoskrnl: towupper(unit: u16) -> u16, DISPATCH => rtl::c_library::towupper;
    Ntoskrnl: _vsnwprintf(destination: Ptr<u16>, room: usize, format: Ptr<u16>, list: Ptr<usize>) -> i32, DISPATCH
        => rtl::c_library::vsnwprintf;
    Ntoskrnl: _vsnprintf(destination: Ptr<u8>, room: usize, format: Ptr<u8>, list: Ptr<usize>) -> i32, DISPATCH
        => rtl::c_library::vsnprintf;
    Ntoskrnl: _snwprintf(destination: Ptr<u16>, room: usize, format: Ptr<u16>, first: usize, second: usize,
        third: usize, fourth: usize, fifth: usize, sixth: usize) -> i32, DISPATCH => rtl::c_library::snwprintf;
    Ntoskrnl: FsRtlIsNtstatusExpected(status: u32) -> u8, HIGH => rtl::exception::is_status_expected;
    Ntoskrnl: RtlInitializeGenericTable(table: Ptr, compare: Ptr, allocate: Ptr, free: Ptr, context: Ptr), DISPATCH
        => rtl::generic_table::initialize;
    Ntoskrnl: RtlInsertElementGenericTable(table: Ptr, buffer: Ptr, bytes: u32, new: Ptr<u8>) -> Ptr, DISPATCH
        => rtl::generic_table::insert;
    Ntoskrnl: RtlDeleteElementGenericTable(table: Ptr, buffer: Ptr) -> u8, DISPATCH => rtl::generic_table::delete;
    Ntoskrnl: RtlLookupElementGenericTable(table: Ptr, buffer: Ptr) -> Ptr, DISPATCH, infallible
        => rtl::generic_table::lookup;
    Ntoskrnl: RtlEnumerateGenericTable(table: Ptr, restart: u8) -> Ptr, DISPATCH, infallible
        => rtl::generic_table::enumerate;
    Ntoskrnl: RtlEnumerateGenericTableWithoutSplaying(table: Ptr, key: Ptr<usize>) -> Ptr, DISPATCH, infallible
        => rtl::generic_table::enumerate_from;
    Ntoskrnl: RtlGetElementGenericTable(table: Ptr, index: u32) -> Ptr, DISPATCH, infallible => rtl::generic_table::get;
    Ntoskrnl: RtlNumberGenericTableElements(table: Ptr) -> u32, DISPATCH => rtl::generic_table::count;
    Ntoskrnl: RtlIsGenericTableEmpty(table: Ptr) -> u8, DISPATCH => rtl::generic_table::is_empty;
    Ntoskrnl: RtlInitializeGenericTableAvl(table: Ptr, compare: Ptr, allocate: Ptr, free: Ptr, context: Ptr),
        DISPATCH => rtl::generic_table::initialize_avl;
    Ntoskrnl: RtlInsertElementGenericTableAvl(table: Ptr, buffer: Ptr, bytes: u32, new: Ptr<u8>) -> Ptr, DISPATCH
        => rtl::generic_table::insert_avl;
    Ntoskrnl: RtlDeleteElementGenericTableAvl(table: Ptr, buffer: Ptr) -> u8, DISPATCH
        => rtl::generic_table::delete_avl;
    Ntoskrnl: RtlLookupElementGenericTableAvl(table: Ptr, buffer: Ptr) -> Ptr, DISPATCH, infallible
        => rtl::generic_table::lookup_avl;
    Ntoskrnl: RtlEnumerateGenericTableAvl(table: Ptr, restart: u8) -> Ptr, DISPATCH, infallible
        => rtl::generic_table::enumerate_avl;
    Ntoskrnl: RtlEnumerateGenericTableWithoutSplayingAvl(table: Ptr, key: Ptr<usize>) -> Ptr, DISPATCH, infallible
        => rtl::generic_table::enumerate_from_avl;
    Ntoskrnl: RtlGetElementGenericTableAvl(table: Ptr, index: u32) -> Ptr, DISPATCH, infallible
        => rtl::generic_table::get_avl;
    Ntoskrnl: RtlNumberGenericTableElementsAvl(table: Ptr) -> u32, DISPATCH => rtl::generic_table::count_avl;
    Ntoskrnl: RtlIsGenericTableEmptyAvl(table: Ptr) -> u8, DISPATCH => rtl::generic_table::is_empty_avl;

    // Everything else of the kernel
    Ntoskrnl: MmGetSystemRoutineAddress(name: Ptr<UnicodeString>) -> Ptr, PASSIVE => mm::system_routine_address;
    Ntoskrnl: RtlInitUnicodeString(destination: Ptr<UnicodeString>, source: Ptr<u16>), DISPATCH
        => rtl::init_unicode_string;
    Ntoskrnl: DbgPrintEx(component: u32, level: u32, format: Ptr<u8>, first: usize, second: usize, third: usize,
        fourth: usize, fifth: usize, sixth: usize, seventh: usize, eighth: usize) -> NtStatus, HIGH, infallible
        => rtl::debug_print::debug_print_ex;
    Ntoskrnl: KeStackAttachProcess(process: Ptr, state: Ptr), APC => ps::attach::stack_attach_process;
    Ntoskrnl: KeUnstackDetachProcess(state: Ptr), APC => ps::attach::unstack_detach_process;
    Ntoskrnl: IoGetTopLevelIrp() -> Ptr, DISPATCH, infallible => ps::thread_io::get_top_level_irp;
    Ntoskrnl: IoSetTopLevelIrp(irp: Ptr), DISPATCH => ps::thread_io::set_top_level_irp;
    Ntoskrnl: IoCheckFileObjectOpenedAsCopySource(file: Ptr<FileObject>) -> u8, PASSIVE [since Win11_22H2]
        => io::copy::opened_as_copy_source;
    Ntoskrnl: IoCheckFileObjectOpenedAsCopyDestination(file: Ptr<FileObject>) -> u8, PASSIVE [since Win11_22H2]
        => io::copy::opened_as_copy_destination;

    // Filter Manager: registration
    FltMgr: FltRegisterFilter(driver: Ptr, registration: Ptr<Registration>, filter: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::filter::register_filter;
    FltMgr: FltStartFiltering(filter: Ptr) -> NtStatus, APC => fltmgr::filter::start_filtering;
    FltMgr: FltUnregisterFilter(filter: Ptr), APC => fltmgr::filter::unregister_filter;
    FltMgr: FltObjectReference(object: Ptr) -> NtStatus, APC => fltmgr::reference::object_reference;
    FltMgr: FltObjectDereference(object: Ptr), APC => fltmgr::reference::object_dereference;
    FltMgr: FltGetRoutineAddress(name: Ptr<u8>) -> Ptr, DISPATCH => fltmgr::routines::routine_address;

    // Filter Manager: operations
    FltMgr: FltGetRequestorProcess(data: Ptr) -> Ptr, DISPATCH, infallible => fltmgr::routines::requestor_process;
    FltMgr: FltGetRequestorProcessId(data: Ptr) -> u32, DISPATCH => fltmgr::routines::requestor_process_id;
    FltMgr: FltGetCopyInformationFromCallbackData(data: Ptr, information: Ptr<CopyInformation>) -> NtStatus, DISPATCH
        [since Win11_22H2] => fltmgr::routines::copy_information;
    FltMgr: FltCompletePendedPreOperation(data: Ptr<CallbackData>, status: u32, context: usize), DISPATCH
        => fltmgr::complete_pended_pre_operation;
    FltMgr: FltCompletePendedPostOperation(data: Ptr<CallbackData>), DISPATCH => fltmgr::complete_pended_post_operation;
    FltMgr: FltDoCompletionProcessingWhenSafe(data: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, context: usize,
        flags: u32, safe: Ptr, status: Ptr<u32>) -> u8, DISPATCH => fltmgr::do_completion_processing_when_safe;
    FltMgr: FltSetCallbackDataDirty(data: Ptr<CallbackData>), DISPATCH => fltmgr::dirty::set;
    FltMgr: FltClearCallbackDataDirty(data: Ptr<CallbackData>), DISPATCH => fltmgr::dirty::clear;
    FltMgr: FltIsCallbackDataDirty(data: Ptr<CallbackData>) -> u8, DISPATCH => fltmgr::dirty::is_dirty;
    FltMgr: FltAllocateGenericWorkItem() -> Ptr, DISPATCH => fltmgr::work_item::allocate_generic;
    FltMgr: FltFreeGenericWorkItem(item: Ptr), DISPATCH => fltmgr::work_item::free_generic;
    FltMgr: FltQueueGenericWorkItem(item: Ptr, object: Ptr, routine: Ptr, kind: u32, context: usize) -> NtStatus, DISPATCH
        => fltmgr::work_item::queue_generic;
    FltMgr: FltAllocateDeferredIoWorkItem() -> Ptr, DISPATCH => fltmgr::work_item::allocate_deferred_io;
    FltMgr: FltFreeDeferredIoWorkItem(item: Ptr), DISPATCH => fltmgr::work_item::free_deferred_io;
    FltMgr: FltQueueDeferredIoWorkItem(item: Ptr, data: Ptr<CallbackData>, routine: Ptr, kind: u32, context: usize)
        -> NtStatus, DISPATCH => fltmgr::work_item::queue_deferred_io;
    // Filter Manager: what filters send themselves
    FltMgr: FltCreateFile(filter: Ptr, instance: Ptr, handle: Ptr<usize>, access: u32, attributes: Ptr<ObjectAttributes>,
        status: Ptr<IoStatusBlock>, allocation: Ptr<i64>, file_attributes: u32, share: u32, disposition: u32,
        options: u32, ea: Ptr, ea_length: u32, flags: u32) -> NtStatus, PASSIVE
        => fltmgr::initiate::create::create_file;
    FltMgr: FltCreateFileEx(filter: Ptr, instance: Ptr, handle: Ptr<usize>, file: Ptr<Ptr<FileObject>>, access: u32,
        attributes: Ptr<ObjectAttributes>, status: Ptr<IoStatusBlock>, allocation: Ptr<i64>, file_attributes: u32,
        share: u32, disposition: u32, options: u32, ea: Ptr, ea_length: u32, flags: u32) -> NtStatus, PASSIVE
        => fltmgr::initiate::create::create_file_ex;
    FltMgr: FltCreateFileEx2(filter: Ptr, instance: Ptr, handle: Ptr<usize>, file: Ptr<Ptr<FileObject>>, access: u32,
        attributes: Ptr<ObjectAttributes>, status: Ptr<IoStatusBlock>, allocation: Ptr<i64>, file_attributes: u32,
        share: u32, disposition: u32, options: u32, ea: Ptr, ea_length: u32, flags: u32, context: Ptr) -> NtStatus,
        PASSIVE => fltmgr::initiate::create::create_file_ex2;
    FltMgr: FltClose(handle: usize) -> NtStatus, PASSIVE, infallible => ob::routines::close;
    FltMgr: FltReadFile(instance: Ptr, file: Ptr<FileObject>, offset: Ptr<i64>, length: u32, buffer: Ptr, flags: u32,
        bytes: Ptr<u32>, callback: Ptr, context: usize) -> NtStatus, APC => fltmgr::initiate::transfer::read_file;
    FltMgr: FltWriteFile(instance: Ptr, file: Ptr<FileObject>, offset: Ptr<i64>, length: u32, buffer: Ptr, flags: u32,
        bytes: Ptr<u32>, callback: Ptr, context: usize) -> NtStatus, APC => fltmgr::initiate::transfer::write_file;
    FltMgr: FltAllocateCallbackData(instance: Ptr, file: Ptr<FileObject>, data: Ptr<Ptr<CallbackData>>) -> NtStatus,
        DISPATCH => fltmgr::initiate::callback_data::allocate;
    FltMgr: FltAllocateCallbackDataEx(instance: Ptr, file: Ptr<FileObject>, flags: u32, data: Ptr<Ptr<CallbackData>>)
        -> NtStatus, DISPATCH => fltmgr::initiate::callback_data::allocate_ex;
    FltMgr: FltFreeCallbackData(data: Ptr<CallbackData>), DISPATCH => fltmgr::initiate::callback_data::free;
    FltMgr: FltReuseCallbackData(data: Ptr<CallbackData>), DISPATCH => fltmgr::initiate::callback_data::reuse;
    FltMgr: FltPerformSynchronousIo(data: Ptr<CallbackData>), APC
        => fltmgr::initiate::callback_data::perform_synchronous;
    FltMgr: FltPerformAsynchronousIo(data: Ptr<CallbackData>, callback: Ptr, context: usize) -> NtStatus, DISPATCH
        => fltmgr::initiate::callback_data::perform_asynchronous;
    FltMgr: FltReissueSynchronousIo(instance: Ptr, data: Ptr<CallbackData>), PASSIVE
        => fltmgr::initiate::callback_data::reissue_synchronous;
    FltMgr: FltDetachVolume(filter: Ptr, volume: Ptr, name: Ptr) -> NtStatus, PASSIVE => fltmgr::teardown::detach_volume;
    FltMgr: FltCbdqInitialize(instance: Ptr, queue: Ptr, insert: Ptr, remove: Ptr, peek: Ptr, acquire: Ptr, release: Ptr,
        cancel: Ptr) -> NtStatus, APC => fltmgr::queue::initialize;
    FltMgr: FltCbdqEnable(queue: Ptr), APC => fltmgr::queue::enable;
    FltMgr: FltCbdqDisable(queue: Ptr), APC => fltmgr::queue::disable;
    FltMgr: FltCbdqInsertIo(queue: Ptr, data: Ptr<CallbackData>, context: Ptr, insert_context: usize) -> NtStatus, DISPATCH
        => fltmgr::queue::insert;
    FltMgr: FltCbdqRemoveIo(queue: Ptr, context: Ptr) -> Ptr<CallbackData>, DISPATCH, infallible => fltmgr::queue::remove;
    FltMgr: FltCbdqRemoveNextIo(queue: Ptr, peek_context: usize) -> Ptr<CallbackData>, DISPATCH, infallible
        => fltmgr::queue::remove_next;
    FltMgr: FltCancelIo(data: Ptr<CallbackData>) -> u8, DISPATCH => fltmgr::cancel::cancel_io;
    FltMgr: FltIsIoCanceled(data: Ptr<CallbackData>) -> u8, DISPATCH => fltmgr::cancel::is_io_cancelled;
    FltMgr: FltSetCancelCompletion(data: Ptr<CallbackData>, routine: Ptr) -> NtStatus, DISPATCH, infallible
        => fltmgr::cancel::set_cancel_completion;
    FltMgr: FltClearCancelCompletion(data: Ptr<CallbackData>) -> NtStatus, HIGH, infallible
        => fltmgr::cancel::clear_cancel_completion;
    FltMgr: FltIsDirectory(file: Ptr<FileObject>, instance: Ptr, directory: Ptr<u8>) -> NtStatus, APC
        => fltmgr::routines::is_directory;

    // Filter Manager: extra create parameters
    FltMgr: FltGetEcpListFromCallbackData(filter: Ptr, data: Ptr, list: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::ecp::list_from_callback_data;
    FltMgr: FltFindExtraCreateParameter(filter: Ptr, list: Ptr, guid: Ptr<Guid>, context: Ptr<Ptr>, bytes: Ptr<u32>)
        -> NtStatus, APC => fltmgr::ecp::find_for_filter;
    FltMgr: FltGetNextExtraCreateParameter(filter: Ptr, list: Ptr, current: Ptr, guid: Ptr<Guid>, context: Ptr<Ptr>,
        bytes: Ptr<u32>) -> NtStatus, APC => fltmgr::ecp::next_for_filter;
    FltMgr: FltIsEcpFromUserMode(filter: Ptr, context: Ptr) -> u8, APC => fltmgr::ecp::is_from_user_mode_for_filter;
    FltMgr: FltIsEcpAcknowledged(filter: Ptr, context: Ptr) -> u8, APC => fltmgr::ecp::is_acknowledged_for_filter;
    FltMgr: FltAcknowledgeEcp(filter: Ptr, context: Ptr), APC => fltmgr::ecp::acknowledge_for_filter;
    Ntoskrnl: FsRtlFindExtraCreateParameter(list: Ptr, guid: Ptr<Guid>, context: Ptr<Ptr>, bytes: Ptr<u32>)
        -> NtStatus, APC => fltmgr::ecp::find;
    Ntoskrnl: FsRtlGetNextExtraCreateParameter(list: Ptr, current: Ptr, guid: Ptr<Guid>, context: Ptr<Ptr>,
        bytes: Ptr<u32>) -> NtStatus, APC => fltmgr::ecp::next;
    Ntoskrnl: FsRtlIsEcpFromUserMode(context: Ptr) -> u8, APC => fltmgr::ecp::is_from_user_mode;
    Ntoskrnl: FsRtlIsEcpAcknowledged(context: Ptr) -> u8, APC => fltmgr::ecp::is_acknowledged;
    Ntoskrnl: FsRtlAcknowledgeEcp(context: Ptr), APC => fltmgr::ecp::acknowledge;

    // Filter Manager: contexts
    FltMgr: FltAllocateContext(filter: Ptr, kind: u16, bytes: usize, pool: u32, context: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::context::allocate_context;
    FltMgr: FltReferenceContext(context: Ptr), DISPATCH => fltmgr::context::reference_context;
    FltMgr: FltReleaseContext(context: Ptr), DISPATCH => fltmgr::context::release_context;
    FltMgr: FltDeleteContext(context: Ptr), APC => fltmgr::context::delete_context;
    FltMgr: FltSetFileContext(instance: Ptr, file: Ptr<FileObject>, operation: u32, new: Ptr, old: Ptr<Ptr>)
        -> NtStatus, APC => fltmgr::context::set_of_file::<{ fltmgr::context::FILE }>;
    FltMgr: FltGetFileContext(instance: Ptr, file: Ptr<FileObject>, context: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::context::get_of_file::<{ fltmgr::context::FILE }>;
    FltMgr: FltDeleteFileContext(instance: Ptr, file: Ptr<FileObject>, old: Ptr<Ptr>) -> NtStatus, APC, infallible
        => fltmgr::context::delete_of_file::<{ fltmgr::context::FILE }>;
    FltMgr: FltSupportsFileContexts(file: Ptr<FileObject>) -> u8, APC
        => fltmgr::context::supports::<{ fltmgr::context::FILE }>;
    FltMgr: FltSetStreamContext(instance: Ptr, file: Ptr<FileObject>, operation: u32, new: Ptr, old: Ptr<Ptr>)
        -> NtStatus, APC => fltmgr::context::set_of_file::<{ fltmgr::context::STREAM }>;
    FltMgr: FltGetStreamContext(instance: Ptr, file: Ptr<FileObject>, context: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::context::get_of_file::<{ fltmgr::context::STREAM }>;
    FltMgr: FltDeleteStreamContext(instance: Ptr, file: Ptr<FileObject>, old: Ptr<Ptr>) -> NtStatus, APC, infallible
        => fltmgr::context::delete_of_file::<{ fltmgr::context::STREAM }>;
    FltMgr: FltSupportsStreamContexts(file: Ptr<FileObject>) -> u8, APC
        => fltmgr::context::supports::<{ fltmgr::context::STREAM }>;
    FltMgr: FltSetStreamHandleContext(instance: Ptr, file: Ptr<FileObject>, operation: u32, new: Ptr, old: Ptr<Ptr>)
        -> NtStatus, APC => fltmgr::context::set_of_file::<{ fltmgr::context::STREAM_HANDLE }>;
    FltMgr: FltGetStreamHandleContext(instance: Ptr, file: Ptr<FileObject>, context: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::context::get_of_file::<{ fltmgr::context::STREAM_HANDLE }>;
    FltMgr: FltDeleteStreamHandleContext(instance: Ptr, file: Ptr<FileObject>, old: Ptr<Ptr>) -> NtStatus, APC, infallible
        => fltmgr::context::delete_of_file::<{ fltmgr::context::STREAM_HANDLE }>;
    FltMgr: FltSupportsStreamHandleContexts(file: Ptr<FileObject>) -> u8, APC
        => fltmgr::context::supports::<{ fltmgr::context::STREAM_HANDLE }>;
    FltMgr: FltSupportsFileContextsEx(file: Ptr<FileObject>, instance: Ptr) -> u8, APC => fltmgr::context::supports_ex;
    FltMgr: FltSetInstanceContext(instance: Ptr, operation: u32, new: Ptr, old: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::context::set_instance_context;
    FltMgr: FltGetInstanceContext(instance: Ptr, context: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::context::get_instance_context;
    FltMgr: FltDeleteInstanceContext(instance: Ptr, old: Ptr<Ptr>) -> NtStatus, APC, infallible
        => fltmgr::context::delete_instance_context;
    FltMgr: FltSetVolumeContext(volume: Ptr, operation: u32, new: Ptr, old: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::context::set_volume_context;
    FltMgr: FltGetVolumeContext(filter: Ptr, volume: Ptr, context: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::context::get_volume_context;
    FltMgr: FltDeleteVolumeContext(filter: Ptr, volume: Ptr, old: Ptr<Ptr>) -> NtStatus, APC, infallible
        => fltmgr::context::delete_volume_context;
    FltMgr: FltSetTransactionContext(instance: Ptr, transaction: Ptr, operation: u32, new: Ptr, old: Ptr<Ptr>)
        -> NtStatus, APC => fltmgr::context::set_transaction_context;
    FltMgr: FltRegisterForDataScan(instance: Ptr) -> NtStatus, APC
        => fltmgr::context::section::register_for_data_scan;
    FltMgr: FltCreateSectionForDataScan(instance: Ptr, file: Ptr<FileObject>, context: Ptr, access: u32,
        attributes: Ptr<ObjectAttributes>, maximum_size: Ptr<i64>, protection: u32, allocation: u32, flags: u32,
        handle: Ptr<usize>, object: Ptr<Ptr>, size: Ptr<i64>) -> NtStatus, APC
        => fltmgr::context::section::create_section_for_data_scan;
    FltMgr: FltCloseSectionForDataScan(context: Ptr) -> NtStatus, APC, infallible
        => fltmgr::context::section::close_section_for_data_scan;
    FltMgr: FltGetSectionContext(instance: Ptr, file: Ptr<FileObject>, context: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::context::section::get_section_context;
    FltMgr: FltGetTransactionContext(instance: Ptr, transaction: Ptr, context: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::context::get_transaction_context;
    FltMgr: FltDeleteTransactionContext(instance: Ptr, transaction: Ptr, old: Ptr<Ptr>) -> NtStatus, APC, infallible
        => fltmgr::context::delete_transaction_context;
    FltMgr: FltGetContexts(objects: Ptr<RelatedObjects>, desired: u16, contexts: Ptr<Ptr>), APC
        => fltmgr::context::get_contexts;
    FltMgr: FltGetContextsEx(objects: Ptr<RelatedObjects>, desired: u16, bytes: usize, contexts: Ptr<Ptr>)
        -> NtStatus, APC => fltmgr::context::get_contexts_ex;
    FltMgr: FltReleaseContexts(contexts: Ptr<Ptr>), DISPATCH => fltmgr::context::release_contexts;
    FltMgr: FltReleaseContextsEx(bytes: usize, contexts: Ptr<Ptr>), DISPATCH => fltmgr::context::release_contexts_ex;

    // Filter Manager: names
    FltMgr: FltGetFileNameInformation(data: Ptr, options: u32, name: Ptr<Ptr<FileNameInformation>>) -> NtStatus, APC
        => fltmgr::name::get_file_name_information;
    FltMgr: FltReferenceFileNameInformation(name: Ptr<FileNameInformation>), APC
        => fltmgr::name::information::reference;
    FltMgr: FltReleaseFileNameInformation(name: Ptr<FileNameInformation>), APC
        => fltmgr::name::information::release;
    FltMgr: FltGetVolumeName(volume: Ptr, name: Ptr<UnicodeString>, needed: Ptr<u32>) -> NtStatus, APC
        => fltmgr::volume::volume_name;
    FltMgr: FltGetVolumeGuidName(volume: Ptr, name: Ptr<UnicodeString>, needed: Ptr<u32>) -> NtStatus, PASSIVE
        => fltmgr::volume::volume_guid_name;
    FltMgr: FltGetFileSystemType(object: Ptr, kind: Ptr<u32>) -> NtStatus, APC => fltmgr::volume::file_system_type;

    FltMgr: FltGetFileNameInformationUnsafe(file: Ptr<FileObject>, instance: Ptr, options: u32,
        name: Ptr<Ptr<FileNameInformation>>) -> NtStatus, APC => fltmgr::name::get_file_name_information_unsafe;
    FltMgr: FltGetDestinationFileNameInformation(instance: Ptr, file: Ptr<FileObject>, root: usize, text: Ptr<u16>,
        bytes: u32, options: u32, name: Ptr<Ptr<FileNameInformation>>) -> NtStatus, PASSIVE
        => fltmgr::name::get_destination_file_name_information;
    FltMgr: FltGetTunneledName(data: Ptr, name: Ptr<FileNameInformation>, tunneled: Ptr<Ptr<FileNameInformation>>)
        -> NtStatus, APC => fltmgr::name::get_tunneled_name;
    FltMgr: FltParseFileNameInformation(name: Ptr<FileNameInformation>) -> NtStatus, APC
        => fltmgr::name::parts::parse_information;
    FltMgr: FltParseFileName(name: Ptr<UnicodeString>, extension: Ptr<UnicodeString>, stream: Ptr<UnicodeString>,
        last: Ptr<UnicodeString>) -> NtStatus, APC, infallible => fltmgr::name::parts::parse_name;
    FltMgr: FltCheckAndGrowNameControl(control: Ptr<UnicodeString>, bytes: u16) -> NtStatus, APC
        => fltmgr::name::parts::check_and_grow;
    FltMgr: FltGetVolumeFromInstance(instance: Ptr, volume: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::inquiry::volume_from_instance;
    FltMgr: FltGetVolumeFromFileObject(filter: Ptr, file: Ptr<FileObject>, volume: Ptr<Ptr>) -> NtStatus, APC
        => fltmgr::inquiry::volume_from_file_object;
    FltMgr: FltGetVolumeProperties(volume: Ptr, properties: Ptr<u8>, bytes: u32, needed: Ptr<u32>) -> NtStatus, APC
        => fltmgr::inquiry::volume_properties;
    FltMgr: FltGetDeviceObject(volume: Ptr, device: Ptr<Ptr>) -> NtStatus, APC => fltmgr::inquiry::device_object;
    FltMgr: FltGetIrpName(major: u8) -> Ptr, HIGH, infallible => fltmgr::inquiry::irp_name;
    FltMgr: FltRequestOperationStatusCallback(data: Ptr, routine: Ptr, context: Ptr) -> NtStatus, APC
        => fltmgr::inquiry::request_operation_status_callback;
    FltMgr: FltGetRequestorProcessIdEx(data: Ptr) -> usize, DISPATCH => fltmgr::inquiry::requestor_process_id;
    FltMgr: FltIs32bitProcess(data: Ptr) -> u8, DISPATCH => fltmgr::inquiry::is_32_bit_process;

    // Filter Manager: ports
    FltMgr: FltBuildDefaultSecurityDescriptor(descriptor: Ptr<Ptr>, access: u32) -> NtStatus, APC
        => fltmgr::port::build_default_security_descriptor;
    FltMgr: FltFreeSecurityDescriptor(descriptor: Ptr), APC => fltmgr::port::free_security_descriptor;
    FltMgr: FltCreateCommunicationPort(filter: Ptr, port: Ptr<Ptr>, attributes: Ptr<ObjectAttributes>, cookie: usize,
        connect: Ptr, disconnect: Ptr, message: Ptr, maximum: i32) -> NtStatus, PASSIVE
        => fltmgr::port::create_communication_port;
    FltMgr: FltCloseCommunicationPort(port: Ptr), PASSIVE => fltmgr::port::close_communication_port;
    FltMgr: FltCloseClientPort(filter: Ptr, port: Ptr<Ptr>), PASSIVE => fltmgr::port::close_client_port;
    FltMgr: FltSendMessage(filter: Ptr, port: Ptr<Ptr>, message: Ptr<u8>, bytes: u32, reply: Ptr<u8>,
        reply_bytes: Ptr<u32>, timeout: Ptr<i64>) -> NtStatus, APC => fltmgr::message::send_message;

    // Filter Manager: push locks
    FltMgr: FltInitializePushLock(lock: Ptr<usize>), APC => ex::push_lock::initialize;
    FltMgr: FltDeletePushLock(lock: Ptr<usize>), APC => ex::push_lock::delete;
    FltMgr: FltAcquirePushLockExclusive(lock: Ptr<usize>), APC => ex::push_lock::acquire_exclusive;
    FltMgr: FltAcquirePushLockShared(lock: Ptr<usize>), APC => ex::push_lock::acquire_shared;
    FltMgr: FltReleasePushLock(lock: Ptr<usize>), APC => ex::push_lock::release;
}
