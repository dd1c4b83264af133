//! What a harness puts on the machine: volumes, processes, threads.

use std::sync::Arc;

use super::{Process, ProcessInfo, ProcessSpec, Sim, SpecError, Thread, Volume, VolumeInfo, VolumeSpec};
use crate::ke::Cpu;
use crate::ps::ThreadKind;
use crate::{fltmgr, io, ps};

impl Sim {
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
        let start = |cpu: &Cpu| ps::lifecycle::start_thread(cpu, &process, tid, ThreadKind::Simulated);
        let thread = self.enter_briefly(Arc::clone(kernel.system_worker()), start)?;
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
            ps::lifecycle::end_thread(cpu, &thread);
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

    /// A worker thread of System. With [`super::Schedule::Threads`] it stands for any worker in whose name nobody acts, so that
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
}
