//! The processes and threads of one kernel: who lives, and under which number.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32};

use super::process::{Process, SYSTEM_PID};
use super::thread::{Thread, ThreadKind, USUAL_PRIORITY};
use super::thread_io::ThreadIo;
use crate::abi::SharedText;
use crate::ob::{Arena, Object, Objects};
use crate::se::Token;
use crate::sim::{ProcessKind, ProcessSpec, SpecError};
use crate::util::Lock;

/// PIDs and TIDs are multiples of this, and share one number space.
const ID_STEP: u32 = 4;
/// The first number given to a process or thread without one of its own choice; low numbers are left to scenarios.
const FIRST_FREE_ID: u32 = 0x1_0000;
/// `PsGetProcessStartKey` holds the boot in its upper 16 bits and the process's ordinal within it below.
const START_KEY_BOOT_SHIFT: u32 = 48;
/// Ordinal of this boot in start keys.
const BOOT: u64 = 1;

#[derive(Default)]
struct State {
    processes: HashMap<u64, Arc<Process>>,
    threads: HashMap<u64, Arc<Thread>>,
    by_pid: HashMap<u32, Arc<Process>>,
    by_tid: HashMap<u32, Arc<Thread>>,
    last_id: u64,
    last_number: u32,
    last_start_key: u64,
    last_processor: u32,
}

impl State {
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A number that neither a process nor a thread has.
    fn free_number(&mut self) -> u32 {
        loop {
            self.last_number = self.last_number.max(FIRST_FREE_ID - ID_STEP).wrapping_add(ID_STEP);
            if !self.by_pid.contains_key(&self.last_number) && !self.by_tid.contains_key(&self.last_number) {
                return self.last_number;
            }
        }
    }
}

/// The processes and threads of one kernel.
#[derive(Default)]
pub(crate) struct ProcessTable {
    state: Lock<State>,
}

impl ProcessTable {
    /// Makes System, which is there before anything else.
    pub(crate) fn create_system(&self, arena: &Arena, objects: &Objects, time: u64) -> Arc<Process> {
        let spec = ProcessSpec::new("System").pid(SYSTEM_PID).kind(ProcessKind::Minimal).created(time);
        self.create_process(arena, objects, spec, SharedText::new("System"), time)
            .expect("nothing has a PID yet")
    }

    /// Makes a process; nobody is notified here.
    pub(crate) fn create_process(
        &self,
        arena: &Arena,
        objects: &Objects,
        spec: ProcessSpec,
        image: SharedText,
        now: u64,
    ) -> Result<Arc<Process>, SpecError> {
        let token = Arc::new(Token::new(arena.allocate(), spec.user, spec.session, spec.administrator));
        let mut state = self.state.lock();
        let pid = match spec.pid {
            Some(pid) if pid == 0 || state.by_pid.contains_key(&pid) => {
                return Err(SpecError::PidInUse(pid));
            }
            Some(pid) => pid,
            None => state.free_number(),
        };
        state.last_start_key += 1;
        let process = Arc::new(Process {
            id: state.next_id(),
            ptr: arena.allocate(),
            pid,
            parent: spec.parent.unwrap_or(if pid == SYSTEM_PID { 0 } else { SYSTEM_PID }),
            image,
            start_key: BOOT << START_KEY_BOOT_SHIFT | state.last_start_key,
            created: spec.created.unwrap_or(now),
            session: spec.session,
            kind: spec.kind,
            token: Arc::clone(&token),
            alive: AtomicBool::new(true),
            short_name: std::sync::OnceLock::new(),
        });
        state.processes.insert(process.id, Arc::clone(&process));
        state.by_pid.insert(pid, Arc::clone(&process));
        drop(state);
        objects.insert(token.ptr().address(), Object::Token(token));
        objects.insert(process.ptr.address(), Object::Process(Arc::clone(&process)));
        Ok(process)
    }

    /// Makes a thread.
    pub(crate) fn create_thread(
        &self,
        arena: &Arena,
        objects: &Objects,
        process: &Arc<Process>,
        tid: Option<u32>,
        kind: ThreadKind,
        processors: u32,
    ) -> Result<Arc<Thread>, SpecError> {
        let mut state = self.state.lock();
        let tid = match tid {
            Some(tid) if tid == 0 || state.by_tid.contains_key(&tid) => return Err(SpecError::TidInUse(tid)),
            Some(tid) => tid,
            None => state.free_number(),
        };
        let processor = state.last_processor;
        state.last_processor = (processor + 1) % processors;
        let thread = Arc::new(Thread {
            id: state.next_id(),
            ptr: objects.take_thread_address().unwrap_or_else(|| arena.allocate()),
            tid,
            process: Arc::clone(process),
            kind,
            processor,
            terminating: AtomicBool::new(false),
            ended: AtomicBool::new(false),
            critical_regions: AtomicU32::new(0),
            push_locks: AtomicU32::new(0),
            priority: AtomicI32::new(USUAL_PRIORITY),
            io: ThreadIo::default(),
        });
        state.threads.insert(thread.id, Arc::clone(&thread));
        state.by_tid.insert(tid, Arc::clone(&thread));
        drop(state);
        objects.insert(thread.ptr.address(), Object::Thread(Arc::clone(&thread)));
        Ok(thread)
    }

    /// Ends a thread: its number is free, and its object goes when no driver refers to it.
    pub(crate) fn end_thread(&self, objects: &Objects, thread: &Thread) {
        thread.end();
        self.state.lock().by_tid.remove(&thread.tid);
        objects.retire(thread.ptr.address());
    }

    /// Ends a process that has no threads any more.
    pub(crate) fn end_process(&self, objects: &Objects, process: &Process) {
        process.end();
        self.state.lock().by_pid.remove(&process.pid);
        objects.retire(process.token.ptr().address());
        objects.retire(process.ptr.address());
    }

    pub(crate) fn process(&self, id: u64) -> Option<Arc<Process>> {
        self.state.lock().processes.get(&id).cloned()
    }

    pub(crate) fn thread(&self, id: u64) -> Option<Arc<Thread>> {
        self.state.lock().threads.get(&id).cloned()
    }

    pub(crate) fn process_by_pid(&self, pid: u32) -> Option<Arc<Process>> {
        self.state.lock().by_pid.get(&pid).cloned()
    }

    pub(crate) fn thread_by_tid(&self, tid: u32) -> Option<Arc<Thread>> {
        self.state.lock().by_tid.get(&tid).cloned()
    }

    /// The living threads of a process, oldest first.
    pub(crate) fn threads_of(&self, process: &Arc<Process>) -> Vec<Arc<Thread>> {
        let state = self.state.lock();
        let mut threads: Vec<_> =
            state.by_tid.values().filter(|thread| Arc::ptr_eq(&thread.process, process)).cloned().collect();
        threads.sort_by_key(|thread| thread.id);
        threads
    }
}
