//! What changes a file, or whether there is one, without a write.
//!
//! Before the operation it is settled who asks for what of which file; when it has succeeded that is recorded. Callbacks
//! after these operations run in the thread of those before, at `PASSIVE_LEVEL`, so that names can be asked for.

mod cleanup;
pub(crate) mod created;
pub(crate) mod deletions;
mod fs_control;
mod set_information;
pub(crate) mod tokens;

pub(crate) use self::cleanup::Cleanup;
pub(crate) use self::fs_control::FsControl;
pub(crate) use self::set_information::SetInformation;

use audit::attribution::{Originator, attribute};
use audit::key::FileKey;
use audit::ledger::LossReason;
use audit::parameters::Audit;
use audit::record::{Change, Operation, WriteFlags};
use audit::ring::LossStage;
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolBox;
use fltmgr::{CallbackData, Mode};

use crate::facts;
use crate::memory::TAG;
use crate::push::Push;
use crate::state::{self, State};

/// The state, if changes are recorded.
///
/// Maximum IRQL: any.
fn recording() -> Option<&'static State> {
    state::recording().filter(|state| state.parameters.audits(Audit::CHANGES))
}

/// What an operation will have been, if it succeeds; `None` if that is not to be recorded: it is the kernel's own, or left
/// out on purpose, which is counted.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
fn begin(state: &State, data: CallbackData<'_>, operation: Operation) -> Option<Change> {
    assert_at_most(PASSIVE_LEVEL);
    let attribution = attribute(&match data.thread() {
        Some(thread) => {
            let who = state.threads.who(thread);
            if state.processes.meet(&state.exclusions, who.process, thread) {
                state.threads.forget_all();
            }
            facts::of_thread(data, who)
        }
        None => facts::without_thread(data, false),
    });
    if !attribution.is_recorded() {
        return None;
    }
    if let Originator::User { process, .. } = attribution.originator
        && state.exclusions.leave_out(process.key)
    {
        return None;
    }
    let of = |holds: bool, flag: WriteFlags| if holds { flag } else { WriteFlags::empty() };
    Some(Change {
        flags: of(data.requestor_mode() == Mode::User, WriteFlags::USER_MODE)
            | of(data.is_generated(), WriteFlags::GENERATED)
            | of(data.is_reissued(), WriteFlags::REISSUED),
        executor: facts::other_than_asked(state, data),
        ..Change::new(operation, &attribution, FileKey::UNKNOWN)
    })
}

/// Keeps what is carried from before an operation until after it. Where there is no memory for it the record counts as lost.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
fn carry<T>(state: &State, value: T) -> Option<PoolBox<T>> {
    let carried = PoolBox::try_new(value, TAG).ok();
    if carried.is_none() {
        state.ring.record_loss(LossReason::NoMemory, 1, LossStage::BeforePush);
    }
    carried
}

/// Records what has happened.
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
fn record(state: &State, change: &Change) {
    let push = Push::begin();
    let event = Change { time: push.time(), ..*change }.encode();
    push.end(state, &event);
}
