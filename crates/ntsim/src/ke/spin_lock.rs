//! Spin locks, whose holder runs at `DISPATCH_LEVEL`.

use super::cpu::Cpu;
use super::irql::Irql;
use crate::abi::Ptr;
use crate::ex::locks::{self, Access};
use crate::verifier::Rule;

const WHAT: &str = "spin lock";

/// `KeInitializeSpinLock`.
pub(crate) fn initialize(_cpu: &Cpu, lock: Ptr<usize>) {
    lock.write(0);
}

/// Nobody who holds a spin lock waits for anything, so that whoever waits here is never the last.
fn acquire(cpu: &Cpu, lock: Ptr<usize>, access: Access, old: Irql) {
    locks::acquire(cpu, lock.address(), WHAT, access, false, old);
    lock.write(1);
}

/// `KeAcquireSpinLockRaiseToDpc`, `ExAcquireSpinLockExclusive`.
pub(crate) fn acquire_raise(cpu: &Cpu, lock: Ptr<usize>) -> u8 {
    let old = cpu.irql();
    cpu.set_irql(old.max(Irql::DISPATCH));
    acquire(cpu, lock, Access::Exclusive, old);
    old.0
}

/// `ExAcquireSpinLockShared`.
pub(crate) fn acquire_shared_raise(cpu: &Cpu, lock: Ptr<usize>) -> u8 {
    let old = cpu.irql();
    cpu.set_irql(old.max(Irql::DISPATCH));
    acquire(cpu, lock, Access::Shared, old);
    old.0
}

/// `KeReleaseSpinLock`, `ExReleaseSpinLockExclusive`, `ExReleaseSpinLockShared`.
pub(crate) fn release_lower(cpu: &Cpu, lock: Ptr<usize>, old: u8) {
    lock.write(0);
    locks::release(cpu, lock.address(), WHAT);
    if Irql(old) > cpu.irql() {
        cpu.violation(Rule::IrqlChange, format!("releases a spin lock to {}", Irql(old)));
    }
    cpu.set_irql(Irql(old));
}

fn check_level(cpu: &Cpu) {
    if cpu.irql() < Irql::DISPATCH {
        cpu.violation(
            Rule::IrqlChange,
            format!("takes or releases a spin lock at {}, below DISPATCH_LEVEL", cpu.irql()),
        );
    }
}

/// `KeAcquireSpinLockAtDpcLevel`.
pub(crate) fn acquire_at_dispatch(cpu: &Cpu, lock: Ptr<usize>) {
    check_level(cpu);
    acquire(cpu, lock, Access::Exclusive, cpu.irql());
}

/// `KeReleaseSpinLockFromDpcLevel`.
pub(crate) fn release_at_dispatch(cpu: &Cpu, lock: Ptr<usize>) {
    check_level(cpu);
    lock.write(0);
    locks::release(cpu, lock.address(), WHAT);
}

/// `KeTryToAcquireSpinLockAtDpcLevel`.
pub(crate) fn try_acquire_at_dispatch(cpu: &Cpu, lock: Ptr<usize>) -> u8 {
    check_level(cpu);
    let taken = locks::try_acquire(cpu, lock.address(), Access::Exclusive, false, cpu.irql());
    u8::from(taken)
}

/// `KLOCK_QUEUE_HANDLE`: the queue's two pointers, and the IRQL.
const HANDLE_LOCK: usize = 8;
const HANDLE_IRQL: usize = 16;

/// `KeAcquireInStackQueuedSpinLock`.
pub(crate) fn acquire_queued(cpu: &Cpu, lock: Ptr<usize>, handle: Ptr) {
    let old = acquire_raise(cpu, lock);
    handle.byte_offset::<usize>(HANDLE_LOCK).write(lock.address());
    handle.byte_offset::<u8>(HANDLE_IRQL).write(old);
}

/// `KeReleaseInStackQueuedSpinLock`.
pub(crate) fn release_queued(cpu: &Cpu, handle: Ptr) {
    let lock = Ptr::at(handle.byte_offset::<usize>(HANDLE_LOCK).read());
    release_lower(cpu, lock, handle.byte_offset::<u8>(HANDLE_IRQL).read());
}

/// `KeAcquireInStackQueuedSpinLockAtDpcLevel`.
pub(crate) fn acquire_queued_at_dispatch(cpu: &Cpu, lock: Ptr<usize>, handle: Ptr) {
    acquire_at_dispatch(cpu, lock);
    handle.byte_offset::<usize>(HANDLE_LOCK).write(lock.address());
}

/// `KeReleaseInStackQueuedSpinLockFromDpcLevel`.
pub(crate) fn release_queued_at_dispatch(cpu: &Cpu, handle: Ptr) {
    release_at_dispatch(cpu, Ptr::at(handle.byte_offset::<usize>(HANDLE_LOCK).read()));
}
