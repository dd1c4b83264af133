//! How an operation travels: down through the filters, to the file system, and up again.

use std::sync::Arc;

use super::answer::{Answer, Arrival, Pended, Target, Waiter, Waits};
use super::callbacks::{self, Completed, Verdict};
use super::meeting::Meeting;
use super::passage::{Owed, Passage, Sender};
use super::table::{Reason, Resumption};
use super::{resume, wants};
use crate::fltmgr::model;
use crate::fltmgr::operation::Kind;
use crate::fltmgr::stack::Layer;
use crate::io::request::IoStatus;
use crate::ke::Cpu;
use crate::sim::Major;

/// What has become of an operation in a thread.
pub(super) enum Step {
    /// It is complete, and its sender has been told.
    Finished(IoStatus),
    /// Somebody else has it now, or nobody.
    Gone,
}

#[derive(Clone, Copy)]
pub(super) enum Direction {
    Down,
    Up,
}

/// The file system's part, where the sender has it.
pub(in crate::fltmgr) trait Source {
    fn answer(&mut self, cpu: &Cpu, arrival: &Arrival<'_>) -> Answer;
    /// Takes it along, for an operation that leaves its sender's thread.
    fn take_along(&mut self) -> Target;
}

impl<T: FnOnce(&Cpu, &Arrival<'_>) -> Answer + Send + 'static> Source for Option<T> {
    fn answer(&mut self, cpu: &Cpu, arrival: &Arrival<'_>) -> Answer {
        self.take().expect("an operation reaches the file system once")(cpu, arrival)
    }

    fn take_along(&mut self) -> Target {
        Box::new(self.take().expect("an operation leaves its sender once"))
    }
}

/// What a thread knows of an operation that it carries on.
#[derive(Default)]
pub(in crate::fltmgr) struct Local<'a> {
    /// The file system's part, in the sender's thread.
    target: Option<&'a mut dyn Source>,
    /// Where the thread gets the operation back whose completion must come in it.
    meeting: Option<Arc<Meeting>>,
    /// Where the sender waits, once the operation has left its thread.
    pub(super) waiter: Option<Arc<Waiter>>,
}

impl<'a> Local<'a> {
    pub(super) fn of_sender(target: &'a mut dyn Source) -> Self {
        Self { target: Some(target), ..Self::default() }
    }

    /// The file system's part of an operation that does not get there itself.
    pub(super) fn take_target(&mut self, passage: &mut Passage) -> Target {
        match (passage.target.take(), self.target.take()) {
            (Some(target), _) => target,
            (None, Some(target)) => target.take_along(),
            (None, None) => {
                unreachable!("an operation that leaves its sender takes the file system's part along")
            }
        }
    }

