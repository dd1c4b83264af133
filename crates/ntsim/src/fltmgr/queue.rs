//! Callback data queues: a driver keeps operations that it has pended in a list of its own, under a lock of its own; the
//! Filter Manager calls its routines for both. It takes out what is cancelled, and has the driver complete it.

use crate::abi::{Address, CallbackData, Ptr, Shared};
use crate::fltmgr::cancel::CancelRoutine;
use crate::fltmgr::operation::Kind;
use crate::io::driver::status_of;
use crate::ke::{Cpu, Entry, Frame, Irql};
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// A queue's routines.
#[derive(Clone, Copy)]
struct Routines {
    insert: Ptr,
    remove: Ptr,
    peek: Ptr,
    acquire: Ptr,
    release: Ptr,
    cancel: Ptr,
}

struct Queue {
    routines: Routines,
    disabled: bool,
    /// Operations by the context under which they were inserted.
    by_context: AddressMap<Address>,
}

/// The queues that drivers have initialized, by address.
#[derive(Default)]
pub(crate) struct Queues {
    queues: Lock<AddressMap<Queue>>,
}

/// `FltCbdqInitialize`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn initialize(
    cpu: &Cpu,
    instance: Ptr,
    queue: Ptr,
    insert: Ptr,
    remove: Ptr,
    peek: Ptr,
    acquire: Ptr,
    release: Ptr,
    cancel: Ptr,
) -> NtStatus {
    if cpu.kernel().filters.instance(cpu, instance).is_none() {
        return NtStatus::INVALID_PARAMETER;
    }
    if [insert, remove, peek, acquire, release, cancel].iter().any(|routine| routine.is_null()) {
        cpu.violation(Rule::InvalidParameter, "initializes a queue without all of its routines");
        return NtStatus::INVALID_PARAMETER;
    }
    let routines = Routines { insert, remove, peek, acquire, release, cancel };
    let initialized = Queue { routines, disabled: false, by_context: AddressMap::default() };
    cpu.kernel().filters.queues.queues.lock().insert(queue.address(), initialized);
    NtStatus::SUCCESS
}

/// `FltCbdqEnable`.
pub(crate) fn enable(cpu: &Cpu, queue: Ptr) {
    set_disabled(cpu, queue, false);
}

/// `FltCbdqDisable`: nothing can be inserted any more.
pub(crate) fn disable(cpu: &Cpu, queue: Ptr) {
    set_disabled(cpu, queue, true);
}

fn set_disabled(cpu: &Cpu, queue: Ptr, disabled: bool) {
    let mut queues = cpu.kernel().filters.queues.queues.lock();
    let known = queues.get_mut(&queue.address()).map(|queue| queue.disabled = disabled).is_some();
    drop(queues);
    if !known {
        complain(cpu, queue);
    }
}

fn complain(cpu: &Cpu, queue: Ptr) {
    cpu.violation(Rule::InvalidParameter, format!("the queue at {queue:?} was never initialized"));
}

/// A queue whose lock is held.
struct Held<'a> {
    cpu: &'a Cpu,
    frame: Frame,
    queue: Ptr,
    routines: Routines,
    irql: Shared<u8>,
}

impl<'a> Held<'a> {
    fn acquire(cpu: &'a Cpu, queue: Ptr) -> Option<Self> {
        Self::acquire_in(cpu, queue, cpu.frame())
    }

    fn acquire_in(cpu: &'a Cpu, queue: Ptr, frame: Option<Frame>) -> Option<Self> {
        let routines =
            cpu.kernel().filters.queues.queues.lock().get(&queue.address()).map(|queue| queue.routines);
        let (Some(routines), Some(frame)) = (routines, frame) else {
            complain(cpu, queue);
            return None;
        };
        let held = Self { cpu, frame, queue, routines, irql: Shared::new(cpu.irql().0) };
        held.call(Entry::QueueLock, routines.acquire, &[queue.address(), held.irql.ptr().address()]);
        Some(held)
    }

    fn call(&self, entry: Entry, routine: Ptr, arguments: &[usize]) -> usize {
        self.cpu.call_driver(Frame { entry, ..self.frame.clone() }, routine, arguments)
    }

    fn remove(&self, data: Address) {
        self.call(Entry::Queue, self.routines.remove, &[self.queue.address(), data]);
    }

    fn release(self) {
        let arguments = [self.queue.address(), usize::from(self.irql.get())];
        self.call(Entry::QueueLock, self.routines.release, &arguments);
    }

