//! How an operation that has been put aside goes on, and what is sent in its place.

use std::sync::Arc;

use super::callbacks;
use super::passage::Passage;
use super::table::{Reason, Resumed, Resumption};
use super::travel::{Direction, Local, on_resumption, travel};
use crate::abi::Address;
use crate::fltmgr::altitude::Altitude;
use crate::fltmgr::instance::Instance;
use crate::fltmgr::model;
use crate::fltmgr::operation::Operation;
use crate::fltmgr::stack::Layer;
use crate::io::callback_data;
use crate::io::request::IoStatus;
use crate::ke::crash::Crash;
use crate::ke::scheduler::Stuck;
use crate::ke::{Cpu, Entry, Frame};
use crate::verifier::Rule;
use crate::verifier::callback;

/// The file system has completed an operation that pended there.
pub(super) fn arrived(cpu: &Cpu, data: Address, ended: IoStatus) {
    match cpu.kernel().filters.operations.resume(data, Resumption::FileSystem(ended), None) {
        Resumed::Yours(mut passage, ..) => {
            passage.end(ended);
            let _ = travel(cpu, passage, Direction::Up, &mut Local::default());
        }
        Resumed::Noted => {}
        Resumed::Wrong(why) => unreachable!("the file system completes an operation {why}"),
    }
}

/// An instance carries on an operation that it pended on the way down.
pub(super) fn resume_down(
    cpu: &Cpu,
    mut passage: Box<Passage>,
    instance: &Arc<Instance>,
    status: u32,
    context: usize,
) {
    let layer = Layer::Driver(Arc::clone(instance));
    let mut local = Local::default();
    let resumption = Resumption::Pre { status, context };
    let direction = on_resumption(cpu, &mut passage, &layer, &resumption, &mut local);
    let _ = travel(cpu, passage, direction, &mut local);
}

/// An instance carries on an operation that it pended on the way up.
pub(super) fn resume_up(cpu: &Cpu, mut passage: Box<Passage>, instance: &Arc<Instance>) {
    callbacks::post_resumed(cpu, &mut passage, &Layer::Driver(Arc::clone(instance)));
    let _ = travel(cpu, passage, Direction::Up, &mut Local::default());
}

/// Sends a copy of an operation to those below a filter, in place of the operation itself, and waits for it.
pub(in crate::fltmgr) fn reissue(
    cpu: &Cpu,
    passage: &mut Passage,
    below: Altitude,
    local: &mut Local<'_>,
) -> IoStatus {
    let operation = Operation {
        data_flags: passage.operation.data_flags | callback_data::REISSUED_IO,
        below: Some(below),
        ..Operation::clone(&passage.operation)
    };
    let parameters = passage.known.iopb.parameters;
    let target = local.take_target(passage);
    super::dispatch(cpu, operation, parameters, target)
}

/// A model filter carries on an operation that it pended.
pub(in crate::fltmgr) fn resume_model(cpu: &Cpu, data: Address, ended: Option<IoStatus>) {
    let Resumed::Yours(mut passage, ..) =
        cpu.kernel().filters.operations.resume(data, Resumption::Model, None)
    else {
        return;
    };
    let direction = match ended {
        Some(ended) => {
            passage.end(ended);
            Direction::Up
        }
        None if passage.is_on_its_way_down() => Direction::Down,
        None => Direction::Up,
    };
    let _ = travel(cpu, passage, direction, &mut Local::default());
}

/// Everything waits. What model filters hold up goes on now. If a driver has pended an operation that nobody completes, that is a broken rule, and the operation
/// goes on as if the driver had let it pass; else the simulation ends.
pub(crate) fn rescue(cpu: &Cpu, stuck: Stuck) {
    if model::release_held(cpu) {
        return;
    }
    let operations = &cpu.kernel().filters.operations;
    match operations.take(|_, reason| matches!(reason, Reason::Pre(_) | Reason::Post(_))) {
        Some((passage, Reason::Pre(instance))) => {
            let entry = Entry::Pre(passage.operation.major);
            complain(cpu, &passage, &instance, entry);
            resume_down(cpu, passage, &instance, callback::PREOP_SUCCESS_NO_CALLBACK, 0);
        }
        Some((passage, Reason::Post(instance))) => {
            let entry = Entry::Post(passage.operation.major);
            complain(cpu, &passage, &instance, entry);
            resume_up(cpu, passage, &instance);
        }
        _ => cpu.crash(Crash::Deadlock(stuck.0)),
    }
}

fn complain(cpu: &Cpu, passage: &Passage, instance: &Instance, entry: Entry) {
    let frame = Frame {
        driver: Arc::clone(instance.filter().driver()),
        entry,
        operation: Some(Arc::clone(&passage.operation)),
    };
    cpu.violation_in(&frame, Rule::Pending, "pends an operation that nobody completes");
}
