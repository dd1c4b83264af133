//! A mutex of the simulated kernel, which may be held while driver code runs.

use crate::ke::Cpu;
use crate::util::Lock;

/// Lets one in at a time; the others wait as threads do, so that time and others go on.
#[derive(Default)]
pub(crate) struct Gate {
    held: Lock<bool>,
}

impl Gate {
    /// Does something alone. If the work is left (the simulation has ended then) the gate stays shut.
    pub(crate) fn alone<R>(&self, cpu: &Cpu, work: impl FnOnce() -> R) -> R {
        struct Open<'a>(&'a Gate, &'a Cpu);
        impl Drop for Open<'_> {
            fn drop(&mut self) {
                *self.0.held.lock() = false;
                self.1.kernel().scheduler.signal(self.0.key());
            }
        }
        cpu.kernel()
            .scheduler
            .wait(cpu, self.key(), None, || !std::mem::replace(&mut *self.held.lock(), true));
        let _open = Open(self, cpu);
        work()
    }

    /// As for a rundown.
    fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}
