//! From what the Filter Manager hands over to the facts that attribution is a function of.

use audit::attribution::{Facts, Mode, Thread};
use audit::record::Actor;
use fltmgr::irql::{APC_LEVEL, assert_at_most};
use fltmgr::{CallbackData, CopyInformation};

use crate::state::State;
use crate::threads;

/// Where the data of a copy's write comes from. Only kernel-mode writes are asked: those of a copy are.
///
/// Maximum IRQL: `APC_LEVEL`. Source: "Kernel-mode file copy and detecting copy file scenarios".
#[inline]
pub(crate) fn copy_information<'cb>(state: &State, data: CallbackData<'cb>) -> Option<CopyInformation<'cb>> {
    assert_at_most(APC_LEVEL);
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
/// Maximum IRQL: `APC_LEVEL`.
pub(crate) fn without_thread(data: CallbackData<'_>, copy: bool) -> Facts {
    assert_at_most(APC_LEVEL);
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

/// The thread that runs, where it is not the one that the operation records.
///
/// Maximum IRQL: `APC_LEVEL`.
#[inline]
pub(crate) fn executor(state: &State, data: CallbackData<'_>) -> Option<Actor> {
    assert_at_most(APC_LEVEL);
    fltmgr::Thread::with_current(|current| {
        (data.thread() != Some(current)).then(|| {
            let Thread { tid, process } = state.threads.who(current);
            Actor { process: process.key, pid: process.pid, tid }
        })
    })
}