    fn is_here(&self, meeting: &Arc<Meeting>) -> bool {
        self.meeting.as_ref().is_some_and(|own| Arc::ptr_eq(own, meeting))
    }
}

/// Sends an operation on its way.
pub(super) fn begin(cpu: &Cpu, passage: Passage, local: &mut Local<'_>) -> Step {
    cpu.kernel().filters.operations.begin(&passage);
    travel(cpu, Box::new(passage), Direction::Down, local)
}

/// Carries an operation on, as far as it goes in this thread.
pub(super) fn travel(cpu: &Cpu, passage: Box<Passage>, direction: Direction, local: &mut Local<'_>) -> Step {
    let mut step = match direction {
        Direction::Down => down(cpu, passage, local),
        Direction::Up => up(cpu, passage, local),
    };
    loop {
        let meeting = local.meeting.clone().filter(|meeting| meeting.is_expected());
        let (Step::Gone, Some(meeting)) = (&step, meeting) else { return step };
        match meeting.take(cpu) {
            Ok(passage) => step = up(cpu, passage, local),
            Err(stuck) => resume::rescue(cpu, stuck),
        }
    }
}

fn down(cpu: &Cpu, mut passage: Box<Passage>, local: &mut Local<'_>) -> Step {
    while let Some(layer) = passage.layers.get(passage.next).cloned() {
        passage.next += 1;
        if !wants(&layer, &passage.operation) {
            continue;
        }
        let verdict = match &layer {
            Layer::Driver(instance) => callbacks::pre(cpu, &mut passage, instance),
            Layer::Model(instance) => model::pre(cpu, &mut passage, instance, local),
        };
        match verdict {
            Verdict::Pass => {}
            Verdict::Owe { context, synchronize } => owe(&mut passage, layer, context, synchronize, local),
            Verdict::End(ended) => {
                passage.end(ended);
                return up(cpu, passage, local);
            }
            Verdict::Pend(reason, begin) => match pend(cpu, passage, reason, local, begin) {
                Ok(()) => return Step::Gone,
                Err((again, resumption)) => {
                    passage = again;
                    match on_resumption(cpu, &mut passage, &layer, &resumption, local) {
                        Direction::Down => {}
                        Direction::Up => return up(cpu, passage, local),
                    }
                }
            },
        }
    }
    arrive(cpu, passage, local)
}

/// A layer is owed its post-operation callback.
fn owe(passage: &mut Passage, layer: Layer, context: usize, synchronize: bool, local: &mut Local<'_>) {
    let is_irp = passage.operation.kind == Kind::Irp;
    // The completion of a create always comes in the thread that sent it ("Writing postoperation callback routines").
    let meeting = (is_irp && (synchronize || passage.operation.major == Major::Create)).then(|| {
        let meeting = Arc::clone(local.meeting.get_or_insert_with(Arc::default));
        meeting.expect();
        meeting
    });
    passage.owed.push(Owed { layer, context, meeting, drained: false });
}

/// The operation reaches the file system.
fn arrive(cpu: &Cpu, mut passage: Box<Passage>, local: &mut Local<'_>) -> Step {
    let answer = match (passage.target.take(), local.target.take()) {
        (Some(target), _) => target(cpu, &passage.arrival()),
        (None, Some(target)) => target.answer(cpu, &passage.arrival()),
        (None, None) => {
            unreachable!("an operation that leaves its sender takes the file system's part along")
        }
    };
    match answer {
        Answer::Complete(ended) => {
            passage.end(ended);
            up(cpu, passage, local)
        }
        Answer::Pend(begin) => {
            let token = Pended(Waits::Listed(passage.key()));
            let begin: callbacks::Begin = Box::new(move |cpu: &Cpu| begin(cpu, token));
            match pend(cpu, passage, Reason::FileSystem, local, Some(begin)) {
                Ok(()) => Step::Gone,
                Err(_) => unreachable!("nobody could complete it before"),
            }
        }
    }
}

/// Puts the operation aside; `begin` then takes care that it is resumed. Gives it back if it has been already.
fn pend(
    cpu: &Cpu,
    mut passage: Box<Passage>,
    reason: Reason,
    local: &mut Local<'_>,
    begin: Option<callbacks::Begin>,
) -> Result<(), (Box<Passage>, Resumption)> {
    leave_sender(&mut passage, local);
    cpu.kernel().filters.operations.pend(cpu, passage, reason)?;
    if let Some(begin) = begin {
        begin(cpu);
    }
    Ok(())
}

/// The operation may go on in another thread.
fn leave_sender(passage: &mut Passage, local: &mut Local<'_>) {
    if let Some(target) = local.target.take().filter(|_| passage.is_on_its_way_down()) {
        passage.target = Some(target.take_along());
    }
    if matches!(passage.sender, Sender::Here) {
        let waiter = Arc::new(Waiter::default());
        local.waiter = Some(Arc::clone(&waiter));
        passage.sender = Sender::Waiter(waiter);
    }
}

/// The operation goes up: the callbacks that are owed come, the lowest first.
fn up(cpu: &Cpu, mut passage: Box<Passage>, local: &mut Local<'_>) -> Step {
    while let Some(owed) = passage.owed.pop() {
        if let Some(meeting) = owed.meeting.clone() {
            if !local.is_here(&meeting) {
                passage.owed.push(owed);
                meeting.give(cpu, passage);
                return Step::Gone;
            }
            meeting.settle();
        }
        if owed.drained {
            continue;
        }
        let owed_before = passage.owed.len();
        passage.restore(owed_before);
        let completed = match &owed.layer {
            Layer::Driver(instance) => callbacks::post(cpu, &mut passage, instance, owed.context),
            Layer::Model(instance) => model::post(cpu, &passage, instance),
        };
        let Completed::Pend(reason, begin) = completed else { continue };
        match pend(cpu, passage, reason, local, begin) {
            Ok(()) => return Step::Gone,
            Err((again, _)) => {
                passage = again;
                callbacks::post_resumed(cpu, &mut passage, &owed.layer);
            }
        }
    }
    finish(cpu, passage)
}

/// The operation is complete.
fn finish(cpu: &Cpu, mut passage: Box<Passage>) -> Step {
    cpu.kernel().filters.buffer_lists.operation_ended(cpu, passage.key());
    cpu.kernel().filters.operations.end(cpu, &passage);
    let ended = passage.ended();
    passage.let_thread_go(cpu);
    match passage.sender {
        Sender::Here => {}
        Sender::Waiter(waiter) => waiter.complete(cpu, ended),
        Sender::Completion(completion) => completion(cpu, ended),
    }
    Step::Finished(ended)
}

/// What the end of a wait in a layer on the way down means.
pub(super) fn on_resumption(
    cpu: &Cpu,
    passage: &mut Passage,
    layer: &Layer,
    resumption: &Resumption,
    local: &mut Local<'_>,
) -> Direction {
    let verdict = match (layer, resumption) {
        (Layer::Driver(instance), Resumption::Pre { status, context }) => {
            callbacks::pre_resumed(cpu, passage, instance, *status, *context)
        }
        _ => Verdict::Pass,
    };
    match verdict {
        Verdict::End(ended) => {
            passage.end(ended);
            Direction::Up
        }
        Verdict::Owe { context, synchronize } => {
            owe(passage, layer.clone(), context, synchronize, local);
            Direction::Down
        }
        Verdict::Pass | Verdict::Pend(..) => Direction::Down,
    }
}
