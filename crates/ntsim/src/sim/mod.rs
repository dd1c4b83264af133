//! The harness side: a machine to set up, operations to issue, and what came of them.

mod config;
mod control;
mod device;
mod directory;
mod drivers;
mod ecp;
mod files;
mod filter;
mod findings;
mod load;
mod lock;
mod mapping;
mod memory;
mod observe;
mod operation;
mod population;
mod port;
mod registry;
mod request;
mod section;
mod setting;
mod storage;
mod transaction;

pub use crate::ke::meter::{DriverCall, Metering};
pub use crate::ke::step::Instructions;
pub use crate::ke::stopwatch::Ticks;
pub use crate::ke::stores::Stores;
pub use config::{
    Config, FileSystem, LazyWriter, Process, ProcessInfo, ProcessKind, ProcessSpec, Schedule, SpecError,
    Thread, Volume, VolumeInfo, VolumeSpec,
};
pub use control::{CloneSpec, OffloadToken, OffloadWriteSpec};
pub use device::DeviceHandle;
pub use directory::DirectoryEntry;
pub use ecp::{Ecp, EcpSpec};
pub use filter::{Act, FilterSpec, When};
pub use load::{Driver, Leak, LeakReport, LoadError, UnloadError, check_image};
pub use lock::LockSpec;
pub use observe::{Callback, CopySource, Major, Observer, Phase, ProcessFacts, ThreadFacts};
pub use operation::{
    Access, ChunkSpec, CopyIntent, CopyReport, CopySpec, CreateOptions, CreateSpec, Disposition, FastIo,
    Handle, Mode, Outcome, ReadSpec, Share, WriteOffset, WriteSpec,
};
pub use port::{Connection, MessageHandler, PortReply};
pub use registry::RegistryValue;
pub use request::{Notice, Request};
pub use section::{MdlReadSpec, MdlWriteSpec, Protection, Section, SectionSpec, View};
pub use setting::{Replace, Setting};
pub use transaction::Transaction;

use std::sync::Arc;
use std::time::Duration;

use crate::ke::clock::NANOSECONDS_PER_UNIT;
use crate::ke::cpu::{self, Cpu};
use crate::ke::fault;
use crate::kernel::Kernel;
use crate::status::NtStatus;
use crate::windows::Windows;
use crate::{cc, ps};

/// A simulated machine. Clones are handles of the same machine; several machines in one process are independent.
///
/// A bug check of the driver, or a fault in it, ends the simulation: the call that led there panics with the code
/// and its parameters.
#[derive(Clone)]
pub struct Sim {
    machine: Arc<Machine>,
}

/// Ends the drivers' threads when the last handle goes.
struct Machine {
    kernel: Arc<Kernel>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        self.kernel.scheduler.shut_down();
        self.kernel.filters.operations.clear();
    }
}

/// While it lives, a thread of the harness is inside the kernel.
struct Inside<'a>(&'a Kernel);

impl<'a> Inside<'a> {
    fn new(kernel: &'a Kernel) -> Self {
        kernel.scheduler.enter();
        Self(kernel)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.scheduler.leave(&self.0.clock);
    }
}

impl Sim {
    /// Starts a machine on which only System (PID 4) runs.
    #[must_use]
    pub fn new(config: Config) -> Self {
        fault::install();
        Self { machine: Arc::new(Machine { kernel: Kernel::new(config) }) }
    }

    /// Its Windows version.
    #[must_use]
    pub fn windows(&self) -> Windows {
        self.kernel().config.windows
    }

    /// The time, in 100 ns since 1601-01-01 UTC.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.kernel().clock.now()
    }

    /// Sets the clock forward to a time (100 ns since 1601-01-01 UTC), expiring the timeouts before it; an earlier
    /// time changes nothing.
    pub fn set_time(&self, time: u64) {
        self.as_system(|cpu| cc::lazy_writer::advance_to(cpu, time));
    }

    /// Lets time pass, expiring each timeout at its moment.
    pub fn advance(&self, duration: Duration) {
        let units = u64::try_from(duration.as_nanos() / NANOSECONDS_PER_UNIT).unwrap_or(u64::MAX);
        self.set_time(self.time().saturating_add(units));
    }

    /// Runs the driver's threads until all of them wait.
    pub fn settle(&self) {
        self.as_system(|cpu| cpu.kernel().scheduler.settle(cpu));
    }

    #[cfg(test)]
    pub(crate) fn kernel_for_test(&self) -> &Arc<Kernel> {
        self.kernel()
    }

    /// Does something inside the machine, in a thread's name.
    #[cfg(test)]
    pub(crate) fn inside<R>(&self, thread: Thread, work: impl FnOnce(&Cpu) -> R) -> R {
        let thread = self.living_thread(thread).expect("the thread is alive");
        self.enter(thread, work)
    }

    fn kernel(&self) -> &Arc<Kernel> {
        &self.machine.kernel
    }

    fn living_thread(&self, thread: Thread) -> Option<Arc<ps::Thread>> {
        self.kernel().processes.thread(thread.0).filter(|thread| !thread.has_ended())
    }

    /// Does something in the name of a thread.
    fn as_thread<R>(
        &self,
        thread: Thread,
        work: impl FnOnce(&Cpu) -> Result<R, NtStatus>,
    ) -> Result<R, NtStatus> {
        let thread = self.living_thread(thread).ok_or(NtStatus::INVALID_CID)?;
        self.enter(thread, work)
    }

    /// Does something in the name of the system.
    fn as_system<R>(&self, work: impl FnOnce(&Cpu) -> R) -> R {
        self.enter(Arc::clone(self.kernel().system_worker()), work)
    }

    /// Enters the machine as a thread, and lets the driver's threads run afterwards.
    fn enter<R>(&self, thread: Arc<ps::Thread>, work: impl FnOnce(&Cpu) -> R) -> R {
        self.enter_briefly(thread, |cpu| {
            let result = work(cpu);
            cpu.kernel().scheduler.pause(cpu);
            result
        })
    }

    /// Enters the machine as a thread, and lets nobody else run that is not waited for.
    fn enter_briefly<R>(&self, thread: Arc<ps::Thread>, work: impl FnOnce(&Cpu) -> R) -> R {
        assert!(!cpu::is_inside(), "an observer or message handler cannot act on the machine that called it");
        let kernel = self.kernel();
        let _machine = (!kernel.scheduler.is_concurrent()).then(|| kernel.machine.lock());
        if kernel.has_crashed() {
            kernel.raise();
        }
        let _inside = Inside::new(kernel);
        let cpu = if Arc::ptr_eq(&thread, kernel.system_worker()) {
            Cpu::of_system(Arc::clone(kernel))
        } else {
            Cpu::new(Arc::clone(kernel), thread, None)
        };
        cpu.execute(work)
    }
}
