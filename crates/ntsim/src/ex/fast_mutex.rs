//! Fast mutexes and guarded mutexes. (`ExInitializeFastMutex` is inline; what it sets is not looked at.)

use super::locks::{self, Access};
use crate::abi::Ptr;
use crate::ke::{Cpu, Irql};

const WHAT: &str = "fast mutex";

/// `ExAcquireFastMutex`: the holder runs at `APC_LEVEL`.
pub(crate) fn acquire(cpu: &Cpu, mutex: Ptr) {
    let irql = cpu.irql();
    locks::acquire(cpu, mutex.address(), WHAT, Access::Exclusive, false, irql);
    cpu.set_irql(irql.max(Irql::APC));
}

/// `ExTryToAcquireFastMutex`.
pub(crate) fn try_acquire(cpu: &Cpu, mutex: Ptr) -> u8 {
    let irql = cpu.irql();
    let taken = locks::try_acquire(cpu, mutex.address(), Access::Exclusive, false, irql);
    if taken {
        cpu.set_irql(irql.max(Irql::APC));
    }
    u8::from(taken)
}

/// `ExReleaseFastMutex`.
pub(crate) fn release(cpu: &Cpu, mutex: Ptr) {
    if let Some(irql) = locks::release(cpu, mutex.address(), WHAT) {
        cpu.set_irql(irql);
    }
}

/// `ExAcquireFastMutexUnsafe`, `KeAcquireGuardedMutex`: the IRQL stays.
pub(crate) fn acquire_unsafe(cpu: &Cpu, mutex: Ptr) {
    locks::acquire(cpu, mutex.address(), WHAT, Access::Exclusive, false, cpu.irql());
}

/// `ExReleaseFastMutexUnsafe`, `KeReleaseGuardedMutex`.
pub(crate) fn release_unsafe(cpu: &Cpu, mutex: Ptr) {
    locks::release(cpu, mutex.address(), WHAT);
}

/// `KeInitializeGuardedMutex`. What it sets is not looked at.
pub(crate) fn initialize_guarded(_cpu: &Cpu, mutex: Ptr<usize>) {
    /// `sizeof(KGUARDED_MUTEX)` in words.
    const WORDS: usize = 7;
    mutex.write_slice(&[0; WORDS]);
}

/// `KeTryToAcquireGuardedMutex`.
pub(crate) fn try_acquire_unsafe(cpu: &Cpu, mutex: Ptr) -> u8 {
    u8::from(locks::try_acquire(cpu, mutex.address(), Access::Exclusive, false, cpu.irql()))
}
