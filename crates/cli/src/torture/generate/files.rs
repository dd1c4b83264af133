//! Files that are opened, read and changed otherwise than by writing to them.

use std::sync::Arc;

use super::{Generator, MAX_HANDLES, OFFSET_UNIT, OWN_FILES, SHARED_FILES, access, in_lane, weighted};
use crate::scenario::model::{Action, CopyIntent, Create, Disposition, HandleAction};
use crate::torture::world::{KnownFile, SECTOR, World};

impl Generator {
    /// The drive letter of a volume that is there.
    pub(super) fn drive(&mut self, world: &World) -> Arc<str> {
        let found = self.pick(&world.volumes, |volume| !volume.gone);
        found.map_or_else(|| "C:".into(), |(_, volume)| Arc::clone(&volume.drive))
    }

    /// A path of a lane, or one that all share.
    pub(super) fn path(&mut self, world: &World, lane: u32, shared: bool) -> String {
        let drive = self.drive(world);
        let stream = if self.rng.u32(0..8) == 0 && *drive == *"C:" { ":meta" } else { "" };
        if shared {
            format!(r"{drive}\shared\s{}.dat", self.rng.u32(0..SHARED_FILES))
        } else {
            format!(r"{drive}\lane{lane}\f{}.bin{stream}", self.rng.u32(0..OWN_FILES))
        }
    }

    pub(super) fn create(&mut self, world: &World, lane: u32) -> Option<Create> {
        let in_lane_process = |process: usize| in_lane(world.processes[process].pid, lane);
        let open = world.handles.iter().filter(|known| known.open && in_lane_process(known.process));
        if open.count() >= MAX_HANDLES {
            return None;
        }
        let (_, thread) = self.pick(&world.threads, |known| known.alive && in_lane_process(known.process))?;
        let shared = self.rng.u32(0..4) == 0;
        let path = self.path(world, lane, shared);
        let exists = world.files.iter().any(|file| *file.path == path && file.exists);
        let disposition = match (shared, exists) {
            (true, _) => weighted(
                &mut self.rng,
                &[(6, Disposition::OpenIf), (1, Disposition::OverwriteIf), (1, Disposition::Supersede)],
            ),
            (false, true) => weighted(
                &mut self.rng,
                &[
                    (4, Disposition::Open),
                    (4, Disposition::OpenIf),
                    (1, Disposition::Overwrite),
                    (1, Disposition::OverwriteIf),
                    (1, Disposition::Supersede),
                ],
            ),
            (false, false) => weighted(
                &mut self.rng,
                &[(2, Disposition::Create), (2, Disposition::OpenIf), (1, Disposition::OverwriteIf)],
            ),
        };
        let access = weighted(
            &mut self.rng,
            &[
                (10, access(true, true, false)),
                (3, access(false, true, false)),
                (2, access(true, false, true)),
                (2, access(true, false, false)),
            ],
        );
        let copy = weighted(
            &mut self.rng,
            &[(8, None), (1, Some(CopyIntent::Source)), (1, Some(CopyIntent::Destination))],
        );
        Some(Create {
            access,
            disposition,
            copy,
            kernel_mode: self.rng.u32(0..20) == 0,
            non_cached: self.rng.u32(0..6) == 0,
            write_through: self.rng.u32(0..10) == 0,
            asynchronous: self.rng.u32(0..3) == 0,
            ..Create::new(&thread.name, &self.name("h"), &path)
        })
    }

    pub(super) fn read(&mut self, world: &World, lane: u32) -> Option<Action> {
        let fits = |file: &KnownFile| file.size > 0 && Self::is_own(file, lane);
        let handle = self.handle(world, lane, |known| known.read && fits(&world.files[known.file]))?;
        let known = &world.handles[handle];
        let offset = self.rng.i64(0..world.files[known.file].size) / OFFSET_UNIT * OFFSET_UNIT;
        let thread = self.thread_of(world, known.process)?;
        Some(Action::Read { thread, handle: known.name.to_string(), offset, length: SECTOR })
    }

    /// What is done to a lane's own file, beside writing to it.
    pub(super) fn on_handle(&mut self, world: &World, lane: u32) -> Option<Action> {
        let handle = self.handle(world, lane, |known| {
            Self::is_own(&world.files[known.file], lane) && (known.write || known.delete)
        })?;
        let known = &world.handles[handle];
        let file = &world.files[known.file];
        let drive = &world.volumes[file.volume].drive;
        let fresh = format!(r"{drive}\lane{lane}\r{}.bin", self.rng.u32(0..OWN_FILES));
        let size = self.rng.u64(0..1 << 20);
        let offset = size / 2;
        let what = match self.rng.u32(0..14) {
            0..=3 => HandleAction::Rename(fresh),
            12 | 13 => HandleAction::Link(format!(r"{drive}\lane{lane}\{}.bin", self.name("l"))),
            4 => HandleAction::Delete { posix: false },
            5 => HandleAction::EndOfFile(size),
            6 => HandleAction::Zero { offset, length: size },
            7 => HandleAction::Basic,
            8 => HandleAction::Query,
            _ => HandleAction::Flush,
        };
        let thread = self.thread_of(world, known.process)?;
        Some(Action::OnHandle { thread, handle: known.name.to_string(), what })
    }
}
