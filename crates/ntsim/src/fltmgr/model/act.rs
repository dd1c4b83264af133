//! What a model filter does with an operation that passes it.

use super::ModelInstance;
use crate::abi::Address;
use crate::ex::work;
use crate::fltmgr::dispatch::{
    Begin, Completed, Local, Passage, Reason, Verdict, observe, reissue, resume_model,
};
use crate::fltmgr::operation::Kind;
use crate::io::request::IoStatus;
use crate::io::{callback_data, own};
use crate::ke::{Cpu, Irql};
use crate::sim::{Act, Major, Phase};
use crate::status::NtStatus;

/// On the way down.
pub(in crate::fltmgr) fn pre(
    cpu: &Cpu,
    passage: &mut Passage,
    instance: &ModelInstance,
    local: &mut Local<'_>,
) -> Verdict {
    let pass = if instance.watches() {
        observe(cpu, passage, instance.name(), Phase::Pre);
        Verdict::Owe { context: 0, synchronize: false }
    } else {
        Verdict::Pass
    };
    let Some(act) = instance.act(passage.operation()) else { return pass };
    let is_irp = passage.operation().kind == Kind::Irp;
    let disallow = Verdict::End(IoStatus::plain(NtStatus::FLT_DISALLOW_FAST_IO));
    match act {
        Act::Repost | Act::Hold | Act::PendAndComplete(_) | Act::Reissue
            if passage.operation().kind == Kind::FastIo =>
        {
            disallow
        }
        Act::Repost if is_irp => pend(passage, None),
        Act::Hold if is_irp => hold(passage),
        Act::PendAndComplete(status) if is_irp => pend(passage, Some(IoStatus::plain(*status))),
        Act::Complete(status) => Verdict::End(IoStatus::plain(*status)),
        Act::Reissue if is_irp => Verdict::End(reissue(cpu, passage, instance.altitude(), local)),
        Act::Write { offset, length } => {
            let flags = callback_data::GENERATED_IO;
            let below = Some(instance.altitude());
            let file = &passage.operation().file;
            own::OwnTransfer::new(Major::Write, file, *offset, *length, below, flags).send(cpu);
            pass
        }
        Act::CompleteAtDispatch if is_irp => Verdict::Owe { context: 0, synchronize: false },
        _ => pass,
    }
}

/// Has a System worker carry the operation on.
fn pend(passage: &Passage, ended: Option<IoStatus>) -> Verdict {
    let data = passage.key();
    let begin: Begin = Box::new(move |cpu: &Cpu| {
        work::queue(cpu, work::Queue::Delayed, move |cpu| resume_model(cpu, data, ended));
    });
    Verdict::Pend(Reason::Model, Some(begin))
}

/// Holds the operation up.
fn hold(passage: &Passage) -> Verdict {
    let data = passage.key();
    let begin: Begin = Box::new(move |cpu: &Cpu| cpu.kernel().filters.held.lock().push(data));
    Verdict::Pend(Reason::Model, Some(begin))
}

/// Has System workers carry on what is held up. Returns whether anything was.
pub(crate) fn release_held(cpu: &Cpu) -> bool {
    let held = std::mem::take(&mut *cpu.kernel().filters.held.lock());
    for data in &held {
        let data = *data;
        work::queue(cpu, work::Queue::Delayed, move |cpu| resume_model(cpu, data, None));
    }
    !held.is_empty()
}

/// Completes an operation that is held up and has been cancelled. Returns whether it was.
pub(in crate::fltmgr) fn cancel_held(cpu: &Cpu, data: Address) -> bool {
    let was_held = {
        let mut held = cpu.kernel().filters.held.lock();
        let before = held.len();
        held.retain(|other| *other != data);
        held.len() < before
    };
    if was_held {
        let ended = Some(IoStatus::plain(NtStatus::CANCELLED));
        cpu.at_irql(Irql::DISPATCH, || resume_model(cpu, data, ended));
    }
    was_held
}

/// On the way up, after an act that asked for it.
pub(in crate::fltmgr) fn post(cpu: &Cpu, passage: &Passage, instance: &ModelInstance) -> Completed {
    if instance.watches() {
        observe(cpu, passage, instance.name(), Phase::Post);
        return Completed::Pass;
    }
    let data: Address = passage.key();
    let begin: Begin = Box::new(move |cpu: &Cpu| {
        work::queue_dpc(cpu, move |cpu| resume_model(cpu, data, None));
    });
    Completed::Pend(Reason::Model, Some(begin))
}
