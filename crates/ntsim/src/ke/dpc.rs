//! Deferred procedure calls.

use std::sync::Arc;

use super::cpu::{Cpu, Entry, Frame};
use super::dispatcher;
use crate::abi::Ptr;
use crate::ex::work;
use crate::io::driver::Driver;
use crate::util::{AddressMap, Lock};
use crate::verifier::calls;

/// `KDPC`
const DPC_BYTES: usize = 64;
/// `DpcObject`
const DPC_OBJECT: u8 = 19;
/// `MediumImportance`
const MEDIUM_IMPORTANCE: u8 = 1;
const IMPORTANCE: usize = 1;
const ROUTINE: usize = 24;
const CONTEXT: usize = 32;
const FIRST_ARGUMENT: usize = 40;
const SECOND_ARGUMENT: usize = 48;

/// The calls that are queued, by the address of their object.
#[derive(Default)]
pub(crate) struct Dpcs(Lock<Queued>);

#[derive(Default)]
struct Queued {
    waiting: AddressMap<Arc<Driver>>,
    running: usize,
}

impl Dpcs {
    fn key(&self) -> usize {
        Ptr::of(&raw const self.0).address()
    }

    /// Something that may queue a call is going on; [`release`] when it is over.
    pub(super) fn hold(&self) {
        self.0.lock().running += 1;
    }

    fn is_idle(&self) -> bool {
        let queued = self.0.lock();
        queued.waiting.is_empty() && queued.running == 0
    }
}

/// `KeInitializeDpc`, `KeInitializeThreadedDpc`: here both run at `DISPATCH_LEVEL`, as threaded ones may.
pub(crate) fn initialize(_cpu: &Cpu, dpc: Ptr, routine: Ptr, context: usize) {
    dpc.cast::<u8>().write_slice(&[0; DPC_BYTES]);
    dpc.cast::<u8>().write(DPC_OBJECT);
    dpc.byte_offset::<u8>(IMPORTANCE).write(MEDIUM_IMPORTANCE);
    dpc.byte_offset(ROUTINE).write(routine);
    dpc.byte_offset(CONTEXT).write(context);
}

/// `KeInsertQueueDpc`: FALSE if it is queued already.
pub(crate) fn insert(cpu: &Cpu, dpc: Ptr, first: usize, second: usize) -> u8 {
    let Some(driver) = cpu.driver() else { return 0 };
    u8::from(queue(cpu, dpc, driver, first, second))
}

/// Queues a call in the name of a driver.
pub(super) fn queue(cpu: &Cpu, dpc: Ptr, driver: Arc<Driver>, first: usize, second: usize) -> bool {
    {
        let mut queued = cpu.kernel().dpcs.0.lock();
        if queued.waiting.contains_key(&dpc.address()) {
            return false;
        }
        queued.waiting.insert(dpc.address(), driver);
    }
    dpc.byte_offset(FIRST_ARGUMENT).write(first);
    dpc.byte_offset(SECOND_ARGUMENT).write(second);
    work::queue_dpc(cpu, move |cpu| run(cpu, dpc));
    true
}

fn run(cpu: &Cpu, dpc: Ptr) {
    let dpcs = &cpu.kernel().dpcs;
    let driver = {
        let mut queued = dpcs.0.lock();
        let driver = queued.waiting.remove(&dpc.address());
        queued.running += usize::from(driver.is_some());
        driver
    };
    // It may have been removed.
    let Some(driver) = driver else { return };
    let word = |offset| dpc.byte_offset::<usize>(offset).read();
    let (routine, arguments) =
        (word(ROUTINE), [dpc.address(), word(CONTEXT), word(FIRST_ARGUMENT), word(SECOND_ARGUMENT)]);
    let frame = Frame { driver, entry: Entry::Dpc, operation: None };
    cpu.call_driver(frame, Ptr::at(routine), &arguments);
    release(cpu);
}

/// What was going on is over.
pub(super) fn release(cpu: &Cpu) {
    let dpcs = &cpu.kernel().dpcs;
    dpcs.0.lock().running -= 1;
    dispatcher::signal(cpu, dpcs.key());
}

/// `KeRemoveQueueDpc`: whether it was queued.
pub(crate) fn remove(cpu: &Cpu, dpc: Ptr) -> u8 {
    u8::from(cpu.kernel().dpcs.0.lock().waiting.remove(&dpc.address()).is_some())
}

/// `KeFlushQueuedDpcs`.
pub(crate) fn flush(cpu: &Cpu) {
    calls::check_wait(cpu, "waits for deferred procedure calls");
    let dpcs = &cpu.kernel().dpcs;
    cpu.kernel().scheduler.wait(cpu, dpcs.key(), None, || dpcs.is_idle());
}

/// `KeSetImportanceDpc`; it changes nothing here.
pub(crate) fn set_importance(_cpu: &Cpu, dpc: Ptr, importance: u32) {
    dpc.byte_offset::<u8>(IMPORTANCE).write(importance.to_le_bytes()[0]);
}

/// `KeSetTargetProcessorDpc`; it changes nothing here.
pub(crate) fn set_target_processor(_cpu: &Cpu, _dpc: Ptr, _processor: i8) {}
