//! The harness side: a machine to set up, operations to issue, and what came of them.

mod config;
mod load;
mod observe;
mod operation;
mod port;

pub use config::{
    Config, FileSystem, Process, ProcessInfo, ProcessKind, ProcessSpec, SpecError, Thread, Volume,
    VolumeInfo, VolumeSpec,
};
pub use load::{Driver, Leak, LeakReport, LoadError, UnloadError};
pub use observe::{Callback, CopySource, Major, Observer, Phase, ThreadFacts};
pub use operation::{
    Access, ChunkSpec, CopyIntent, CopyReport, CopySpec, CreateOptions, CreateSpec, Disposition, FastIo,
    Handle, Mode, Outcome, ReadSpec, WriteOffset, WriteSpec,
};
pub use port::{Connection, MessageHandler, PortReply};

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::kernel::Kernel;
use crate::status::NtStatus;
use crate::verifier::Violation;
use crate::windows::Windows;

/// A simulated machine. Clones are handles of the same machine; several machines in one process are independent.
///
/// A bug check of the driver, or a fault in it, ends the simulation: the call that led there panics with the code
/// and its parameters.
#[derive(Clone)]
pub struct Sim {
    kernel: Arc<Kernel>,
}

impl Sim {
    /// Starts a machine on which only System (PID 4) runs.
    #[must_use]
    pub fn new(config: Config) -> Self {
        todo!("{config:?}")
    }

    /// Its Windows version.
    #[must_use]
    pub fn windows(&self) -> Windows {
        todo!()
    }

    /// The time, in 100 ns since 1601-01-01 UTC.
    #[must_use]
    pub fn time(&self) -> u64 {
        todo!()
    }

    /// Sets the clock forward to a time (100 ns since 1601-01-01 UTC), expiring the timeouts before it; an earlier
    /// time changes nothing.
    pub fn set_time(&self, time: u64) {
        todo!("{time}")
    }

    /// Lets time pass, expiring each timeout at its moment.
    pub fn advance(&self, duration: Duration) {
        todo!("{duration:?}")
    }

    /// Runs the driver's threads until all of them wait.
    pub fn settle(&self) {
        todo!()
    }

    /// Mounts a volume; loaded filters attach to it.
    ///
    /// # Errors
    ///
    /// A name of the wrong form, or in use.
    pub fn add_volume(&self, spec: VolumeSpec) -> Result<Volume, SpecError> {
        todo!("{spec:?}")
    }

    /// The mounted volumes, so that a consumer can turn device names into drive letters.
    #[must_use]
    pub fn volumes(&self) -> Vec<VolumeInfo> {
        todo!()
    }

    /// Starts a process, without threads.
    ///
    /// # Errors
    ///
    /// A PID in use.
    pub fn add_process(&self, spec: ProcessSpec) -> Result<Process, SpecError> {
        todo!("{spec:?}")
    }

    /// Starts a thread. Without a TID one is chosen.
    ///
    /// # Errors
    ///
    /// A TID in use, or a process that has ended.
    pub fn add_thread(&self, process: Process, tid: Option<u32>) -> Result<Thread, SpecError> {
        todo!("{process:?}{tid:?}")
    }

    /// Ends a thread; its TID may be used again.
    ///
    /// # Errors
    ///
    /// A thread that has ended already, or is the system's.
    pub fn exit_thread(&self, thread: Thread) -> Result<(), SpecError> {
        todo!("{thread:?}")
    }

    /// Ends a process with its threads and closes its handles; its PID may be used again.
    ///
    /// # Errors
    ///
    /// A process that has ended already, or System.
    pub fn exit_process(&self, process: Process) -> Result<(), SpecError> {
        todo!("{process:?}")
    }

    /// The process System, PID 4.
    #[must_use]
    pub fn system(&self) -> Process {
        todo!()
    }

    /// A worker thread of System, always the same.
    #[must_use]
    pub fn system_thread(&self) -> Thread {
        todo!()
    }

    /// The living process with this PID.
    #[must_use]
    pub fn process_by_pid(&self, pid: u32) -> Option<Process> {
        todo!("{pid}")
    }

    /// The living thread with this TID.
    #[must_use]
    pub fn thread_by_tid(&self, tid: u32) -> Option<Thread> {
        todo!("{tid}")
    }

