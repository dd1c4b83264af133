//! Getting operations past an instance that is torn down.

use std::sync::Arc;

use super::callbacks;
use super::resume;
use super::table::{Reason, Resumption, is_owed};
use super::travel::{self, Direction, Local};
use crate::fltmgr::instance::Instance;
use crate::fltmgr::stack::Layer;
use crate::ke::Cpu;

/// Waits until no operation is in the instance any more. Of those that pend below it, the post-operation callbacks
/// come now, with `FLTFL_POST_OPERATION_DRAINING`; the others run on, and those that it has pended itself it must
/// complete.
pub(in crate::fltmgr) fn drain(cpu: &Cpu, instance: &Arc<Instance>) {
    instance.users.begin_to_end();
    loop {
        drain_pending(cpu, instance);
        match instance.users.wait_unless_stuck(cpu) {
            Ok(()) => return,
            Err(stuck) => resume::rescue(cpu, stuck),
        }
    }
}

fn drain_pending(cpu: &Cpu, instance: &Arc<Instance>) {
    let operations = &cpu.kernel().filters.operations;
    let waits_below = |reason: &Reason| match reason {
        Reason::Pre(other) | Reason::Post(other) => !Arc::ptr_eq(other, instance),
        Reason::FileSystem | Reason::Model => true,
    };
    while let Some((mut passage, reason)) =
        operations.take(|passage, reason| waits_below(reason) && is_owed(passage, instance))
    {
        for index in 0..passage.owed.len() {
            let owed = &mut passage.owed[index];
            let is_its = matches!(&owed.layer, Layer::Driver(other) if Arc::ptr_eq(other, instance));
            if is_its && !owed.drained {
                owed.drained = true;
                let context = owed.context;
                callbacks::drain(cpu, &mut passage, instance, context);
            }
        }
        // What it waited for may have happened in between.
        if let Err((passage, resumption)) = operations.pend(cpu, passage, reason.clone()) {
            carry_on(cpu, passage, &reason, &resumption);
        }
    }
}

fn carry_on(cpu: &Cpu, mut passage: Box<super::Passage>, reason: &Reason, resumption: &Resumption) {
    match (reason, resumption) {
        (Reason::Pre(other), Resumption::Pre { status, context }) => {
            resume::resume_down(cpu, passage, other, *status, *context);
        }
        (Reason::Post(other), _) => resume::resume_up(cpu, passage, other),
        (_, Resumption::FileSystem(ended)) => {
            passage.end(*ended);
            let _ = travel::travel(cpu, passage, Direction::Up, &mut Local::default());
        }
        _ => {
            let direction = if passage.is_on_its_way_down() { Direction::Down } else { Direction::Up };
            let _ = travel::travel(cpu, passage, direction, &mut Local::default());
        }
    }
}