    /// Does something with what is known of the queue.
    fn with<R>(&self, work: impl FnOnce(&mut Queue) -> R) -> Option<R> {
        self.cpu.kernel().filters.queues.queues.lock().get_mut(&self.queue.address()).map(work)
    }
}

/// `FltCbdqInsertIo`, in a pre-operation callback that then pends the operation.
pub(crate) fn insert(
    cpu: &Cpu,
    queue: Ptr,
    data: Ptr<CallbackData>,
    context: Ptr,
    insert_context: usize,
) -> NtStatus {
    let Some(operation) = cpu.kernel().filters.operation(cpu, data.cast()) else {
        return NtStatus::INVALID_PARAMETER;
    };
    if operation.kind != Kind::Irp {
        cpu.violation(Rule::Pending, "queues an operation that is no IRP");
        return NtStatus::INVALID_PARAMETER;
    }
    let Some(held) = Held::acquire(cpu, queue) else { return NtStatus::INVALID_PARAMETER };
    let operations = &cpu.kernel().filters.operations;
    let mut status = if held.with(|queue| queue.disabled) == Some(true) {
        NtStatus::FLT_CBDQ_DISABLED
    } else if operations.is_cancelled(data.address()) {
        NtStatus::CANCELLED
    } else {
        let arguments = [queue.address(), data.address(), insert_context];
        status_of(held.call(Entry::Queue, held.routines.insert, &arguments))
    };
    if status.is_success() {
        let routine = CancelRoutine::Queue { frame: held.frame.clone(), queue };
        if operations.set_cancel(data.address(), routine) == NtStatus::CANCELLED {
            // It has been cancelled in between.
            held.remove(data.address());
            status = NtStatus::CANCELLED;
        }
    }
    if let Some(context) = context.non_null().filter(|_| status.is_success()) {
        held.with(|queue| queue.by_context.insert(context.address(), data.address()));
    }
    held.release();
    status
}

/// `FltCbdqRemoveIo`: takes out the operation that was inserted under a context, if it is still there.
pub(crate) fn remove(cpu: &Cpu, queue: Ptr, context: Ptr) -> Ptr<CallbackData> {
    let Some(held) = Held::acquire(cpu, queue) else { return Ptr::NULL };
    let found = held.with(|queue| queue.by_context.remove(&context.address())).flatten();
    // What is being cancelled is somebody else's.
    let found = found.filter(|data| cpu.kernel().filters.operations.clear_cancel(*data).is_some());
    if let Some(data) = found {
        held.remove(data);
    }
    held.release();
    found.map_or(Ptr::NULL, Ptr::at)
}

/// `FltCbdqRemoveNextIo`: takes out the first operation that the driver's routine finds to match.
pub(crate) fn remove_next(cpu: &Cpu, queue: Ptr, peek_context: usize) -> Ptr<CallbackData> {
    let Some(held) = Held::acquire(cpu, queue) else { return Ptr::NULL };
    let next = |after| held.call(Entry::Queue, held.routines.peek, &[queue.address(), after, peek_context]);
    let mut found = next(0);
    while found != 0 && cpu.kernel().filters.operations.clear_cancel(found).is_none() {
        // It is being cancelled, and somebody else's; a routine that finds no other one finds none.
        found = Some(next(found)).filter(|other| *other != found).unwrap_or(0);
    }
    let found = Ptr::at(found);
    if !found.is_null() {
        held.with(|queue| queue.by_context.retain(|_, data| *data != found.address()));
        held.remove(found.address());
    }
    held.release();
    found
}

/// An operation has been cancelled that is in a queue: it is taken out, and the driver completes it.
pub(super) fn cancelled(cpu: &Cpu, queue: Ptr, frame: Frame, data: Address) {
    let Some(held) = Held::acquire_in(cpu, queue, Some(frame.clone())) else { return };
    held.with(|queue| queue.by_context.retain(|_, other| *other != data));
    held.remove(data);
    let routine = held.routines.cancel;
    held.release();
    // "PFLT_CALLBACK_DATA_QUEUE_COMPLETE_CANCELED_IO": at most DISPATCH_LEVEL, and without the lock.
    let frame = Frame { entry: Entry::Cancel, ..frame };
    cpu.at_irql(Irql::DISPATCH, || cpu.call_driver(frame, routine, &[queue.address(), data]));
}
