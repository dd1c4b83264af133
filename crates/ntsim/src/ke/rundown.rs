//! Rundown protection, as `ExAcquireRundownProtection` gives it: many may use something, until somebody wants it gone.

use crate::ke::Cpu;
use crate::ke::scheduler::Stuck;
use crate::util::Lock;

#[derive(Default)]
struct State {
    users: usize,
    ending: bool,
}

/// Whether something may still be used, and by how many it is.
#[derive(Default)]
pub(crate) struct Rundown {
    state: Lock<State>,
}

impl Rundown {
    /// Begins to use it; `false` if it is going.
    #[must_use]
    pub(crate) fn acquire(&self) -> bool {
        let mut state = self.state.lock();
        if !state.ending {
            state.users += 1;
        }
        !state.ending
    }

    /// Ends what a successful [`Rundown::acquire`] began.
    pub(crate) fn release(&self, cpu: &Cpu) {
        let last = {
            let mut state = self.state.lock();
            state.users -= 1;
            state.ending && state.users == 0
        };
        if last {
            cpu.kernel().scheduler.signal(self.key());
        }
    }

    /// Does something while it is used; `None` if it is going.
    pub(crate) fn with<R>(&self, cpu: &Cpu, work: impl FnOnce() -> R) -> Option<R> {
        if !self.acquire() {
            return None;
        }
        let result = work();
        self.release(cpu);
        Some(result)
    }

    /// Lets nobody begin any more, and waits until nobody uses it.
    pub(crate) fn run_down(&self, cpu: &Cpu) {
        self.state.lock().ending = true;
        cpu.kernel().scheduler.wait(cpu, self.key(), None, || self.state.lock().users == 0);
    }

    /// Lets nobody begin any more.
    pub(crate) fn begin_to_end(&self) {
        self.state.lock().ending = true;
    }

    /// Waits until nobody uses it.
    pub(crate) fn wait_unless_stuck(&self, cpu: &Cpu) -> Result<(), Stuck> {
        let unused = || self.state.lock().users == 0;
        cpu.kernel().scheduler.wait_unless_stuck(cpu, self.key(), unused)
    }

    /// What a wait for its end waits for: its own address, which no object of the kernel has.
    fn key(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}
