//! Processes and threads that come and go.

use std::sync::Arc;

use super::{Invalid, KnownProcess, KnownThread, Program, SYSTEM_PID, World, ensure};
use crate::scenario::model::{Process, Thread};

impl World {
    pub(super) fn insert_process(&mut self, name: &str, pid: u32, image: &str, kernel: bool) -> usize {
        let process = self.processes.len();
        self.process_names.insert(name.to_owned(), process);
        let (name, image) = (name.into(), image.into());
        self.processes.push(KnownProcess { name, pid, image, kernel, met: self.loaded, alive: true });
        process
    }

    pub(super) fn insert_thread(&mut self, process: usize, name: &str, tid: u32) {
        self.thread_names.insert(name.to_owned(), self.threads.len());
        self.threads.push(KnownThread { name: name.into(), tid, process, alive: true, attached: Vec::new() });
    }

    pub(super) fn start_process(&mut self, process: &Process) -> Result<(), Invalid> {
        let Process { name, pid, image, minimal, threads, .. } = process;
        ensure(!self.process_names.contains_key(name) && self.is_free_pid(*pid))?;
        for (position, thread) in threads.iter().enumerate() {
            let repeated = threads[..position].iter().any(|other| other.tid == thread.tid);
            ensure(!repeated && self.is_free_tid(thread.tid))?;
        }
        let process = self.insert_process(name, *pid, image, *minimal);
        for thread in threads {
            self.start_thread(process, thread)?;
        }
        Ok(())
    }

    pub(in crate::torture) fn is_free_pid(&self, pid: u32) -> bool {
        pid != SYSTEM_PID && !self.processes.iter().any(|known| known.alive && known.pid == pid)
    }

    pub(in crate::torture) fn is_free_tid(&self, tid: u32) -> bool {
        !self.threads.iter().any(|known| known.alive && known.tid == tid)
    }

    pub(super) fn start_thread(&mut self, process: usize, thread: &Thread) -> Result<(), Invalid> {
        ensure(!self.thread_names.contains_key(&thread.name) && self.is_free_tid(thread.tid))?;
        self.insert_thread(process, &thread.name, thread.tid);
        Ok(())
    }

    pub(super) fn exit_thread(&mut self, thread: usize) -> Result<(), Invalid> {
        ensure(thread != 0 && self.threads[thread].attached.is_empty())?;
        self.threads[thread].alive = false;
        Ok(())
    }

    /// A process ends that no thread is attached to, nor any of its threads to another.
    pub(super) fn exit_process(&mut self, process: usize) -> Result<(), Invalid> {
        let stays = |thread: &KnownThread| {
            thread.attached.contains(&process) || thread.process == process && !thread.attached.is_empty()
        };
        ensure(process != 0 && !self.threads.iter().any(|thread| thread.alive && stays(thread)))?;
        self.processes[process].alive = false;
        for thread in &mut self.threads {
            thread.alive &= thread.process != process;
        }
        for handle in 0..self.handles.len() {
            if self.handles[handle].open && self.handles[handle].process == process {
                self.close(handle);
            }
        }
        self.unmap_all(process);
        Ok(())
    }

    /// A driver attaches the thread to a process, whose handles it uses from now on. It stays its own process's.
    pub(super) fn attach(&mut self, thread: &str, process: &str) -> Result<(), Invalid> {
        let (thread, process) = (self.living_thread(thread)?, self.living_process(process)?);
        ensure(thread != 0 && process != 0)?;
        self.threads[thread].attached.push(process);
        Ok(())
    }

    pub(super) fn detach(&mut self, thread: &str) -> Result<(), Invalid> {
        let thread = self.living_thread(thread)?;
        self.threads[thread].attached.pop().map(|_| ()).ok_or(Invalid)
    }

    pub(super) fn living_process(&self, name: &str) -> Result<usize, Invalid> {
        let process = self.process_names.get(name).copied().ok_or(Invalid)?;
        ensure(self.processes[process].alive)?;
        Ok(process)
    }

    pub(super) fn thread(&self, name: &str) -> Result<usize, Invalid> {
        self.thread_names.get(name).copied().ok_or(Invalid)
    }

    pub(super) fn living_thread(&self, name: &str) -> Result<usize, Invalid> {
        let thread = self.thread(name)?;
        ensure(self.threads[thread].alive)?;
        Ok(thread)
    }

    pub(super) fn program(&self, process: usize) -> Program {
        let KnownProcess { pid, image, met, .. } = &self.processes[process];
        Program { pid: *pid, image: Arc::clone(image), met: *met }
    }

    /// A thread of the process opens a file, before the driver's eyes if it is loaded.
    pub(super) fn meets(&mut self, thread: usize) {
        let process = self.threads[thread].process;
        self.processes[process].met |= self.loaded;
    }

    pub(super) fn pid_of(&self, thread: usize) -> u32 {
        self.processes[self.threads[thread].process].pid
    }
}
