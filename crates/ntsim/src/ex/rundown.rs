//! Run-down protection (`EX_RUNDOWN_REF`): uses counted in a word, the lowest bit of which says that there are to be no more.

use std::sync::atomic::Ordering;

use crate::abi::Ptr;
use crate::ke::Cpu;
use crate::verifier::{Rule, calls};

/// Set when no use can begin any more.
const ACTIVE: usize = 1;
/// What one use counts.
const ONE: usize = 2;

/// `ExInitializeRundownProtection`, `ExReInitializeRundownProtection`.
pub(crate) fn initialize(_cpu: &Cpu, rundown: Ptr<usize>) {
    // Relaxed, here and where no other ordering is said: nobody else knows the word yet.
    rundown.atomic_word().store(0, Ordering::Relaxed);
}

/// `ExAcquireRundownProtection`.
pub(crate) fn acquire(cpu: &Cpu, rundown: Ptr<usize>) -> u8 {
    acquire_many(cpu, rundown, 1)
}

/// `ExAcquireRundownProtectionEx`.
pub(crate) fn acquire_many(_cpu: &Cpu, rundown: Ptr<usize>, count: u32) -> u8 {
    let more = |word: usize| (word & ACTIVE == 0).then(|| word + ONE * count as usize);
    // Acquire: pairs with the Release of `initialize`'s publisher; what is protected is there.
    u8::from(rundown.atomic_word().fetch_update(Ordering::Acquire, Ordering::Relaxed, more).is_ok())
}

/// `ExReleaseRundownProtection`.
pub(crate) fn release(cpu: &Cpu, rundown: Ptr<usize>) {
    release_many(cpu, rundown, 1);
}

/// `ExReleaseRundownProtectionEx`.
pub(crate) fn release_many(cpu: &Cpu, rundown: Ptr<usize>, count: u32) {
    let less = |word: usize| word.checked_sub(ONE * count as usize);
    // Release: pairs with the Acquire in `wait`, so that what was done under the protection is over.
    if rundown.atomic_word().fetch_update(Ordering::Release, Ordering::Relaxed, less).is_err() {
        cpu.violation(Rule::ObjectReference, "releases run-down protection more often than it acquired it");
        return;
    }
    cpu.kernel().scheduler.signal(rundown.address());
}

/// `ExWaitForRundownProtectionRelease`.
pub(crate) fn wait(cpu: &Cpu, rundown: Ptr<usize>) {
    calls::check_wait(cpu, "waits for run-down protection");
    rundown.atomic_word().fetch_or(ACTIVE, Ordering::AcqRel);
    // Acquire: pairs with the Release in `release_many`.
    let is_over = || rundown.atomic_word().load(Ordering::Acquire) == ACTIVE;
    cpu.kernel().scheduler.wait(cpu, rundown.address(), None, is_over);
}

/// `ExRundownCompleted`.
pub(crate) fn completed(_cpu: &Cpu, rundown: Ptr<usize>) {
    rundown.atomic_word().store(ACTIVE, Ordering::Release);
}
