//! Sections and views of a lane's own files, written to by one process or several, and flushed by whoever.

use super::{Generator, OFFSET_UNIT, in_lane};
use crate::scenario::model::{Action, Memory, Protection};
use crate::torture::world::{Mapping, World};

/// Sections and views that a lane has at a time.
const MAX_MAPPINGS: usize = 8;

impl Generator {
    pub(super) fn map(&mut self, world: &World, lane: u32) -> Option<Action> {
        let of_lane = |known: &&Mapping| known.open && in_lane(world.processes[known.process].pid, lane);
        let open = world.mappings().iter().filter(of_lane).count();
        let memory = match self.rng.u32(0..10) {
            _ if open == 0 => self.section(world, lane)?,
            0 if open < MAX_MAPPINGS => self.section(world, lane)?,
            1 | 2 if open < MAX_MAPPINGS => {
                let section = self.mapping(world, lane, |known| !known.is_view)?;
                let (view, section, thread) = (self.name("v"), section.0, section.1);
                Memory::Map { view, thread, section }
            }
            3 if open < MAX_MAPPINGS => {
                let (from, thread, _) = self.mapping(world, lane, |known| !known.is_view)?;
                let (_, process) =
                    self.pick(&world.processes, |known| known.alive && in_lane(known.pid, lane))?;
                Memory::Share { name: self.name("s"), thread, from, process: process.name.to_string() }
            }
            4 => {
                let (view, thread, size) = self.mapping(world, lane, |known| known.is_view)?;
                Memory::FlushView { view, thread, offset: 0, length: size }
            }
            5 => {
                let (view, thread, _) = self.mapping(world, lane, |known| known.is_view)?;
                Memory::Unmap { view, thread }
            }
            6 => {
                let (section, thread, _) = self.mapping(world, lane, |known| !known.is_view)?;
                Memory::Close { section, thread }
            }
            _ => {
                let (view, thread, size) =
                    self.mapping(world, lane, |known| known.is_view && known.writable)?;
                let offset = self.rng.u64(0..size);
                let length = (size - offset).min(OFFSET_UNIT.unsigned_abs());
                Memory::Dirty { view, thread, offset, length }
            }
        };
        Some(Action::Memory(memory))
    }

    fn section(&mut self, world: &World, lane: u32) -> Option<Memory> {
        let protection =
            [Protection::ReadWrite, Protection::ReadWrite, Protection::ReadOnly, Protection::WriteCopy]
                [self.rng.usize(0..4)];
        let handle = self.handle(world, lane, |known| {
            let file = &world.files[known.file];
            known.read && known.write && file.size > 0 && !file.deleting && Self::is_own(file, lane)
        })?;
        let known = &world.handles[handle];
        let thread = self.thread_of(world, known.process)?;
        Some(Memory::Section {
            name: self.name("s"),
            thread,
            handle: known.name.to_string(),
            protection,
            size: None,
        })
    }

    /// The name of a section or view, a thread of its process, and its size.
    fn mapping(
        &mut self,
        world: &World,
        lane: u32,
        which: impl Fn(&Mapping) -> bool,
    ) -> Option<(String, String, u64)> {
        let of_lane = |known: &Mapping| known.open && in_lane(world.processes[known.process].pid, lane);
        let (_, mapping) = self.pick(world.mappings(), |known| of_lane(known) && which(known))?;
        let thread = self.thread_of(world, mapping.process)?;
        Some((mapping.name.to_string(), thread, mapping.size.unsigned_abs()))
    }
}
