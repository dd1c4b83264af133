//! Pool, objects and handles: everything is released once, and nothing is used afterwards.

use super::driver::{Filter, NON_PAGED, PAGED, TAG, allocate, free, nt, status};
use super::{Machine, driver};
use crate::abi::{Ptr, Shared};
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::{Config, Sim, Windows};

const OBJ_KERNEL_HANDLE: usize = 0x200;

/// A driver that does this in `DriverEntry`.
macro_rules! machine {
    ($body:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            $body;
            Filter::default().start(driver)
        }
        Machine::new(entry)
    }};
}

/// A driver that breaks this rule in `DriverEntry`, once.
macro_rules! offender {
    ($name:ident, $rule:ident, $body:expr) => {
        #[test]
        fn $name() {
            machine!($body).expect_violation(Rule::$rule, "test DriverEntry");
        }
    };
}

#[test]
fn pool_that_is_freed_leaves_nothing() {
    let machine = machine!({
        let block = allocate(NON_PAGED, 100);
        assert_eq!(block.read_slice(100), [0; 100]);
        free(block, TAG);
        free(allocate(PAGED, 5000), TAG);
    });
    machine.unload_cleanly();
    machine.expect_no_violation();
}

offender!(a_block_freed_twice_is_reported, Pool, {
    let block = allocate(NON_PAGED, 10);
    free(block, TAG);
    free(block, TAG);
});
offender!(a_block_freed_with_another_tag_is_reported, Pool, free(allocate(NON_PAGED, 10), TAG + 1));
offender!(a_write_past_a_block_is_reported, Pool, {
    let block = allocate(NON_PAGED, 10);
    block.offset(10).write(1);
    free(block, TAG);
});
offender!(an_allocation_without_tag_is_reported, Pool, nt("ExAllocatePool2", &[NON_PAGED, 10, 0]));
offender!(an_allocation_without_kind_is_reported, Pool, nt("ExAllocatePool2", &[0, 10, TAG]));
offender!(paged_pool_at_dispatch_level_is_reported, IrqlTooHigh, {
    let irql = nt("KeRaiseIrqlToDpcLevel", &[]) & 0xFF;
    let block = allocate(PAGED, 10);
    nt("KeLowerIrql", &[irql]);
    free(block, TAG);
});
offender!(a_routine_above_its_irql_is_reported, IrqlTooHigh, {
    let irql = nt("KeRaiseIrqlToDpcLevel", &[]) & 0xFF;
    super::driver::system_routine("KeSetEvent");
    nt("KeLowerIrql", &[irql]);
});
offender!(a_stray_pointer_for_a_process_is_reported, Retained, nt("PsGetProcessId", &[0x1234]));
offender!(a_handle_closed_twice_is_reported, ObjectReference, {
    let handle = open_current_process();
    assert_eq!(status("ZwClose", &[handle]), NtStatus::SUCCESS);
    assert_eq!(status("ZwClose", &[handle]), NtStatus::INVALID_HANDLE);
});
offender!(an_object_released_too_often_is_reported, ObjectReference, {
    let process = nt("IoGetCurrentProcess", &[]);
    nt("ObfReferenceObject", &[process]);
    nt("ObfDereferenceObject", &[process]);
    nt("ObfDereferenceObject", &[process]);
});
offender!(an_event_never_initialized_is_reported, InvalidParameter, {
    let event = allocate(NON_PAGED, 24);
    nt("KeSetEvent", &[event.address(), 0, 0]);
    free(event, TAG);
});
offender!(leaving_a_region_never_entered_is_reported, IrqlReturn, nt("KeLeaveCriticalRegion", &[]));
offender!(a_push_lock_never_initialized_is_reported, PushLock, {
    let lock = allocate(NON_PAGED, 8);
    nt("FltAcquirePushLockShared", &[lock.address()]);
    free(lock, TAG);
});
offender!(a_push_lock_released_unheld_is_reported, PushLock, {
    let lock = allocate(NON_PAGED, 8);
    nt("FltInitializePushLock", &[lock.address()]);
    nt("FltReleasePushLock", &[lock.address()]);
    nt("FltDeletePushLock", &[lock.address()]);
    free(lock, TAG);
});

offender!(returning_with_a_push_lock_held_is_reported, PushLock, {
    let lock = allocate(NON_PAGED, 8);
    nt("FltInitializePushLock", &[lock.address()]);
    nt("FltAcquirePushLockShared", &[lock.address()]);
    nt("KeLeaveCriticalRegion", &[]);
});

fn open_current_process() -> usize {
    let handle = Shared::new(0usize);
    let process = nt("IoGetCurrentProcess", &[]);
    let opened =
        status("ObOpenObjectByPointer", &[process, OBJ_KERNEL_HANDLE, 0, 0, 0, 0, handle.ptr().address()]);
    assert_eq!(opened, NtStatus::SUCCESS);
    handle.get()
}

#[test]
fn a_lock_is_shared_by_readers_and_disables_apcs() {
    let machine = machine!({
        let lock = allocate(NON_PAGED, 8);
        nt("FltInitializePushLock", &[lock.address()]);
        nt("FltAcquirePushLockExclusive", &[lock.address()]);
        nt("FltReleasePushLock", &[lock.address()]);
        nt("FltAcquirePushLockShared", &[lock.address()]);
        nt("FltReleasePushLock", &[lock.address()]);
        nt("FltDeletePushLock", &[lock.address()]);
        free(lock, TAG);
    });
    machine.unload_cleanly();
    machine.expect_no_violation();
}

extern "win64" fn write_to_freed_block(driver: usize, _: usize) -> u32 {
    let block = allocate(NON_PAGED, 10);
    free(block, TAG);
    block.write(1);
    Filter::default().start(driver)
}

#[test]
fn a_write_to_a_freed_block_is_reported_at_once_where_memory_is_watched() {
    let machine = Machine::new(write_to_freed_block);
    machine.expect_violation(Rule::Pool, "test DriverEntry");
    machine.unload_cleanly();
}

#[test]
fn a_write_to_a_freed_block_is_reported_when_the_driver_is_gone_elsewhere() {
    let sim = Sim::new(Config::new(Windows::Win11_24H2).watch(false));
    let driver = sim.load_native(driver::pointer(write_to_freed_block), "test").expect("the driver loads");
    sim.unload(&driver).expect("the driver unloads");
    let broken: Vec<_> = sim.violations().into_iter().map(|violation| violation.rule).collect();
    assert_eq!(broken, [Rule::Pool]);
}

#[test]
fn whatever_is_left_is_reported_by_kind() {
    let machine = machine!({
        allocate(NON_PAGED, 10);
        allocate(PAGED, 20);
        open_current_process();
        let process = nt("IoGetCurrentProcess", &[]);
        nt("ObfReferenceObject", &[process]);
    });
    let report = machine.sim.unload(&machine.driver).expect("the driver unloads");
    let leaks: Vec<_> = report.leaks.iter().map(ToString::to_string).collect();
    assert_eq!(
        leaks,
        [
            "2 × pool block Test (30 bytes), taken in DriverEntry",
            "1 × handle process",
            "2 × reference process 4"
        ]
    );
    assert!(Ptr::<u8>::NULL.is_null());
}
