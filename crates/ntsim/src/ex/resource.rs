//! Resources (`ERESOURCE`): shared and exclusive, and recursive. What is in the structure is not looked at.

use super::locks::{self, Access};
use crate::abi::Ptr;
use crate::ke::{Cpu, Irql};
use crate::status::NtStatus;
use crate::verifier::Rule;

const WHAT: &str = "resource";

/// `ExInitializeResourceLite`.
pub(crate) fn initialize(_cpu: &Cpu, _resource: Ptr) -> NtStatus {
    NtStatus::SUCCESS
}

/// `ExDeleteResourceLite`.
pub(crate) fn delete(cpu: &Cpu, resource: Ptr) -> NtStatus {
    locks::forget(cpu, resource, WHAT);
    NtStatus::SUCCESS
}

/// Normal kernel APCs must be off while a resource is held ("`ExAcquireResourceExclusiveLite` function (wdm.h)").
fn check(cpu: &Cpu) {
    let thread = cpu.thread();
    if cpu.irql() == Irql::PASSIVE && thread.critical_regions() == 0 && !thread.is_system() {
        cpu.violation(Rule::PushLock, "acquires a resource outside a critical region");
    }
}

fn acquire(cpu: &Cpu, resource: Ptr, access: Access, wait: u8) -> u8 {
    check(cpu);
    if wait == 0 {
        return u8::from(locks::try_acquire(cpu, resource.address(), access, true, cpu.irql()));
    }
    locks::acquire(cpu, resource.address(), WHAT, access, true, cpu.irql());
    1
}

/// `ExAcquireResourceExclusiveLite`.
pub(crate) fn acquire_exclusive(cpu: &Cpu, resource: Ptr, wait: u8) -> u8 {
    acquire(cpu, resource, Access::Exclusive, wait)
}

/// `ExAcquireResourceSharedLite`, and the variants that differ in who goes first.
pub(crate) fn acquire_shared(cpu: &Cpu, resource: Ptr, wait: u8) -> u8 {
    acquire(cpu, resource, Access::Shared, wait)
}

/// `ExReleaseResourceLite`.
pub(crate) fn release(cpu: &Cpu, resource: Ptr) {
    locks::release(cpu, resource.address(), WHAT);
}

/// `ExReleaseResourceForThreadLite`.
pub(crate) fn release_for_thread(cpu: &Cpu, resource: Ptr, _thread: usize) {
    release(cpu, resource);
}

/// `ExIsResourceAcquiredExclusiveLite`.
pub(crate) fn is_acquired_exclusive(cpu: &Cpu, resource: Ptr) -> u8 {
    u8::from(locks::own(cpu, resource.address()) == Some(Access::Exclusive))
}

/// `ExIsResourceAcquiredSharedLite`: also of a thread that holds it alone.
pub(crate) fn is_acquired_shared(cpu: &Cpu, resource: Ptr) -> u32 {
    u32::from(locks::own(cpu, resource.address()).is_some())
}

/// `FltAcquireResourceExclusive`: enters a critical region, too.
pub(crate) fn flt_acquire_exclusive(cpu: &Cpu, resource: Ptr) {
    crate::ke::routines::enter_critical_region(cpu);
    acquire(cpu, resource, Access::Exclusive, 1);
}

/// `FltAcquireResourceShared`.
pub(crate) fn flt_acquire_shared(cpu: &Cpu, resource: Ptr) {
    crate::ke::routines::enter_critical_region(cpu);
    acquire(cpu, resource, Access::Shared, 1);
}

/// `FltReleaseResource`.
pub(crate) fn flt_release(cpu: &Cpu, resource: Ptr) {
    release(cpu, resource);
    crate::ke::routines::leave_critical_region(cpu);
}

/// `ExEnterCriticalRegionAndAcquireResourceExclusive`.
pub(crate) fn enter_and_acquire_exclusive(cpu: &Cpu, resource: Ptr) -> usize {
    flt_acquire_exclusive(cpu, resource);
    cpu.thread().ptr().address()
}

/// `ExEnterCriticalRegionAndAcquireResourceShared`.
pub(crate) fn enter_and_acquire_shared(cpu: &Cpu, resource: Ptr) -> usize {
    flt_acquire_shared(cpu, resource);
    cpu.thread().ptr().address()
}
