//! Copies that the file system or the storage makes by itself.

use super::Generator;
use crate::scenario::model::{Action, BlockClone, FileSystem, OffloadRead, OffloadWrite};
use crate::torture::world::{CLUSTER, KnownHandle, World};

impl Generator {
    fn on(
        &mut self,
        world: &World,
        lane: u32,
        file_system: FileSystem,
        process: Option<usize>,
    ) -> Option<usize> {
        self.handle(world, lane, |known: &KnownHandle| {
            let file = &world.files[known.file];
            let fits = file.size >= CLUSTER.cast_signed() && Self::is_own(file, lane) && !file.deleting;
            let same = process.is_none_or(|process| process == known.process);
            fits && same && known.read && known.write && world.volumes[file.volume].file_system == file_system
        })
    }

    pub(super) fn clone_blocks(&mut self, world: &World, lane: u32) -> Option<Action> {
        let from = self.on(world, lane, FileSystem::Refs, None)?;
        let process = world.handles[from].process;
        let to = self.on(world, lane, FileSystem::Refs, Some(process))?;
        Some(Action::Clone(BlockClone {
            thread: self.thread_of(world, process)?,
            from: world.handles[from].name.to_string(),
            to: world.handles[to].name.to_string(),
            from_offset: 0,
            to_offset: 0,
            length: CLUSTER,
            extended: self.rng.bool(),
        }))
    }

    /// A token, or a write of what one stands for.
    pub(super) fn offload(&mut self, world: &World, lane: u32) -> Option<Vec<Action>> {
        let from = self.on(world, lane, FileSystem::Ntfs, None)?;
        let to = self.on(world, lane, FileSystem::Ntfs, None)?;
        let [from, to] = [from, to].map(|handle| &world.handles[handle]);
        let token = self.name("o");
        let read = OffloadRead {
            token: token.clone(),
            thread: self.thread_of(world, from.process)?,
            handle: from.name.to_string(),
            offset: 0,
            length: CLUSTER,
        };
        let write = OffloadWrite {
            token,
            thread: self.thread_of(world, to.process)?,
            handle: to.name.to_string(),
            token_offset: 0,
            offset: 0,
            length: CLUSTER,
        };
        Some(vec![Action::OffloadRead(read), Action::OffloadWrite(write)])
    }
}
