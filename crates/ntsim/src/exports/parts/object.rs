//! Objects: events by handle, processes and tokens by handle, references, and what is asked about processes.

use crate::abi::{ClientId, ObjectAttributes, Ptr, UnicodeString};
use crate::ex::{fast_mutex, interlocked};
use crate::exports::rows::routines;
use crate::exports::{Module, Routine};
use crate::ke::irql::Irql;
use crate::ke::{processors, stack};
use crate::ob::{event, routines as object};
use crate::ps::{notify, open, routines as process};
use crate::status::NtStatus;

routines! {
    after super::run_time::END;

    Ntoskrnl: ZwCreateEvent(handle: Ptr<usize>, access: u32, attributes: Ptr<ObjectAttributes>, kind: u32, state: u8)
        -> NtStatus, PASSIVE => event::create;
    Ntoskrnl: ZwOpenEvent(handle: Ptr<usize>, access: u32, attributes: Ptr<ObjectAttributes>) -> NtStatus, PASSIVE
        => event::open;
    Ntoskrnl: ZwSetEvent(handle: usize, previous: Ptr<i32>) -> NtStatus, PASSIVE, infallible => event::set;
    Ntoskrnl: ZwResetEvent(handle: usize, previous: Ptr<i32>) -> NtStatus, PASSIVE, infallible => event::reset;
    Ntoskrnl: ZwClearEvent(handle: usize) -> NtStatus, PASSIVE, infallible => event::clear;
    Ntoskrnl: IoCreateNotificationEvent(name: Ptr<UnicodeString>, handle: Ptr<usize>) -> Ptr, PASSIVE
        => event::create_notification;
    Ntoskrnl: IoCreateSynchronizationEvent(name: Ptr<UnicodeString>, handle: Ptr<usize>) -> Ptr, PASSIVE
        => event::create_synchronization;

    Ntoskrnl: ZwOpenProcess(handle: Ptr<usize>, access: u32, attributes: Ptr<ObjectAttributes>,
        client_id: Ptr<ClientId>) -> NtStatus, PASSIVE => open::open_process;
    Ntoskrnl: ZwOpenProcessTokenEx(process: usize, access: u32, attributes: u32, handle: Ptr<usize>) -> NtStatus,
        PASSIVE => open::open_process_token;
    Ntoskrnl: ZwOpenThreadTokenEx(thread: usize, access: u32, as_self: u8, attributes: u32, handle: Ptr<usize>)
        -> NtStatus, PASSIVE => open::open_thread_token;
    Ntoskrnl: ObReferenceObjectByHandleWithTag(handle: usize, access: u32, object_type: Ptr, mode: i8, tag: u32,
        object: Ptr<Ptr>, information: Ptr) -> NtStatus, PASSIVE => object::reference_object_by_handle_with_tag;
    Ntoskrnl: ObReferenceObjectByPointer(object: Ptr, access: u32, object_type: Ptr, mode: i8) -> NtStatus, DISPATCH
        => object::reference_object_by_pointer;
    Ntoskrnl: ObReferenceObjectByPointerWithTag(object: Ptr, access: u32, object_type: Ptr, mode: i8, tag: u32)
        -> NtStatus, DISPATCH => object::reference_object_by_pointer_with_tag;
    Ntoskrnl: ObfReferenceObjectWithTag(object: Ptr, tag: u32) -> usize, DISPATCH => object::reference_object_with_tag;
    Ntoskrnl: ObfDereferenceObjectWithTag(object: Ptr, tag: u32) -> usize, DISPATCH
        => object::dereference_object_with_tag;
    Ntoskrnl: ObDereferenceObjectDeferDelete(object: Ptr), DISPATCH => object::dereference_object_later;

    Ntoskrnl: PsGetThreadProcess(thread: Ptr) -> Ptr, HIGH, infallible => process::thread_process;
    Ntoskrnl: PsGetCurrentThreadProcess() -> Ptr, HIGH, infallible => process::current_thread_process;
    Ntoskrnl: PsGetCurrentThreadProcessId() -> usize, HIGH => process::current_process_id;
    Ntoskrnl: PsGetProcessInheritedFromUniqueProcessId(process: Ptr) -> usize, HIGH => process::parent_process_id;
    Ntoskrnl: PsGetProcessSessionId(process: Ptr) -> u32, HIGH => process::process_session;
    Ntoskrnl: PsGetProcessSessionIdEx(process: Ptr) -> u32, HIGH => process::process_session;
    Ntoskrnl: PsGetCurrentProcessSessionId() -> u32, HIGH => process::current_process_session;
    Ntoskrnl: PsGetProcessExitStatus(process: Ptr) -> NtStatus, HIGH, infallible => process::process_exit_status;
    Ntoskrnl: PsIsProtectedProcess(process: Ptr) -> u8, HIGH => process::is_protected;
    Ntoskrnl: PsIsProtectedProcessLight(process: Ptr) -> u8, HIGH => process::is_protected;
    Ntoskrnl: PsGetProcessImageFileName(process: Ptr) -> Ptr, HIGH, infallible => process::process_image_name;
    Ntoskrnl: PsSetCreateProcessNotifyRoutineEx2(kind: u32, routine: Ptr, remove: u8) -> NtStatus, PASSIVE
        => notify::set_create_process_notify_routine_ex2;

    Ntoskrnl: IoGetStackLimits(low: Ptr<usize>, high: Ptr<usize>), HIGH => stack::limits;
    Ntoskrnl: IoGetRemainingStackSize() -> usize, HIGH => stack::remaining;
    Ntoskrnl: KeQueryActiveProcessorCount(processors: Ptr<usize>) -> u32, DISPATCH => processors::active_count;
    Ntoskrnl: KeQueryActiveProcessors() -> usize, DISPATCH => processors::active;
    Ntoskrnl: KeQueryMaximumProcessorCount() -> u32, DISPATCH => processors::maximum;
    Ntoskrnl: KeQueryMaximumProcessorCountEx(group: u16) -> u32, DISPATCH => processors::maximum_of_group;
    Ntoskrnl: KeQueryPriorityThread(thread: Ptr) -> i32, DISPATCH => processors::priority;
    Ntoskrnl: KeSetPriorityThread(thread: Ptr, priority: i32) -> i32, PASSIVE => processors::set_priority;
    Ntoskrnl: ExGetPreviousMode() -> u8, HIGH => processors::previous_mode;
    Ntoskrnl: KeInitializeGuardedMutex(mutex: Ptr<usize>), DISPATCH => fast_mutex::initialize_guarded;
    Ntoskrnl: KeTryToAcquireGuardedMutex(mutex: Ptr) -> u8, APC => fast_mutex::try_acquire_unsafe;
    Ntoskrnl: KeAcquireGuardedMutexUnsafe(mutex: Ptr), APC => fast_mutex::acquire_unsafe;
    Ntoskrnl: KeReleaseGuardedMutexUnsafe(mutex: Ptr), APC => fast_mutex::release_unsafe;
    Ntoskrnl: ExInterlockedInsertHeadList(head: Ptr, entry: Ptr, lock: Ptr<usize>) -> Ptr, HIGH, infallible
        => interlocked::insert_head;
    Ntoskrnl: ExInterlockedInsertTailList(head: Ptr, entry: Ptr, lock: Ptr<usize>) -> Ptr, HIGH, infallible
        => interlocked::insert_tail;
    Ntoskrnl: ExInterlockedRemoveHeadList(head: Ptr, lock: Ptr<usize>) -> Ptr, HIGH, infallible
        => interlocked::remove_head;
}
