//! Requests whose sender does not wait for them.
//!
//! Until it is complete, such a request keeps its file objects and its thread, and with that the process: both may have
//! ended by then. A thread that ends waits for the requests queued to it; those of a completion port are queued to the
//! file object and outlive it (ntifs, `IoGetRequestorProcess`: "IRPs queued to file objects").

use std::collections::BTreeMap;
use std::sync::Arc;

use super::file::File;
use super::request::IoStatus;
use super::{cancel, close};
use crate::abi::{Address, Ptr};
use crate::ex::work::{self, Queue};
use crate::fltmgr;
use crate::ke::{Cpu, Irql};
use crate::ob::SYSTEM;
use crate::ps::Thread;
use crate::status::NtStatus;
use crate::util::Lock;

/// A request in flight.
pub(super) struct Request {
    thread: Arc<Thread>,
    files: Vec<Arc<File>>,
    /// Whether the end of the thread waits for it.
    queued_to_thread: bool,
    ended: Lock<Option<IoStatus>>,
}

#[derive(Default)]
struct State {
    last: u64,
    requests: BTreeMap<u64, Arc<Request>>,
}

/// The requests of one kernel whose results have not been fetched.
#[derive(Default)]
pub(crate) struct InFlight {
    state: Lock<State>,
}

/// What a thread's request is about, for as long as it lives.
fn objects_of(thread: &Thread) -> [Ptr; 3] {
    let process = thread.process();
    [thread.ptr(), process.ptr(), process.token().ptr()]
}

impl Request {
    /// The current thread makes a request.
    pub(super) fn begin(cpu: &Cpu, files: &[&Arc<File>], queued_to_thread: bool) -> Arc<Self> {
        let thread = cpu.thread();
        for file in files {
            file.hold();
        }
        for object in objects_of(&thread) {
            cpu.kernel().objects.reference(object, SYSTEM);
        }
        let files = files.iter().map(|file| Arc::clone(file)).collect();
        Arc::new(Self { thread, files, queued_to_thread, ended: Lock::default() })
    }

    pub(super) fn thread(&self) -> &Arc<Thread> {
        &self.thread
    }

    fn key(self: &Arc<Self>) -> Address {
        Arc::as_ptr(self).addr()
    }

    /// The request is complete.
    pub(super) fn complete(self: &Arc<Self>, cpu: &Cpu, ended: IoStatus) {
        *self.ended.lock() = Some(ended);
        for object in objects_of(&self.thread) {
            cpu.kernel().objects.dereference(object, SYSTEM);
        }
        let files = self.files.clone();
        let release = move |cpu: &Cpu| files.iter().for_each(|file| close::release(cpu, file));
        if cpu.irql() > Irql::PASSIVE {
            // Closing needs PASSIVE_LEVEL (wdm, `ObDereferenceObjectDeferDelete`).
            work::queue(cpu, Queue::Delayed, release);
        } else {
            release(cpu);
        }
        cpu.kernel().scheduler.signal(self.key());
    }

    pub(super) fn ended(&self) -> Option<IoStatus> {
        *self.ended.lock()
    }

    /// Waits until it is complete.
    pub(super) fn wait(self: &Arc<Self>, cpu: &Cpu) -> IoStatus {
        loop {
            let is_complete = || self.ended().is_some();
            match cpu.kernel().scheduler.wait_unless_stuck(cpu, self.key(), is_complete) {
                Ok(()) => return self.ended().expect("the wait ends when the request is complete"),
                // Some filter has it and lets it go when nothing else happens, or never.
                Err(stuck) => fltmgr::rescue(cpu, stuck),
            }
        }
    }
}

impl InFlight {
    /// Notes a request whose result will be fetched.
    pub(super) fn add(&self, request: Arc<Request>) -> u64 {
        let mut state = self.state.lock();
        state.last += 1;
        let id = state.last;
        state.requests.insert(id, request);
        id
    }

    /// The result of a request, once it is complete; it can be fetched once.
    pub(crate) fn take_result(&self, id: u64) -> Option<Result<u32, NtStatus>> {
        let mut state = self.state.lock();
        let ended = state.requests.get(&id)?.ended()?;
        state.requests.remove(&id);
        Some(ended.bytes())
    }

    /// Whether the end of its thread waits for a request.
    pub(super) fn is_queued_to_thread(&self, id: u64) -> bool {
        self.state.lock().requests.get(&id).is_some_and(|request| request.queued_to_thread)
    }

    /// The requests that the end of a thread waits for.
    fn queued_to(&self, thread: &Arc<Thread>) -> Vec<Arc<Request>> {
        let state = self.state.lock();
        let queued = state.requests.values().filter(|request| {
            request.queued_to_thread && Arc::ptr_eq(&request.thread, thread) && request.ended().is_none()
        });
        queued.cloned().collect()
    }
}

/// A thread ends: the requests that are queued to it are cancelled, and it waits for them (wdm, "Canceling IRPs": when a
/// thread ends, the I/O manager cancels what it has outstanding).
pub(crate) fn thread_ends(cpu: &Cpu, thread: &Arc<Thread>) {
    cancel::thread_ends(cpu, thread);
    for request in cpu.kernel().in_flight.queued_to(thread) {
        request.wait(cpu);
    }
}
