//! The harness side: a machine to set up, operations to issue, and what came of them.

mod config;
mod control;
mod ecp;
mod filter;
mod load;
mod mapping;
mod observe;
mod operation;
mod port;
mod request;
mod section;
mod setting;
mod storage;
mod transaction;

pub use crate::ke::meter::{DriverCall, Metering};
pub use crate::ke::step::Instructions;
pub use config::{
    Config, FileSystem, LazyWriter, Process, ProcessInfo, ProcessKind, ProcessSpec, Schedule, SpecError,
    Thread, Volume, VolumeInfo, VolumeSpec,
};
pub use control::{CloneSpec, OffloadToken, OffloadWriteSpec};
pub use ecp::{Ecp, EcpSpec};
pub use filter::{Act, FilterSpec, When};
pub use load::{Driver, Leak, LeakReport, LoadError, UnloadError, check_image};
pub use observe::{Callback, CopySource, Major, Observer, Phase, ThreadFacts};
pub use operation::{
    Access, ChunkSpec, CopyIntent, CopyReport, CopySpec, CreateOptions, CreateSpec, Disposition, FastIo,
    Handle, Mode, Outcome, ReadSpec, WriteOffset, WriteSpec,
};
pub use port::{Connection, MessageHandler, PortReply};
pub use request::{Notice, Request};
pub use section::{MdlWriteSpec, Protection, Section, SectionSpec, View};
pub use setting::Setting;
pub use transaction::Transaction;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[cfg(test)]
use crate::abi::Ptr;
use crate::io::driver;
use crate::ke::clock::NANOSECONDS_PER_UNIT;
use crate::ke::cpu::{self, Cpu};
use crate::ke::fault;
use crate::ke::step::Counting;
use crate::kernel::Kernel;
use crate::ps::ThreadKind;
use crate::status::NtStatus;
use crate::verifier::{FaultPlan, Violation};
use crate::windows::Windows;
use crate::{cc, fltmgr, io, ps, verifier};

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

    /// Mounts a volume; loaded filters attach to it.
    ///
    /// # Errors
    ///
    /// A name of the wrong form, or in use.
    pub fn add_volume(&self, spec: VolumeSpec) -> Result<Volume, SpecError> {
        self.as_system(|cpu| {
            let kernel = cpu.kernel();
            kernel.attaching.alone(cpu, || {
                let volume = kernel.volumes.mount(&kernel.arena, kernel.next_id(), spec)?;
                fltmgr::instance::volume_mounted(cpu, &volume);
                Ok(Volume(volume.id()))
            })
        })
    }

    /// The mounted volumes, so that a consumer can turn device names into drive letters.
    #[must_use]
    pub fn volumes(&self) -> Vec<VolumeInfo> {
        let volumes = self.kernel().volumes.all();
        let info = |volume: &Arc<io::Volume>| VolumeInfo {
            volume: Volume(volume.id()),
            spec: volume.spec().clone(),
        };
        volumes.iter().map(info).collect()
    }

    /// Starts a process, without threads.
    ///
    /// # Errors
    ///
    /// A PID in use.
    pub fn add_process(&self, spec: ProcessSpec) -> Result<Process, SpecError> {
        self.as_system(|cpu| ps::lifecycle::start_process(cpu, spec).map(|process| Process(process.id())))
    }

    /// Starts a thread. Without a TID one is chosen.
    ///
    /// # Errors
    ///
    /// A TID in use, or a process that has ended.
    pub fn add_thread(&self, process: Process, tid: Option<u32>) -> Result<Thread, SpecError> {
        let kernel = self.kernel();
        let process = kernel.processes.process(process.0).filter(|process| process.is_alive());
        let process = process.ok_or(SpecError::NoSuchProcess)?;
        let thread = kernel.create_thread(&process, tid, ThreadKind::Simulated)?;
        Ok(Thread(thread.id()))
    }

    /// Ends a thread; its TID may be used again.
    ///
    /// # Errors
    ///
    /// A thread that has ended already, or is the system's.
    pub fn exit_thread(&self, thread: Thread) -> Result<(), SpecError> {
        let thread = self.living_thread(thread).ok_or(SpecError::NoSuchThread)?;
        if thread.kind() != ThreadKind::Simulated {
            return Err(SpecError::NotYours("a thread of the system or of a driver"));
        }
        self.enter_briefly(Arc::clone(&thread), |cpu| {
            io::in_flight::thread_ends(cpu, &thread);
            let kernel = cpu.kernel();
            kernel.processes.end_thread(&kernel.objects, &thread);
        });
        Ok(())
    }

    /// Ends a process with its threads and closes its handles; its PID may be used again.
    ///
    /// # Errors
    ///
    /// A process that has ended already, or System.
    pub fn exit_process(&self, process: Process) -> Result<(), SpecError> {
        let process = self.kernel().processes.process(process.0).filter(|process| process.is_alive());
        let process = process.ok_or(SpecError::NoSuchProcess)?;
        if process.is_system() {
            return Err(SpecError::NotYours("System"));
        }
        self.as_system(|cpu| ps::lifecycle::end_process(cpu, &process));
        Ok(())
    }

    /// The process System, PID 4.
    #[must_use]
    pub fn system(&self) -> Process {
        Process(self.kernel().system.id())
    }

    /// A worker thread of System. With [`Schedule::Threads`] it stands for any worker in whose name nobody acts, so that
    /// several threads of the harness may name it at the same time.
    #[must_use]
    pub fn system_thread(&self) -> Thread {
        Thread(self.kernel().system_worker().id())
    }

    /// The living process with this PID.
    #[must_use]
    pub fn process_by_pid(&self, pid: u32) -> Option<Process> {
        self.kernel().processes.process_by_pid(pid).map(|process| Process(process.id()))
    }

    /// The living thread with this TID.
    #[must_use]
    pub fn thread_by_tid(&self, tid: u32) -> Option<Thread> {
        self.kernel().processes.thread_by_tid(tid).map(|thread| Thread(thread.id()))
    }

    /// What is known of a process, alive or dead; `None` for one of another simulation.
    #[must_use]
    pub fn process_info(&self, process: Process) -> Option<ProcessInfo> {
        let process = self.kernel().processes.process(process.0)?;
        Some(ProcessInfo {
            pid: process.pid(),
            parent: process.parent(),
            image: process.image().as_str().to_owned(),
            start_key: process.start_key(),
            created: process.created(),
            alive: process.is_alive(),
        })
    }

    /// Adds a model filter to every volume, mounted now or later.
    ///
    /// # Errors
    ///
    /// An altitude that is none, or in use.
    pub fn add_filter(&self, spec: FilterSpec) -> Result<(), SpecError> {
        self.as_system(|cpu| fltmgr::model::add(cpu, spec))
    }

    /// Sends on the operations that model filters hold up ([`Act::Hold`]).
    pub fn release_held(&self) {
        self.as_system(fltmgr::model::release_held);
    }

    /// Detaches a driver's instance from a volume, as `fltmc detach` does.
    ///
    /// # Errors
    ///
    /// `STATUS_FLT_DO_NOT_DETACH` if the driver does not agree, or has no callback to be asked by; that there is none.
    pub fn detach(&self, driver: &Driver, volume: Volume) -> Result<(), NtStatus> {
        self.as_system(|cpu| fltmgr::teardown::detach(cpu, driver.0, volume.0)).ok()
    }

    /// Sets the altitude of a driver's default instance, as its INF writes it to the registry; to be called before the
    /// driver is loaded. Without one a driver comes below those loaded before.
    ///
    /// # Errors
    ///
    /// An altitude that is none.
    pub fn set_altitude(&self, service: &str, altitude: &str) -> Result<(), SpecError> {
        let bad = |()| SpecError::BadName(altitude.to_owned(), "altitude such as 385000.5");
        self.kernel().filters.set_altitude(service, altitude.parse().map_err(bad)?);
        Ok(())
    }

    /// Loads a driver from the bytes of its image and runs `DriverEntry`.
    ///
    /// # Errors
    ///
    /// An image that cannot be loaded, missing imports (all of them named), or the failure of `DriverEntry`.
    pub fn load(&self, image: &[u8], service: &str) -> Result<Driver, LoadError> {
        let code = driver::map(self.kernel(), image, service)?;
        self.as_system(|cpu| driver::load(cpu, code, service)).map(Driver)
    }

    /// Loads a driver from a file and runs `DriverEntry`.
    ///
    /// # Errors
    ///
    /// As [`Sim::load`], and a file that cannot be read.
    pub fn load_file(&self, path: &Path, service: &str) -> Result<Driver, LoadError> {
        let code = driver::map(self.kernel(), &driver::read(path)?, service)?;
        code.look_for_symbols_beside(path);
        self.as_system(|cpu| driver::load(cpu, code, service)).map(Driver)
    }

    /// Loads a driver whose code is a function of a test.
    #[cfg(test)]
    pub(crate) fn load_native(&self, entry: Ptr, service: &str) -> Result<Driver, LoadError> {
        self.as_system(|cpu| driver::load(cpu, driver::Code::Native(entry), service)).map(Driver)
    }

    /// Unloads a driver as `fltmc unload` does, and reports what it left behind.
    ///
    /// # Errors
    ///
    /// A driver that refuses, or cannot be unloaded.
    pub fn unload(&self, driver: &Driver) -> Result<LeakReport, UnloadError> {
        self.as_system(|cpu| driver::unload(cpu, driver.0))
    }

    /// Whether a driver has an instance on a volume.
    #[must_use]
    pub fn is_attached(&self, driver: &Driver, volume: Volume) -> bool {
        let volumes = self.kernel().volumes.all();
        let volume = volumes.iter().find(|known| known.id() == volume.0);
        volume.is_some_and(|volume| fltmgr::instance::is_attached(volume, driver.0))
    }

    /// Makes a file of a given size exist, without any operation on it.
    ///
    /// # Errors
    ///
    /// `STATUS_OBJECT_PATH_NOT_FOUND` if no volume is there.
    pub fn add_file(&self, path: &str, size: u64) -> Result<(), NtStatus> {
        let size = i64::try_from(size).map_err(|_| NtStatus::INVALID_PARAMETER)?;
        self.kernel().volumes.add_file(path, size)
    }

    /// `NtCreateFile`.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn create(&self, thread: Thread, spec: &CreateSpec) -> Result<Handle, NtStatus> {
        self.as_thread(thread, |cpu| io::create::create(cpu, spec))
    }

    /// `NtWriteFile`; returns the bytes written.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn write(&self, thread: Thread, handle: Handle, spec: &WriteSpec) -> Result<u32, NtStatus> {
        let kernel = self.kernel();
        let issuer = kernel.processes.thread(thread.0).ok_or(NtStatus::INVALID_CID)?;
        let executor = match spec.executor {
            Some(executor) => Some(self.living_thread(executor).ok_or(NtStatus::INVALID_CID)?),
            None => None,
        };
        let context = Arc::clone(executor.as_ref().unwrap_or(&issuer));
        self.enter(context, |cpu| {
            let executor = executor.map(|_| cpu.thread());
            io::transfer::write(cpu, &issuer, executor.as_ref(), handle, spec)
        })
    }

    /// `NtReadFile`; returns the bytes read.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn read(&self, thread: Thread, handle: Handle, spec: &ReadSpec) -> Result<u32, NtStatus> {
        self.as_thread(thread, |cpu| io::transfer::read(cpu, &cpu.thread(), handle, spec))
    }

    /// `NtClose`: the file is cleaned up, and closed when nothing else refers to it.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_HANDLE`.
    pub fn close(&self, thread: Thread, handle: Handle) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::close::close(cpu, handle))
    }

    /// Renames a file by a handle that was opened with `DELETE` access, to a path on its volume that is free.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn rename(&self, thread: Thread, handle: Handle, path: &str) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| io::set_information::rename(cpu, handle, path))
    }

    /// `NtCopyFileChunk`; returns the bytes written.
    ///
    /// # Errors
    ///
    /// The status of the failed read or write; `STATUS_NOT_IMPLEMENTED` before Windows 11 22H2.
    pub fn copy_file_chunk(&self, thread: Thread, spec: &ChunkSpec) -> Result<u32, NtStatus> {
        self.as_thread(thread, |cpu| io::copy_chunk::copy(cpu, spec))
    }

    /// A whole `CopyFile2` as this Windows version does it.
    ///
    /// # Errors
    ///
    /// The status of the step that failed.
    pub fn copy_file2(&self, thread: Thread, spec: &CopySpec) -> Result<CopyReport, NtStatus> {
        self.as_thread(thread, |cpu| io::copy::copy_file2(cpu, spec))
    }

    /// `FilterConnectCommunicationPort` by a process; the handler receives each message.
    ///
    /// # Errors
    ///
    /// The status that the Filter Manager or the driver's connect callback gives.
    pub fn connect(
        &self,
        port: &str,
        process: Process,
        context: &[u8],
        handler: MessageHandler,
    ) -> Result<Connection, NtStatus> {
        let process = self.kernel().processes.process(process.0).filter(|process| process.is_alive());
        let process = process.ok_or(NtStatus::INVALID_CID)?;
        let thread = match self.kernel().processes.threads_of(&process).first() {
            Some(thread) => Arc::clone(thread),
            None => self
                .kernel()
                .create_thread(&process, None, ThreadKind::Simulated)
                .map_err(|_| NtStatus::INSUFFICIENT_RESOURCES)?,
        };
        let client =
            self.enter(thread, |cpu| fltmgr::port::connect(cpu, port, &process, context, handler))?;
        Ok(Connection { sim: self.clone(), id: client.id() })
    }

    /// Has every callback shown to the observer before it is called.
    pub fn set_observer(&self, observer: Observer) {
        *self.kernel().observer.lock() = Some(observer);
    }

    /// Receives what the driver prints with `DbgPrintEx`; it is discarded otherwise.
    pub fn set_debug_print(&self, print: Box<dyn FnMut(&str) + Send>) {
        self.kernel().set_print(print);
    }

    /// The rules that drivers have broken so far, in order.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.kernel().verifier.violations()
    }

    /// How often drivers have called each routine so far, by name; routines never called are left out.
    #[must_use]
    pub fn calls(&self) -> Vec<(&'static str, u64)> {
        self.kernel().verifier.calls()
    }

    /// Counts the instructions that are executed while something is done with the machine: exactly, by single-stepping,
    /// which takes about a microsecond each. They are those of this thread and of System's workers; what drivers' own
    /// threads do meanwhile is left out.
    pub fn count_instructions<R>(&self, work: impl FnOnce() -> R) -> (R, Instructions) {
        let meter = &self.kernel().meter;
        meter.begin_whole();
        let counting = Counting::begin(self.kernel().image_ranges());
        let result = work();
        let own = counting.map(Counting::end).unwrap_or_default();
        (result, own + meter.end_whole())
    }

    /// Says what is noted from now on of the calls of drivers.
    pub fn set_metering(&self, metering: Metering) {
        self.kernel().meter.set(metering);
    }

    /// The calls noted since the last time this was asked, in the order in which they ended.
    #[must_use]
    pub fn take_calls(&self) -> Vec<DriverCall> {
        self.kernel().meter.take()
    }

    /// Makes the `n`-th call from now (1 is the next) of a routine fail with a status, or with NULL if it returns a
    /// pointer.
    ///
    /// # Panics
    ///
    /// If there is no such routine, or it cannot fail.
    pub fn fail_nth(&self, routine: &str, n: u64, status: NtStatus) {
        let routine =
            verifier::fallible(routine).unwrap_or_else(|| panic!("{routine} cannot be made to fail"));
        self.kernel().verifier.injections.nth(routine, n, status);
    }

    /// Makes the `n`-th call from now (1 is the next) that can fail do so, of whatever routine, with a status that the
    /// routine documents. Calls that undo what succeeded before cannot fail.
    pub fn fail_nth_of_all(&self, n: u64) {
        self.kernel().verifier.injections.nth_of_all(n);
    }

    /// Makes calls fail that are drawn from a seed, with statuses that the routines document. Calls that undo what
    /// succeeded before cannot fail.
    pub fn fail_randomly(&self, plan: FaultPlan) {
        self.kernel().verifier.injections.draw(plan);
    }

    /// How many calls of drivers could have failed so far, and how many were made to.
    #[must_use]
    pub fn fallible_calls(&self) -> (u64, u64) {
        self.kernel().verifier.injections.counts()
    }

    /// Whether a routine can be made to fail.
    #[must_use]
    pub fn can_fail(&self, routine: &str) -> bool {
        verifier::fallible(routine).is_some()
    }
}

impl Sim {
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

impl Connection {
    /// Closes the consumer's handle; the driver's disconnect callback runs.
    pub fn disconnect(&self) {
        let Some(client) = self.sim.kernel().filters.ports.connection(self.id) else { return };
        self.sim.as_system(|cpu| fltmgr::port::disconnect(cpu, &client));
    }

    /// `FilterSendMessage`; returns what the driver answers.
    ///
    /// # Errors
    ///
    /// `STATUS_PORT_DISCONNECTED`, `STATUS_INVALID_DEVICE_REQUEST` from a port that takes no messages, or the status that
    /// the driver's message callback returns.
    pub fn send(&self, input: &[u8], output_bytes: usize) -> Result<Vec<u8>, NtStatus> {
        let client = self.sim.kernel().filters.ports.connection(self.id);
        let client = client.ok_or(NtStatus::PORT_DISCONNECTED)?;
        self.sim.as_system(|cpu| fltmgr::port::send(cpu, &client, input, output_bytes))
    }

    /// Whether neither side has closed the connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        let client = self.sim.kernel().filters.ports.connection(self.id);
        client.is_some_and(|client| client.is_connected())
    }
}
