//! How many processors there are, and at which priority threads run.

use super::Cpu;
use crate::abi::Ptr;
use crate::ps::routines::thread_at;
use crate::sim::Mode;
use crate::verifier::Rule;

/// Priorities of threads end below this (wdm, `KeSetPriorityThread`); 0 is the zero page thread's.
const END_OF_PRIORITIES: i32 = 32;

fn count(cpu: &Cpu) -> u32 {
    cpu.kernel().config.processors
}

/// A bit for each processor.
fn mask(count: u32) -> usize {
    1usize.checked_shl(count).map_or(usize::MAX, |end| end - 1)
}

/// `KeQueryActiveProcessorCount`, with a bit for each where that is asked for.
pub(crate) fn active_count(cpu: &Cpu, processors: Ptr<usize>) -> u32 {
    processors.write_if_given(mask(count(cpu)));
    count(cpu)
}

/// `KeQueryActiveProcessors`.
pub(crate) fn active(cpu: &Cpu) -> usize {
    mask(count(cpu))
}

/// `KeQueryMaximumProcessorCount`: none comes later.
pub(crate) fn maximum(cpu: &Cpu) -> u32 {
    count(cpu)
}

/// `KeQueryMaximumProcessorCountEx`: there is one group; any other has none.
pub(crate) fn maximum_of_group(cpu: &Cpu, group: u16) -> u32 {
    const ALL_GROUPS: u16 = 0xFFFF;
    if group == 0 || group == ALL_GROUPS { count(cpu) } else { 0 }
}

/// `KeQueryPriorityThread`.
pub(crate) fn priority(cpu: &Cpu, thread: Ptr) -> i32 {
    thread_at(cpu, thread).map_or(0, |thread| thread.priority())
}

/// `KeSetPriorityThread`: returns the priority before. Who runs when is the schedule's, whatever the priorities.
pub(crate) fn set_priority(cpu: &Cpu, thread: Ptr, priority: i32) -> i32 {
    let valid = (1..END_OF_PRIORITIES).contains(&priority);
    if !valid {
        let detail = format!("sets the priority of a thread to {priority}");
        cpu.violation(Rule::InvalidParameter, detail);
    }
    thread_at(cpu, thread).map_or(0, |thread| thread.set_priority(priority))
}

/// `ExGetPreviousMode`: that of the request in whose callback the driver is; kernel mode in a thread of the system's.
pub(crate) fn previous_mode(cpu: &Cpu) -> u8 {
    let is_user = !cpu.thread().is_system() && cpu.any_operation(|operation| operation.mode == Mode::User);
    u8::from(is_user)
}
