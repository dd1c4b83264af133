//! From what the Filter Manager hands over to the facts that attribution is a function of.

use audit::attribution::{Facts, Mode, ProcessKind, Thread};
use audit::executor::Executor;
use audit::record::Actor;
use audit::threads::Known;
use fltmgr::irql::{APC_LEVEL, DISPATCH_LEVEL, assert_at_most};
use fltmgr::{CallbackData, CopyInformation};

use crate::state::State;
use crate::threads;

/// The facts of a write, and what it copies if it is part of a copy.
///
/// The thread lives as long as its operation: otherwise `FltGetRequestorProcess` could not be called from a post-operation
/// callback at `DISPATCH_LEVEL`, as its page allows.
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
pub(crate) fn of_write<'cb>(state: &State, data: CallbackData<'cb>) -> (Facts, Option<CopyInformation<'cb>>) {
    assert_at_most(DISPATCH_LEVEL);
    let Some(thread) = data.thread() else {
        let copy = copy_information(state, data);
        return (without_thread(data, copy.is_some()), copy);
    };
    let who = state.threads.who(thread);
    // The kernel's own copies are nobody's.
    let by_user = who.process.kind == ProcessKind::User;
    let copy = if by_user { copy_information(state, data) } else { None };
    (of_thread(data, who), copy)
}

/// The facts of an operation of which a copy of the callback data is all there is: it may be complete any moment, so that
/// its thread can be looked up, but not asked who it is.
///
/// Maximum IRQL: any.
pub(crate) fn of_copied_data(state: &State, data: CallbackData<'_>) -> Facts {
    match data.thread().and_then(|thread| state.threads.find(thread)) {
        Some(known) => of_thread(data, known.thread()),
        None => Facts { thread: None, requestor: None, requestor_mode: mode(data), copy: false },
    }
}

/// Where the data of a copy's write comes from. Only kernel-mode writes are asked: those of a copy are.
///
/// Maximum IRQL: `DISPATCH_LEVEL`. Source: "Kernel-mode file copy and detecting copy file scenarios".
#[inline]
pub(crate) fn copy_information<'cb>(state: &State, data: CallbackData<'cb>) -> Option<CopyInformation<'cb>> {
    match data.requestor_mode() {
        fltmgr::Mode::User => None,
        fltmgr::Mode::Kernel => state.exports.copy_information?.query(data),
    }
}

/// The facts of an operation that records its thread.
///
/// Maximum IRQL: any.
#[inline]
pub(crate) fn of_thread(data: CallbackData<'_>, thread: Thread) -> Facts {
    Facts { thread: Some(thread), requestor: None, requestor_mode: mode(data), copy: false }
}

/// The facts of an operation without a thread.
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
pub(crate) fn without_thread(data: CallbackData<'_>, copy: bool) -> Facts {
    let requestor = data.requestor_process().map(threads::process);
    Facts { thread: None, requestor, requestor_mode: mode(data), copy }
}

/// Maximum IRQL: any.
#[inline]
fn mode(data: CallbackData<'_>) -> Mode {
    match data.requestor_mode() {
        fltmgr::Mode::Kernel => Mode::Kernel,
        fltmgr::Mode::User => Mode::User,
    }
}

/// Who closes a file: the thread that the operation records, else the one that runs.
///
/// Maximum IRQL: `APC_LEVEL`.
pub(crate) fn closer(state: &State, data: CallbackData<'_>) -> Actor {
    assert_at_most(APC_LEVEL);
    match data.thread() {
        Some(thread) => actor_of(state.threads.who(thread)),
        None => fltmgr::Thread::with_current(|current| actor_of(state.threads.who(current))),
    }
}

/// The thread that runs, where it is not the one that the operation records.
///
/// Maximum IRQL: `APC_LEVEL`.
pub(crate) fn other_than_asked(state: &State, data: CallbackData<'_>) -> Option<Actor> {
    assert_at_most(APC_LEVEL);
    fltmgr::Thread::with_current(|current| {
        (data.thread() != Some(current)).then(|| actor_of(state.threads.who(current)))
    })
}

/// The thread that runs, as it is handed from a pre-operation callback to the post-operation callback.
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
pub(crate) fn current_executor(state: &State) -> Executor {
    assert_at_most(DISPATCH_LEVEL);
    fltmgr::Thread::with_current(|current| {
        if let Some(place) = state.threads.place(current) {
            return Executor::Kept(place);
        }
        // Asked who it is, it may be kept from now on.
        let who = state.threads.who(current);
        let told = Executor::Told { pid: who.process.pid, tid: who.tid };
        state.threads.place(current).map_or(told, Executor::Kept)
    })
}

/// Who carried an operation out that another thread asked for, as far as that is still known.
///
/// Maximum IRQL: any.
pub(crate) fn executor(state: &State, executor: Executor) -> Option<Actor> {
    match executor {
        Executor::Originator => None,
        Executor::Kept(place) => Some(state.threads.at(place).map_or_else(Actor::default, actor)),
        Executor::Told { pid, tid } => Some(Actor { pid, tid, ..Actor::default() }),
    }
}

/// A thread as a record names it.
///
/// Maximum IRQL: any.
#[inline]
pub(crate) fn actor(known: Known) -> Actor {
    actor_of(known.thread())
}

/// The same.
///
/// Maximum IRQL: any.
#[inline]
pub(crate) fn actor_of(thread: Thread) -> Actor {
    let Thread { tid, process } = thread;
    Actor { process: process.key, pid: process.pid, tid }
}
