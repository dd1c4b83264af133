//! Dispatcher objects, deferred procedure calls, work items, run-down protection.

use crate::abi::Ptr;
use crate::ex::rundown;
use crate::exports::rows::routines;
use crate::exports::{Module, Routine};
use crate::io::work_item;
use crate::ke::irql::Irql;
use crate::ke::{dispatcher, dpc, event, mutex, routines as kernel, semaphore, timer};
use crate::status::NtStatus;

routines! {
    after super::library::END;

    Ntoskrnl: KeWaitForMultipleObjects(count: u32, objects: Ptr<Ptr>, wait_type: u32, reason: u32, mode: i8,
        alertable: u8, timeout: Ptr<i64>, blocks: Ptr) -> NtStatus, DISPATCH, infallible
        => dispatcher::wait_for_multiple_objects;
    Ntoskrnl: KeDelayExecutionThread(mode: i8, alertable: u8, interval: Ptr<i64>) -> NtStatus, APC, infallible
        => dispatcher::delay_execution;
    Ntoskrnl: KeReadStateEvent(event: Ptr) -> i32, DISPATCH => event::read_state;
    Ntoskrnl: KeResetEvent(event: Ptr) -> i32, DISPATCH => event::reset;

    Ntoskrnl: KeInitializeMutex(mutex: Ptr, level: u32), HIGH => mutex::initialize;
    Ntoskrnl: KeReleaseMutex(mutex: Ptr, wait: u8) -> i32, DISPATCH => mutex::release;
    Ntoskrnl: KeReadStateMutex(mutex: Ptr) -> i32, DISPATCH => mutex::read_state;
    Ntoskrnl: KeInitializeSemaphore(semaphore: Ptr, count: i32, limit: i32), PASSIVE => semaphore::initialize;
    Ntoskrnl: KeReleaseSemaphore(semaphore: Ptr, increment: i32, adjustment: i32, wait: u8) -> i32, DISPATCH
        => semaphore::release;
    Ntoskrnl: KeReadStateSemaphore(semaphore: Ptr) -> i32, HIGH => semaphore::read_state;

    Ntoskrnl: KeInitializeTimer(timer: Ptr), DISPATCH => timer::initialize;
    Ntoskrnl: KeInitializeTimerEx(timer: Ptr, timer_type: u32), DISPATCH => timer::initialize_ex;
    Ntoskrnl: KeSetTimer(timer: Ptr, due: i64, dpc: Ptr) -> u8, DISPATCH => timer::set_once;
    Ntoskrnl: KeSetTimerEx(timer: Ptr, due: i64, period: i32, dpc: Ptr) -> u8, DISPATCH => timer::set_periodic;
    Ntoskrnl: KeSetCoalescableTimer(timer: Ptr, due: i64, period: u32, tolerance: u32, dpc: Ptr) -> u8, DISPATCH
        => timer::set_coalescable;
    Ntoskrnl: KeCancelTimer(timer: Ptr) -> u8, DISPATCH => timer::cancel;
    Ntoskrnl: KeReadStateTimer(timer: Ptr) -> u8, DISPATCH => timer::read_state;
    Ntoskrnl: ExAllocateTimer(routine: Ptr, context: usize, attributes: u32) -> Ptr, DISPATCH => timer::allocate;
    Ntoskrnl: ExSetTimer(timer: Ptr, due: i64, period: i64, parameters: Ptr) -> u8, DISPATCH => timer::set_allocated;
    Ntoskrnl: ExCancelTimer(timer: Ptr, parameters: Ptr) -> u8, DISPATCH => timer::cancel_allocated;
    Ntoskrnl: ExDeleteTimer(timer: Ptr, cancel: u8, wait: u8, parameters: Ptr) -> u8, DISPATCH => timer::delete;

    Ntoskrnl: KeInitializeDpc(dpc: Ptr, routine: Ptr, context: usize), HIGH => dpc::initialize;
    Ntoskrnl: KeInitializeThreadedDpc(dpc: Ptr, routine: Ptr, context: usize), HIGH => dpc::initialize;
    Ntoskrnl: KeInsertQueueDpc(dpc: Ptr, first: usize, second: usize) -> u8, HIGH => dpc::insert;
    Ntoskrnl: KeRemoveQueueDpc(dpc: Ptr) -> u8, HIGH => dpc::remove;
    Ntoskrnl: KeFlushQueuedDpcs(), PASSIVE => dpc::flush;
    Ntoskrnl: KeSetImportanceDpc(dpc: Ptr, importance: u32), HIGH => dpc::set_importance;
    Ntoskrnl: KeSetTargetProcessorDpc(dpc: Ptr, processor: i8), HIGH => dpc::set_target_processor;

    Ntoskrnl: IoAllocateWorkItem(device: Ptr) -> Ptr, DISPATCH => work_item::allocate;
    Ntoskrnl: IoFreeWorkItem(item: Ptr), DISPATCH => work_item::free;
    Ntoskrnl: IoSizeofWorkItem() -> u32, HIGH => work_item::size;
    Ntoskrnl: IoInitializeWorkItem(device: Ptr, item: Ptr), HIGH => work_item::initialize;
    Ntoskrnl: IoUninitializeWorkItem(item: Ptr), HIGH => work_item::uninitialize;
    Ntoskrnl: IoQueueWorkItem(item: Ptr, routine: Ptr, queue: u32, context: usize), DISPATCH => work_item::queue;
    Ntoskrnl: IoQueueWorkItemEx(item: Ptr, routine: Ptr, queue: u32, context: usize), DISPATCH
        => work_item::queue_ex;
    Ntoskrnl: ExQueueWorkItem(item: Ptr, queue: u32), DISPATCH => work_item::ex_queue;

    Ntoskrnl: ExInitializeRundownProtection(rundown: Ptr<usize>), APC => rundown::initialize;
    Ntoskrnl: ExReInitializeRundownProtection(rundown: Ptr<usize>), APC => rundown::initialize;
    Ntoskrnl: ExAcquireRundownProtection(rundown: Ptr<usize>) -> u8, DISPATCH => rundown::acquire;
    Ntoskrnl: ExAcquireRundownProtectionEx(rundown: Ptr<usize>, count: u32) -> u8, DISPATCH => rundown::acquire_many;
    Ntoskrnl: ExReleaseRundownProtection(rundown: Ptr<usize>), DISPATCH => rundown::release;
    Ntoskrnl: ExReleaseRundownProtectionEx(rundown: Ptr<usize>, count: u32), DISPATCH => rundown::release_many;
    Ntoskrnl: ExWaitForRundownProtectionRelease(rundown: Ptr<usize>), APC => rundown::wait;
    Ntoskrnl: ExRundownCompleted(rundown: Ptr<usize>), APC => rundown::completed;

    Ntoskrnl: KeEnterGuardedRegion(), APC => kernel::enter_critical_region;
    Ntoskrnl: KeLeaveGuardedRegion(), APC => kernel::leave_critical_region;
    Ntoskrnl: KeAreApcsDisabled() -> u8, DISPATCH => kernel::are_apcs_disabled;
    Ntoskrnl: KeAreAllApcsDisabled() -> u8, DISPATCH => kernel::are_all_apcs_disabled;
}