    /// What is known of a process, alive or dead; `None` for one of another simulation.
    #[must_use]
    pub fn process_info(&self, process: Process) -> Option<ProcessInfo> {
        todo!("{process:?}")
    }

    /// Loads a driver from the bytes of its image and runs `DriverEntry`.
    ///
    /// # Errors
    ///
    /// An image that cannot be loaded, missing imports (all of them named), or the failure of `DriverEntry`.
    pub fn load(&self, image: &[u8], service: &str) -> Result<Driver, LoadError> {
        todo!("{image:?}{service}")
    }

    /// Loads a driver from a file and runs `DriverEntry`.
    ///
    /// # Errors
    ///
    /// As [`Sim::load`], and a file that cannot be read.
    pub fn load_file(&self, path: &Path, service: &str) -> Result<Driver, LoadError> {
        todo!("{path:?}{service}")
    }

    /// Unloads a driver as `fltmc unload` does, and reports what it left behind.
    ///
    /// # Errors
    ///
    /// A driver that refuses, or cannot be unloaded.
    pub fn unload(&self, driver: &Driver) -> Result<LeakReport, UnloadError> {
        todo!("{driver:?}")
    }

    /// `NtCreateFile`.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn create(&self, thread: Thread, spec: &CreateSpec) -> Result<Handle, NtStatus> {
        todo!("{thread:?}{spec:?}")
    }

    /// `NtWriteFile`; returns the bytes written.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn write(&self, thread: Thread, handle: Handle, spec: &WriteSpec) -> Result<u32, NtStatus> {
        todo!("{thread:?}{handle:?}{spec:?}")
    }

    /// `NtReadFile`; returns the bytes read.
    ///
    /// # Errors
    ///
    /// The status of the failed operation.
    pub fn read(&self, thread: Thread, handle: Handle, spec: &ReadSpec) -> Result<u32, NtStatus> {
        todo!("{thread:?}{handle:?}{spec:?}")
    }

    /// `NtClose`: the file is cleaned up, and closed when nothing else refers to it.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_HANDLE`.
    pub fn close(&self, thread: Thread, handle: Handle) -> Result<(), NtStatus> {
        todo!("{thread:?}{handle:?}")
    }

    /// `NtCopyFileChunk`; returns the bytes written.
    ///
    /// # Errors
    ///
    /// The status of the failed read or write; `STATUS_NOT_IMPLEMENTED` before Windows 11 22H2.
    pub fn copy_file_chunk(&self, thread: Thread, spec: &ChunkSpec) -> Result<u32, NtStatus> {
        todo!("{thread:?}{spec:?}")
    }

    /// A whole `CopyFile2` as this Windows version does it.
    ///
    /// # Errors
    ///
    /// The status of the step that failed.
    pub fn copy_file2(&self, thread: Thread, spec: &CopySpec) -> Result<CopyReport, NtStatus> {
        todo!("{thread:?}{spec:?}")
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
        drop(handler);
        todo!("{port}{process:?}{context:?}")
    }

    /// Has every callback shown to the observer before it is called.
    pub fn set_observer(&self, observer: Observer) {
        drop(observer);
        todo!()
    }

    /// Receives what the driver prints with `DbgPrintEx`; it is discarded otherwise.
    pub fn set_debug_print(&self, print: Box<dyn FnMut(&str) + Send>) {
        drop(print);
        todo!()
    }

    /// The rules that drivers have broken so far, in order.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        todo!()
    }

    /// How often drivers have called each routine so far, by name; routines never called are left out.
    #[must_use]
    pub fn calls(&self) -> Vec<(&'static str, u64)> {
        todo!()
    }

    /// Makes the `n`-th call from now (1 is the next) of a routine fail with a status, or with NULL if it returns a
    /// pointer.
    ///
    /// # Panics
    ///
    /// If there is no such routine, or it cannot fail.
    pub fn fail_nth(&self, routine: &str, n: u64, status: NtStatus) {
        todo!("{routine}{n}{status:?}")
    }

    /// Whether a routine can be made to fail.
    #[must_use]
    pub fn can_fail(&self, routine: &str) -> bool {
        todo!("{routine}")
    }
}

impl Connection {
    /// Closes the consumer's handle; the driver's disconnect callback runs.
    pub fn disconnect(&self) {
        let _ = (&self.sim, self.id);
        todo!()
    }

    /// Whether neither side has closed the connection.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        todo!()
    }
}
