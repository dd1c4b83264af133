//! Sending an operation through the filters of a volume and down to the file system.
//!
//! An operation that some filter wants to see is a [`passage::Passage`]: it goes down the stack, reaches the file system, and
//! goes up again ([`travel`]). Where it pends it is put aside ([`table`]), and whoever ends the wait carries it on, in the
//! thread and at the IRQL that he has.

mod answer;
mod callbacks;
mod drain;
mod meeting;
mod observe;
mod passage;
mod pended;
mod redirect;
mod resume;
mod table;
mod travel;

use std::sync::Arc;

pub(crate) use self::answer::{Answer, Arrival, Pended, Submitted};
use self::answer::{Waiter, Waits};
pub(super) use self::callbacks::{Begin, Completed, Verdict};
pub(super) use self::drain::drain;
pub(super) use self::observe::observe;
pub(super) use self::passage::Passage;
use self::passage::Sender;
pub(crate) use self::pended::{
    complete_pended_post_operation, complete_pended_pre_operation, do_completion_processing_when_safe,
};
pub(crate) use self::resume::rescue;
pub(super) use self::resume::{reissue, resume_model};
pub(crate) use self::table::Operations;
pub(super) use self::table::Reason;
pub(super) use self::travel::Local;
use self::travel::Step;
use super::operation::Operation;
use super::registration::OperationEntry;
use super::stack::Layer;
use crate::abi::Parameters;
use crate::io::request::IoStatus;
use crate::io::{file_object, irp};
use crate::ke::Cpu;
use crate::sim::Major;

/// `FLTFL_OPERATION_REGISTRATION_*`
const SKIP_PAGING_IO: u32 = 0x1;
const SKIP_CACHED_IO: u32 = 0x2;
const SKIP_NON_DASD_IO: u32 = 0x4;
const SKIP_NON_CACHED_NON_PAGING_IO: u32 = 0x8;

/// Sends an operation through the filters of its volume, and waits until it is complete.
pub(crate) fn dispatch(
    cpu: &Cpu,
    operation: Operation,
    parameters: Parameters,
    target: impl FnOnce(&Cpu, &Arrival<'_>) -> Answer + Send + 'static,
) -> IoStatus {
    let Some((layers, first)) = interested(&operation) else {
        return match arrive_alone(cpu, &operation, parameters, target) {
            Answer::Complete(ended) => ended,
            Answer::Pend(begin) => {
                let waiter = Arc::new(Waiter::default());
                let of_completion = Arc::clone(&waiter);
                let completion = Box::new(move |cpu: &Cpu, ended| of_completion.complete(cpu, ended));
                begin(cpu, Pended(Waits::Alone(completion)));
                waiter.wait(cpu)
            }
        };
    };
    let mut target = Some(target);
    let passage = Passage::new(operation, parameters, layers, first, Sender::Here);
    let mut local = Local::of_sender(&mut target);
    match travel::begin(cpu, passage, &mut local) {
        Step::Finished(ended) => ended,
        Step::Gone => local.waiter.expect("an operation that is gone is waited for").wait(cpu),
    }
}

/// Sends an operation whose sender need not wait. `completion` is called last, and exactly once, in whatever thread and
/// at whatever IRQL the operation is completed.
pub(crate) fn submit(
    cpu: &Cpu,
    operation: Operation,
    parameters: Parameters,
    target: impl FnOnce(&Cpu, &Arrival<'_>) -> Answer + Send + 'static,
    completion: impl FnOnce(&Cpu, IoStatus) + Send + 'static,
) -> Submitted {
    let Some((layers, first)) = interested(&operation) else {
        return match arrive_alone(cpu, &operation, parameters, target) {
            Answer::Complete(ended) => {
                completion(cpu, ended);
                Submitted::Completed(ended)
            }
            Answer::Pend(begin) => {
                begin(cpu, Pended(Waits::Alone(Box::new(completion))));
                Submitted::Pending
            }
        };
    };
    let mut target = Some(target);
    let sender = Sender::Completion(Box::new(completion));
    let passage = Passage::new(operation, parameters, layers, first, sender);
    match travel::begin(cpu, passage, &mut Local::of_sender(&mut target)) {
        Step::Finished(ended) => Submitted::Completed(ended),
        Step::Gone => Submitted::Pending,
    }
}

/// An operation that no filter wants to see reaches the file system.
fn arrive_alone(
    cpu: &Cpu,
    operation: &Operation,
    parameters: Parameters,
    target: impl FnOnce(&Cpu, &Arrival<'_>) -> Answer,
) -> Answer {
    let arrival = Arrival {
        parameters,
        irp_flags: operation.irp_flags,
        operation_flags: operation.operation_flags,
        changed_irp_flags: 0,
        changed_operation_flags: 0,
        file: &operation.file,
        process: operation.process(),
        operation,
    };
    target(cpu, &arrival)
}

/// The filters of the volume, and the position of the first that wants to see the operation.
fn interested(operation: &Operation) -> Option<(Arc<[Layer]>, usize)> {
    let layers = operation.file.volume().filters.of(operation.major)?;
    let below = operation.below.or_else(|| operation.file.below());
    let top = below.map_or(0, |altitude| layers.partition_point(|layer| layer.altitude() >= altitude));
    let first = layers[top..].iter().position(|layer| wants(layer, operation))?;
    Some((layers, top + first))
}

/// Whether a filter wants to see an operation.
fn wants(layer: &Layer, operation: &Operation) -> bool {
    match layer {
        Layer::Driver(instance) => {
            instance.filter().operation(operation.major).is_some_and(|entry| !skips(&entry, operation))
        }
        Layer::Model(instance) => instance.is_interested(operation.major as u8),
    }
}

/// Whether a filter registered not to see such an operation.
fn skips(entry: &OperationEntry, operation: &Operation) -> bool {
    if !matches!(operation.major, Major::Read | Major::Write) {
        return false;
    }
    let paging = operation.irp_flags & irp::PAGING_IO != 0;
    let non_cached = operation.irp_flags & irp::NOCACHE != 0;
    let set = |flag: u32| entry.flags & flag != 0;
    set(SKIP_PAGING_IO) && paging
        || set(SKIP_CACHED_IO) && !non_cached
        || set(SKIP_NON_CACHED_NON_PAGING_IO) && non_cached && !paging
        || set(SKIP_NON_DASD_IO) && !operation.file.has(file_object::VOLUME_OPEN)
}
