//! Routines by which a driver carries on what it pended.

use std::sync::Arc;

use super::resume;
use super::table::{Reason, Resumed, Resumption};
use crate::abi::{CallbackData, Ptr, RelatedObjects};
use crate::ex::work;
use crate::fltmgr::cancel;
use crate::fltmgr::instance::Instance;
use crate::fltmgr::operation::Kind;
use crate::io::irp;
use crate::ke::{Cpu, Entry, Frame, Irql};
use crate::verifier::Rule;
use crate::verifier::callback::{
    POSTOP_FINISHED_PROCESSING, POSTOP_MORE_PROCESSING_REQUIRED, PREOP_COMPLETE,
};

/// `FltCompletePendedPreOperation`.
pub(crate) fn complete_pended_pre_operation(cpu: &Cpu, data: Ptr<CallbackData>, status: u32, context: usize) {
    let outer = cpu.irql();
    // At DISPATCH_LEVEL an operation can only be ended (the routine's page).
    if status != PREOP_COMPLETE && outer > Irql::APC {
        cpu.violation(Rule::IrqlTooHigh, format!("sends a pended operation on at {outer}"));
        cpu.set_irql(Irql::APC);
    }
    if let Some((passage, Reason::Pre(instance))) = resume(cpu, data, Resumption::Pre { status, context }) {
        resume::resume_down(cpu, passage, &instance, status, context);
    }
    cpu.set_irql(outer);
}

/// `FltCompletePendedPostOperation`.
pub(crate) fn complete_pended_post_operation(cpu: &Cpu, data: Ptr<CallbackData>) {
    if let Some((passage, Reason::Post(instance))) = resume(cpu, data, Resumption::Post) {
        resume::resume_up(cpu, passage, &instance);
    }
}

/// Takes an operation that the driver has pended, complaining if it has not.
fn resume(
    cpu: &Cpu,
    data: Ptr<CallbackData>,
    resumption: Resumption,
) -> Option<(Box<super::Passage>, Reason)> {
    match cpu.kernel().filters.operations.resume(data.address(), resumption, cpu.frame()) {
        Resumed::Yours(passage, reason) => {
            check_owner(cpu, &reason);
            cancel::check_resumed(cpu, data.address(), &reason);
            Some((passage, reason))
        }
        Resumed::Noted => None,
        Resumed::Wrong(why) => {
            cpu.violation(Rule::Pending, format!("completes {data:?}, {why}"));
            None
        }
    }
}

fn check_owner(cpu: &Cpu, reason: &Reason) {
    let (Reason::Pre(instance) | Reason::Post(instance)) = reason else { return };
    let is_its = |driver| Arc::ptr_eq(&driver, instance.filter().driver());
    if !cpu.driver().is_some_and(is_its) {
        cpu.violation(Rule::Pending, "completes what another driver has pended");
    }
}

/// `FltDoCompletionProcessingWhenSafe`. Returns whether the callback has been called, or will be.
pub(crate) fn do_completion_processing_when_safe(
    cpu: &Cpu,
    data: Ptr<CallbackData>,
    objects: Ptr<RelatedObjects>,
    context: usize,
    flags: u32,
    safe: Ptr,
    status: Ptr<u32>,
) -> u8 {
    status.write(POSTOP_FINISHED_PROCESSING);
    let Some(operation) = cpu.kernel().filters.operation(cpu, data.cast()) else { return 0 };
    let Some(frame) = cpu.frame() else { return 0 };
    match frame.entry {
        Entry::Post(_) => {}
        Entry::Draining(_) => {
            cpu.violation(Rule::Draining, "puts off what it does for an operation that is drained");
            return 0;
        }
        _ => {
            cpu.violation(Rule::InvalidParameter, "is called outside a post-operation callback");
            return 0;
        }
    }
    if operation.kind != Kind::Irp {
        cpu.violation(Rule::InvalidParameter, "puts off what it does for an operation that is no IRP");
        return 0;
    }
    if cpu.irql() <= Irql::APC {
        status.write(call_safe(cpu, frame, safe, data, objects, context, flags));
        return 1;
    }
    if operation.irp_flags & irp::PAGING_IO != 0 {
        // The completion of paging I/O is never left to a worker (the routine's page).
        return 0;
    }
    status.write(POSTOP_MORE_PROCESSING_REQUIRED);
    work::queue(cpu, work::Queue::Critical, move |cpu| {
        let answer = call_safe(cpu, frame, safe, data, objects, context, flags);
        if answer != POSTOP_MORE_PROCESSING_REQUIRED {
            complete_when_done(cpu, data);
        }
    });
    1
}

fn call_safe(
    cpu: &Cpu,
    frame: Frame,
    safe: Ptr,
    data: Ptr<CallbackData>,
    objects: Ptr<RelatedObjects>,
    context: usize,
    flags: u32,
) -> u32 {
    let arguments = [data.address(), objects.address(), context, flags as usize];
    let result = cpu.call_driver(frame, safe, &arguments);
    u32::try_from(result & 0xFFFF_FFFF).expect("masked to 32 bits")
}

fn complete_when_done(cpu: &Cpu, data: Ptr<CallbackData>) {
    match cpu.kernel().filters.operations.resume(data.address(), Resumption::Post, None) {
        Resumed::Yours(passage, Reason::Post(instance)) => resume_post(cpu, passage, &instance),
        Resumed::Yours(..) | Resumed::Noted | Resumed::Wrong(_) => {}
    }
}

fn resume_post(cpu: &Cpu, passage: Box<super::Passage>, instance: &Arc<Instance>) {
    resume::resume_up(cpu, passage, instance);
}
