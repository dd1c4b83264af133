//! Work items: what filters have done by System worker threads.

use std::sync::Arc;

use super::filter::Filter;
use super::instance::Instance;
use super::manager::FilterObject;
use super::operation::Kind;
use crate::abi::{CallbackData, Ptr};
use crate::ex::work::{self, Queue};
use crate::io::driver::Driver;
use crate::io::irp;
use crate::ke::rundown::Rundown;
use crate::ke::{Cpu, Entry, Frame};
use crate::sim::Leak;
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// What a work item is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Generic,
    DeferredIo,
}

struct WorkItem {
    driver: Arc<Driver>,
    used_for: Use,
    queued: bool,
}

/// The work items that filters have allocated.
#[derive(Default)]
pub(crate) struct WorkItems {
    items: Lock<AddressMap<WorkItem>>,
}

impl WorkItems {
    /// What a filter that is gone did not free.
    pub(super) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut count = 0;
        self.items.lock().retain(|_, item| {
            let is_its = Arc::ptr_eq(&item.driver, driver);
            count += usize::from(is_its);
            !is_its
        });
        let leak = Leak::new("work item", "not freed", count);
        if count == 0 { Vec::new() } else { vec![leak] }
    }
}

/// `FltAllocateGenericWorkItem`.
pub(crate) fn allocate_generic(cpu: &Cpu) -> Ptr {
    allocate(cpu, Use::Generic)
}

/// `FltAllocateDeferredIoWorkItem`.
pub(crate) fn allocate_deferred_io(cpu: &Cpu) -> Ptr {
    allocate(cpu, Use::DeferredIo)
}

fn allocate(cpu: &Cpu, used_for: Use) -> Ptr {
    let Some(driver) = cpu.driver() else { return Ptr::NULL };
    let item = cpu.kernel().arena.allocate();
    let allocated = WorkItem { driver, used_for, queued: false };
    cpu.kernel().filters.work_items.items.lock().insert(item.address(), allocated);
    item
}

/// `FltFreeGenericWorkItem`.
pub(crate) fn free_generic(cpu: &Cpu, item: Ptr) {
    free(cpu, item, Use::Generic);
}

/// `FltFreeDeferredIoWorkItem`.
pub(crate) fn free_deferred_io(cpu: &Cpu, item: Ptr) {
    free(cpu, item, Use::DeferredIo);
}

fn free(cpu: &Cpu, item: Ptr, used_for: Use) {
    let mut items = cpu.kernel().filters.work_items.items.lock();
    let problem = match items.get(&item.address()) {
        Some(found) if found.used_for == used_for && !found.queued => {
            items.remove(&item.address());
            None
        }
        Some(found) if found.queued => Some("frees a work item that is queued"),
        Some(_) => Some("frees a work item of another kind"),
        None => Some("frees what is no work item (any more)"),
    };
    drop(items);
    if let Some(problem) = problem {
        cpu.violation(Rule::ObjectReference, problem);
    }
}

/// Marks a work item as queued, or as run.
fn mark(cpu: &Cpu, item: Ptr, used_for: Use, queued: bool) -> bool {
    let mut items = cpu.kernel().filters.work_items.items.lock();
    match items.get_mut(&item.address()) {
        Some(found) if found.used_for == used_for && found.queued != queued => {
            found.queued = queued;
            true
        }
        _ => false,
    }
}

fn queue_of(cpu: &Cpu, kind: u32) -> Option<Queue> {
    let queue = Queue::of(kind);
    if queue.is_none() {
        cpu.violation(Rule::InvalidParameter, format!("{kind} is no WORK_QUEUE_TYPE of a filter"));
    }
    queue
}

/// What a generic work item keeps from going.
enum Kept {
    Filter(Arc<Filter>),
    Instance(Arc<Instance>),
}

impl Kept {
    fn users(&self) -> &Rundown {
        match self {
            Self::Filter(filter) => &filter.users,
            Self::Instance(instance) => &instance.users,
        }
    }
}

/// `FltQueueGenericWorkItem`: the filter or instance stays until the work is done.
pub(crate) fn queue_generic(
    cpu: &Cpu,
    item: Ptr,
    object: Ptr,
    routine: Ptr,
    kind: u32,
    context: usize,
) -> NtStatus {
    let Some(queue) = queue_of(cpu, kind) else { return NtStatus::INVALID_PARAMETER };
    let kept = match cpu.kernel().filters.get(object) {
        Some(FilterObject::Filter(filter)) => Kept::Filter(filter),
        Some(FilterObject::Instance(instance)) => Kept::Instance(instance),
        _ => {
            cpu.violation(Rule::ObjectReference, format!("{object:?} is no filter or instance (any more)"));
            return NtStatus::INVALID_PARAMETER;
        }
    };
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    if !kept.users().acquire() {
        return NtStatus::FLT_DELETING_OBJECT;
    }
    if !mark(cpu, item, Use::Generic, true) {
        kept.users().release(cpu);
        cpu.violation(Rule::ObjectReference, format!("queues {item:?}, which is no free generic work item"));
        return NtStatus::INVALID_PARAMETER;
    }
    work::queue(cpu, queue, move |cpu| {
        mark(cpu, item, Use::Generic, false);
        let frame = Frame { driver, entry: Entry::WorkItem, operation: None };
        cpu.call_driver(frame, routine, &[item.address(), object.address(), context]);
        kept.users().release(cpu);
    });
    NtStatus::SUCCESS
}

/// `FltQueueDeferredIoWorkItem`, in a pre-operation callback that then pends the operation.
pub(crate) fn queue_deferred_io(
    cpu: &Cpu,
    item: Ptr,
    data: Ptr<CallbackData>,
    routine: Ptr,
    kind: u32,
    context: usize,
) -> NtStatus {
    let Some(queue) = queue_of(cpu, kind) else { return NtStatus::INVALID_PARAMETER };
    let Some(operation) = cpu.kernel().filters.operation(cpu, data.cast()) else {
        return NtStatus::INVALID_PARAMETER;
    };
    if operation.kind != Kind::Irp {
        cpu.violation(Rule::Pending, "defers an operation that is no IRP");
        return NtStatus::FLT_NOT_SAFE_TO_POST_OPERATION;
    }
    // Neither paging I/O nor a request within another is left to a worker (the routine's page).
    if operation.irp_flags & irp::PAGING_IO != 0 || cpu.thread().io().top_level_irp() != 0 {
        return NtStatus::FLT_NOT_SAFE_TO_POST_OPERATION;
    }
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    if !mark(cpu, item, Use::DeferredIo, true) {
        cpu.violation(Rule::ObjectReference, format!("queues {item:?}, which is no free work item for I/O"));
        return NtStatus::INVALID_PARAMETER;
    }
    work::queue(cpu, queue, move |cpu| {
        mark(cpu, item, Use::DeferredIo, false);
        let frame = Frame { driver, entry: Entry::WorkItem, operation: Some(operation) };
        cpu.call_driver(frame, routine, &[item.address(), data.address(), context]);
    });
    NtStatus::SUCCESS
}
