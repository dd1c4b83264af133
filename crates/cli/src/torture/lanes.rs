//! Who plays which step, when threads run at once.
//!
//! Steps of processes that share a lane are played in their order, by one thread of the host; so are those that no
//! process makes. Between two `settle` steps the lanes go on at once.

use std::collections::HashMap;

use crate::scenario::model::{Action, BlockClone, Memory, OffloadRead, OffloadWrite, Scenario};

use super::generate::LANES;

/// PIDs of a lane are within so many.
const LANE_PIDS: u32 = 1000;

/// The lane of a process; none for one of the system's.
pub(super) fn lane_of_pid(pid: u32) -> Option<usize> {
    let lane = (pid / LANE_PIDS).checked_sub(1)?;
    (lane < LANES).then_some(lane as usize)
}

/// The lane in which what no process does is done.
pub(super) const MAIN: usize = LANES as usize;
/// All of them.
pub(super) const COUNT: usize = MAIN + 1;

/// The lane of each step, in the order of the steps.
pub(super) fn of_steps(scenario: &Scenario) -> Vec<usize> {
    let mut processes: HashMap<&str, usize> = HashMap::new();
    let mut threads: HashMap<&str, usize> = HashMap::new();
    let mut requests: HashMap<&str, usize> = HashMap::new();
    let mut lanes = Vec::with_capacity(scenario.steps.len());
    for process in &scenario.processes {
        let lane = lane_of_pid(process.pid).unwrap_or(MAIN);
        processes.insert(&process.name, lane);
        threads.extend(process.threads.iter().map(|thread| (thread.name.as_str(), lane)));
    }
    for step in &scenario.steps {
        let of_thread = |thread: &str| threads.get(thread).copied().unwrap_or(MAIN);
        let of_process = |process: &str| processes.get(process).copied().unwrap_or(MAIN);
        let lane = match &step.action {
            Action::StartProcess(process) => {
                let lane = lane_of_pid(process.pid).unwrap_or(MAIN);
                processes.insert(&process.name, lane);
                threads.extend(process.threads.iter().map(|thread| (thread.name.as_str(), lane)));
                lane
            }
            Action::StartThread { process, thread } => {
                let lane = of_process(process);
                threads.insert(&thread.name, lane);
                lane
            }
            Action::ExitProcess(process) => of_process(process),
            Action::Create(create) => of_thread(&create.thread),
            Action::Write(write) => of_thread(&write.thread),
            Action::Share(share) => {
                share.thread.as_deref().map_or_else(|| of_process(&share.process), of_thread)
            }
            Action::StartWrite(start) => {
                let lane = of_thread(&start.write.thread);
                requests.insert(&start.request, lane);
                lane
            }
            Action::StartCopyChunk(start) => {
                let lane = of_thread(&start.thread);
                requests.insert(&start.request, lane);
                lane
            }
            Action::Complete(request) => requests.get(request.as_str()).copied().unwrap_or(MAIN),
            Action::BeginTransaction(transaction) | Action::EndTransaction { transaction, .. } => {
                of_transaction(scenario, transaction).map_or(MAIN, of_thread)
            }
            Action::Clone(BlockClone { thread, .. })
            | Action::OffloadRead(OffloadRead { thread, .. })
            | Action::OffloadWrite(OffloadWrite { thread, .. })
            | Action::Attach { thread, .. }
            | Action::Detach(thread)
            | Action::Memory(
                Memory::Section { thread, .. }
                | Memory::Share { thread, .. }
                | Memory::Map { thread, .. }
                | Memory::Dirty { thread, .. }
                | Memory::FlushView { thread, .. }
                | Memory::Unmap { thread, .. }
                | Memory::Close { thread, .. }
                | Memory::MdlWrite { thread, .. },
            )
            | Action::Impersonate { thread, .. }
            | Action::Revert(thread)
            | Action::ExitThread(thread)
            | Action::Read { thread, .. }
            | Action::OnHandle { thread, .. }
            | Action::Close { thread, .. }
            | Action::CopyFile { thread, .. }
            | Action::CopyChunk { thread, .. } => of_thread(thread),
            _ => MAIN,
        };
        lanes.push(lane);
    }
    lanes
}

/// A thread that opens something under the transaction: all that do are of one lane.
fn of_transaction<'s>(scenario: &'s Scenario, transaction: &str) -> Option<&'s str> {
    scenario.steps.iter().find_map(|step| match &step.action {
        Action::Create(create) if create.transaction.as_deref() == Some(transaction) => Some(&*create.thread),
        _ => None,
    })
}
