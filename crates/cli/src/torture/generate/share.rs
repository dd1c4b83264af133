//! Handles that another process gets, accounts that a thread takes on, and writes straight into the cache.

use super::{Generator, in_lane};
use crate::scenario::model::{Action, Memory, Share};
use crate::torture::world::World;

impl Generator {
    /// Another process of the lane gets a handle of what one has open, and will write by it.
    pub(super) fn share(&mut self, world: &World, lane: u32) -> Option<Action> {
        let from = self.handle(world, lane, |known| known.write || known.append)?;
        let inherited = self.rng.u32(0..3) == 0;
        let owner = world.handles[from].process;
        let thread = self.thread_of(world, owner)?;
        let (_, process) = self.pick(&world.processes, |known| known.alive && in_lane(known.pid, lane))?;
        Some(Action::Share(Share {
            thread: (!inherited).then_some(thread),
            from: world.handles[from].name.to_string(),
            handle: self.name("h"),
            process: process.name.to_string(),
        }))
    }

    /// A thread takes on the account of another process of the lane, or its own again.
    pub(super) fn impersonate(&mut self, world: &World, lane: u32) -> Option<Action> {
        let in_lane_process = |process: usize| in_lane(world.processes[process].pid, lane);
        let (_, thread) = self.pick(&world.threads, |known| known.alive && in_lane_process(known.process))?;
        let thread = thread.name.to_string();
        if self.rng.bool() {
            return Some(Action::Revert(thread));
        }
        let (_, client) = self.pick(&world.processes, |known| known.alive && in_lane(known.pid, lane))?;
        Some(Action::Impersonate { thread, client: client.name.to_string() })
    }

    /// A driver attaches a thread to another process of the lane, or puts it back.
    pub(super) fn attach(&mut self, world: &World, lane: u32) -> Option<Action> {
        let in_lane_process = |process: usize| in_lane(world.processes[process].pid, lane);
        let (_, thread) = self.pick(&world.threads, |known| known.alive && in_lane_process(known.process))?;
        let attached =
            world.threads.iter().find(|known| !known.attached.is_empty() && in_lane_process(known.process));
        if let Some(attached) = attached.filter(|_| self.rng.bool()) {
            return Some(Action::Detach(attached.name.to_string()));
        }
        let (_, process) = self.pick(&world.processes, |known| known.alive && in_lane(known.pid, lane))?;
        Some(Action::Attach { thread: thread.name.to_string(), process: process.name.to_string() })
    }

    /// The kernel puts a user's data into the cache's own pages.
    pub(super) fn mdl_write(&mut self, world: &World, lane: u32) -> Option<Action> {
        let handle = self.handle(world, lane, |known| known.write && !known.non_cached)?;
        let known = &world.handles[handle];
        let thread = self.thread_of(world, known.process)?;
        let offset = u64::try_from(self.offset()).ok()?;
        let (handle, length) = (known.name.to_string(), self.next_length());
        Some(Action::Memory(Memory::MdlWrite { thread, handle, offset, length, fast_io: false }))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::{Plan, generate};
    use super::*;
    use crate::scenario::model::{Faults, Schedule};
    use crate::windows_version::WindowsVersion;

    #[test]
    fn a_case_has_writes_by_a_duplicated_handle_into_the_cache_and_under_another_account() {
        let scenario = generate(&Plan {
            seed: 3,
            steps: 4000,
            windows: WindowsVersion::Win11_24H2,
            schedule: Schedule::Fixed,
            faults: Faults::None,
            processors: 1,
            alone: false,
        });
        let actions = || scenario.steps.iter().map(|step| &step.action);
        let shared: HashSet<&str> = actions()
            .filter_map(|action| match action {
                Action::Share(share) => Some(share.handle.as_str()),
                _ => None,
            })
            .collect();
        assert!(
            actions().any(|action| matches!(action, Action::Write(write) if shared.contains(&*write.handle)))
        );
        assert!(actions().any(|action| matches!(action, Action::Memory(Memory::MdlWrite { .. }))));
        assert!(actions().any(|action| matches!(action, Action::Impersonate { .. })));
        assert!(actions().any(|action| matches!(action, Action::Revert(_))));
    }
}
