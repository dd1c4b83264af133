//! Copies.

use super::{Generator, OFFSET_UNIT, in_lane};
use crate::scenario::model::Action;
use crate::torture::world::{KnownFile, World};

impl Generator {
    pub(super) fn copy_file(&mut self, world: &World, lane: u32) -> Option<Action> {
        let in_lane_process = |process: usize| in_lane(world.processes[process].pid, lane);
        let is_user = |process: usize| world.processes[process].is_user();
        let (_, thread) = self.pick(&world.threads, |known| {
            known.alive && in_lane_process(known.process) && is_user(known.process)
        })?;
        let chunk = self.next_length();
        Some(Action::CopyFile {
            thread: thread.name.to_string(),
            from: self.path(world, lane, false),
            to: self.path(world, lane, false),
            size: u64::from(chunk) * self.rng.u64(1..5),
            chunk,
        })
    }

    pub(super) fn copy_chunk(&mut self, world: &World, lane: u32) -> Option<Action> {
        if !world.has_kernel_copy() {
            return None;
        }
        let length = self.next_length();
        let fits = |file: &KnownFile| file.size >= i64::from(length) && Self::is_own(file, lane);
        let from = self.handle(world, lane, |known| known.read && fits(&world.files[known.file]))?;
        let process = world.handles[from].process;
        let to =
            self.handle(world, lane, |known| known.process == process && (known.write || known.append))?;
        let room = (world.files[world.handles[from].file].size - i64::from(length)) / OFFSET_UNIT;
        Some(Action::CopyChunk {
            thread: self.thread_of(world, process)?,
            from: world.handles[from].name.to_string(),
            to: world.handles[to].name.to_string(),
            from_offset: self.rng.i64(0..=room) * OFFSET_UNIT,
            to_offset: self.offset(),
            length,
        })
    }
}
