//! Work items of the I/O manager, and those of the executive.

use std::sync::Arc;

use super::driver::Driver;
use crate::abi::Ptr;
use crate::ex::work::{self, Queue};
use crate::ke::{Cpu, Entry, Frame};
use crate::sim::Leak;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// `sizeof(IO_WORKITEM)`; what is in it is nobody's business.
const WORK_ITEM_BYTES: u32 = 88;
/// `WORK_QUEUE_ITEM`: the routine and its parameter behind the list entry.
const ROUTINE: usize = 16;
const PARAMETER: usize = 24;

struct Item {
    driver: Arc<Driver>,
    device: Ptr,
    queued: bool,
    /// Whether `IoFreeWorkItem` gives it back, and not `IoUninitializeWorkItem`.
    allocated: bool,
}

/// The work items of drivers.
#[derive(Default)]
pub(crate) struct IoWorkItems(Lock<AddressMap<Item>>);

impl IoWorkItems {
    /// What a driver that is gone left behind.
    pub(crate) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut items = self.0.lock();
        let is_its = |item: &Item| Arc::ptr_eq(&item.driver, driver);
        let count = items.values().filter(|item| is_its(item)).count();
        items.retain(|_, item| !is_its(item));
        vec![Leak::new("work item", "not freed", count)]
    }
}

fn insert(cpu: &Cpu, item: Ptr, device: Ptr, allocated: bool) -> bool {
    let Some(driver) = cpu.driver() else { return false };
    let new = Item { driver, device, queued: false, allocated };
    cpu.kernel().io_work_items.0.lock().insert(item.address(), new);
    true
}

/// `IoAllocateWorkItem`.
pub(crate) fn allocate(cpu: &Cpu, device: Ptr) -> Ptr {
    if device.is_null() {
        cpu.violation(Rule::InvalidParameter, "allocates a work item without a device or driver object");
    }
    let item = cpu.kernel().arena.allocate();
    if insert(cpu, item, device, true) { item } else { Ptr::NULL }
}

/// `IoSizeofWorkItem`.
pub(crate) fn size(_cpu: &Cpu) -> u32 {
    WORK_ITEM_BYTES
}

/// `IoInitializeWorkItem`.
pub(crate) fn initialize(cpu: &Cpu, device: Ptr, item: Ptr) {
    insert(cpu, item, device, false);
}

/// `IoFreeWorkItem`.
pub(crate) fn free(cpu: &Cpu, item: Ptr) {
    take_back(cpu, item, true);
}

/// `IoUninitializeWorkItem`.
pub(crate) fn uninitialize(cpu: &Cpu, item: Ptr) {
    take_back(cpu, item, false);
}

fn take_back(cpu: &Cpu, item: Ptr, allocated: bool) {
    let problem = {
        let mut items = cpu.kernel().io_work_items.0.lock();
        match items.get(&item.address()) {
            Some(found) if found.queued => Some("frees a work item that is queued"),
            Some(found) if found.allocated != allocated => Some("frees a work item in the other kind's way"),
            Some(_) => {
                items.remove(&item.address());
                None
            }
            None => Some("frees what is no work item (any more)"),
        }
    };
    if let Some(problem) = problem {
        cpu.violation(Rule::ObjectReference, problem);
    }
}

/// `IoQueueWorkItem`.
pub(crate) fn queue(cpu: &Cpu, item: Ptr, routine: Ptr, kind: u32, context: usize) {
    submit(cpu, item, routine, kind, context, false);
}

/// `IoQueueWorkItemEx`: its routine gets the item, too.
pub(crate) fn queue_ex(cpu: &Cpu, item: Ptr, routine: Ptr, kind: u32, context: usize) {
    submit(cpu, item, routine, kind, context, true);
}

/// The queue of a `WORK_QUEUE_TYPE`, complaining of what drivers may not use.
fn queue_of(cpu: &Cpu, kind: u32) -> Queue {
    Queue::of(kind).unwrap_or_else(|| {
        cpu.violation(Rule::InvalidParameter, format!("{kind} is no WORK_QUEUE_TYPE of a driver"));
        Queue::Delayed
    })
}

fn submit(cpu: &Cpu, item: Ptr, routine: Ptr, kind: u32, context: usize, gets_item: bool) {
    let found = {
        let mut items = cpu.kernel().io_work_items.0.lock();
        let found = items.get_mut(&item.address());
        found.map(|found| {
            (Arc::clone(&found.driver), found.device, std::mem::replace(&mut found.queued, true))
        })
    };
    let Some((driver, device, false)) = found else {
        let what = if found.is_some() { "queued already" } else { "no work item (any more)" };
        cpu.violation(Rule::ObjectReference, format!("queues {item:?}, which is {what}"));
        return;
    };
    let queue = queue_of(cpu, kind);
    work::queue(cpu, queue, move |cpu| {
        // From here on the routine may free the item, or queue it again.
        if let Some(found) = cpu.kernel().io_work_items.0.lock().get_mut(&item.address()) {
            found.queued = false;
        }
        let frame = Frame { driver, entry: Entry::WorkItem, operation: None };
        let arguments = [device.address(), context, item.address()];
        cpu.call_driver(frame, routine, &arguments[..2 + usize::from(gets_item)]);
    });
}

/// `ExQueueWorkItem`: an item in the driver's own memory.
pub(crate) fn ex_queue(cpu: &Cpu, item: Ptr, kind: u32) {
    let Some(driver) = cpu.driver() else { return };
    let queue = queue_of(cpu, kind);
    let routine = item.byte_offset::<Ptr>(ROUTINE).read();
    let parameter = item.byte_offset::<usize>(PARAMETER).read();
    work::queue(cpu, queue, move |cpu| {
        let frame = Frame { driver, entry: Entry::WorkItem, operation: None };
        cpu.call_driver(frame, routine, &[parameter]);
    });
}
