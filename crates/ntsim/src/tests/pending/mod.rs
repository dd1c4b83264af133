//! Operations that pend, and are carried on by somebody else somewhere else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::driver::{
    self, FINISHED_PROCESSING, Filter, SUCCESS_NO_CALLBACK, SUCCESS_WITH_CALLBACK, nt, status,
};
use super::{Machine, TID};
use crate::abi::{CallbackData, Parameters, Ptr, RelatedObjects};
use crate::ex::work;
use crate::fltmgr::{self, Answer, Kind, Operation, Pended, Submitted};
use crate::io::irp;
use crate::io::request::IoStatus;
use crate::sim::{
    Act, Config, FastIo, FilterSpec, Handle, Major, Phase, Schedule, VolumeSpec, When, WriteSpec,
};
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::{Sim, Windows};

const PENDING: u32 = 2;
const COMPLETE: u32 = 4;
const SYNCHRONIZE: u32 = 5;
const MORE_PROCESSING_REQUIRED: u32 = 1;
const DRAINING: u32 = 1;
const DELAYED_WORK_QUEUE: usize = 1;

type Data = Ptr<CallbackData>;
type Objects = Ptr<RelatedObjects>;
type Routine = extern "win64" fn(usize, Data, usize);

extern "win64" fn finish(_: Data, _: Objects, _: usize, _: u32) -> u32 {
    FINISHED_PROCESSING
}

extern "win64" fn watch(_: Data, _: Objects, _: Ptr<usize>) -> u32 {
    SUCCESS_WITH_CALLBACK
}

/// A driver with this pre-write callback, and perhaps a post-write callback.
macro_rules! machine {
    ($pre:expr, $post:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            let (pre, post): (driver::Pre, Option<driver::Post>) = ($pre, $post);
            Filter::default().on(Major::Write, pre, post).start(driver)
        }
        Machine::new(entry)
    }};
}

fn write(machine: &Machine, handle: Handle) -> Result<u32, NtStatus> {
    machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 10))
}

/// Has a System worker run a routine for the operation.
fn defer(data: Data, routine: Routine) -> u32 {
    let item = nt("FltAllocateDeferredIoWorkItem", &[]);
    let arguments = [item, data.address(), routine as *const () as usize, DELAYED_WORK_QUEUE, 0];
    assert_eq!(status("FltQueueDeferredIoWorkItem", &arguments), NtStatus::SUCCESS);
    PENDING
}

fn complete_pre(data: Data, status: u32, context: usize) {
    nt("FltCompletePendedPreOperation", &[data.address(), status as usize, context]);
}

/// Has the machine note each callback: what, IRQL, in which thread, for which thread, and how it ended.
fn note(machine: &Machine) -> Arc<Mutex<Vec<String>>> {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&notes);
    machine.sim.set_observer(Box::new(move |callback| {
        let phase = if callback.phase == Phase::Pre { "pre" } else { "post" };
        let place = match callback.current.tid {
            TID => "caller",
            _ if callback.current.pid == 4 => "system",
            _ => "other",
        };
        let owner = callback.thread.as_ref().map_or(0, |thread| thread.tid);
        assert_eq!(owner, TID, "the operation's thread stays the caller's");
        let text = format!("{} {phase} at {} in {place}", callback.driver, callback.irql);
        into.lock().expect("no observer has panicked").push(text);
    }));
    notes
}

fn notes(of: &Mutex<Vec<String>>) -> Vec<String> {
    std::mem::take(&mut *of.lock().expect("no observer has panicked"))
}

mod change;
mod down;
mod end;
mod schedules;
mod up;
