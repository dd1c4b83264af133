//! Writes and copies whose callers go on, or end, before they are complete; and transactions.

use super::{Generator, OFFSET_UNIT, in_lane};
use crate::model::Offset;
use crate::scenario::model::{Action, Create, Disposition, Notice, StartCopyChunk, StartWrite, Write};
use crate::torture::world::{Outstanding, World};

/// Requests of a lane that are on their way at a time.
const MAX_REQUESTS: usize = 4;

impl Generator {
    fn has_room(world: &World, lane: u32) -> bool {
        world.outstanding.iter().filter(|known| of_lane(world, lane, known)).count() < MAX_REQUESTS
    }

    /// A write on its way; now and then its thread or process ends before it is there.
    pub(super) fn start_write(&mut self, world: &World, lane: u32) -> Option<Vec<Action>> {
        let handle = self.handle(world, lane, |known| known.asynchronous && (known.write || known.append))?;
        if !Self::has_room(world, lane) {
            return None;
        }
        let known = &world.handles[handle];
        let thread = self.thread_of(world, known.process)?;
        let offset = if known.write { Offset::At(self.offset()) } else { Offset::EndOfFile };
        let mut write = Write::new(&thread, &known.name, offset, self.next_length());
        write.non_cached = self.rng.u32(0..4) == 0;
        write.write_through = self.rng.u32(0..8) == 0;
        let notice = [Notice::Event, Notice::Apc, Notice::Port][self.rng.usize(0..3)];
        let start = StartWrite { request: self.name("q"), notice, write };
        Some(self.amid(world, known.process, thread, Action::StartWrite(start)))
    }

    /// `NtCopyFileChunk`, whose source may be renamed or closed on the way.
    pub(super) fn start_copy_chunk(&mut self, world: &World, lane: u32) -> Option<Vec<Action>> {
        if !world.has_kernel_copy() || !Self::has_room(world, lane) {
            return None;
        }
        let length = self.next_length();
        let from = self.handle(world, lane, |known| {
            let file = &world.files[known.file];
            known.read && file.size >= i64::from(length) && !file.deleting && Self::is_own(file, lane)
        })?;
        let source = &world.handles[from];
        let to = self
            .handle(world, lane, |known| known.process == source.process && (known.write || known.append))?;
        let (drive, size) = {
            let file = &world.files[source.file];
            (&world.volumes[file.volume].drive, file.size)
        };
        let room = (size - i64::from(length)) / OFFSET_UNIT;
        let thread = self.thread_of(world, source.process)?;
        let start = Action::StartCopyChunk(StartCopyChunk {
            request: self.name("q"),
            thread: thread.clone(),
            from: source.name.to_string(),
            to: world.handles[to].name.to_string(),
            from_offset: self.rng.i64(0..=room) * OFFSET_UNIT,
            to_offset: self.offset(),
            length,
        });
        let handle = source.name.to_string();
        let renamed = format!(r"{drive}\lane{lane}\r{}.bin", self.rng.u32(0..super::OWN_FILES));
        Some(match self.rng.u32(0..4) {
            0 => vec![start, Action::Close { thread, handle }],
            1 => {
                let what = crate::scenario::model::HandleAction::Rename(renamed);
                vec![start, Action::OnHandle { thread, handle, what }]
            }
            _ => self.amid(world, source.process, thread, start),
        })
    }

    /// The start of a request, and perhaps the end of who began it.
    fn amid(&mut self, world: &World, process: usize, thread: String, start: Action) -> Vec<Action> {
        let pid = world.processes[process].pid;
        let others = world.processes.iter().filter(|known| known.alive && known.pid / 1000 == pid / 1000);
        match self.rng.u32(0..12) {
            0 if others.count() > 1 => {
                vec![start, Action::ExitProcess(world.processes[process].name.to_string())]
            }
            1 | 2 => vec![start, Action::ExitThread(thread)],
            _ => vec![start],
        }
    }

    pub(super) fn complete(&mut self, world: &World, lane: u32) -> Option<Action> {
        let (_, known) = self.pick(&world.outstanding, |known| of_lane(world, lane, known))?;
        Some(Action::Complete(known.request.to_string()))
    }

    /// A transaction under which a thread writes, to be committed or rolled back at some time.
    pub(super) fn transact(&mut self, world: &World, lane: u32) -> Option<Vec<Action>> {
        let of_lane = |name: &str| name.ends_with(&format!("x{lane}"));
        if let Some(open) = world.transactions.iter().find(|known| !known.ended && of_lane(&known.name)) {
            let commit = self.rng.bool();
            return Some(vec![Action::EndTransaction { transaction: open.name.clone(), commit }]);
        }
        let (_, file) = self.pick(&world.files, |file| {
            file.exists && !file.deleting && !world.volumes[file.volume].gone && Self::is_own(file, lane)
        })?;
        let in_lane_process = |process: usize| in_lane(world.processes[process].pid, lane);
        let (_, thread) = self.pick(&world.threads, |known| known.alive && in_lane_process(known.process))?;
        let name = format!("{}x{lane}", self.name("k"));
        let handle = self.name("h");
        let create = Create {
            disposition: Disposition::Open,
            transaction: Some(name.clone()),
            ..Create::new(&thread.name, &handle, &file.path)
        };
        let write = Write::new(&thread.name, &handle, Offset::At(self.offset()), self.next_length());
        Some(vec![Action::BeginTransaction(name), Action::Create(create), Action::Write(write)])
    }
}

fn of_lane(world: &World, lane: u32, known: &Outstanding) -> bool {
    in_lane(world.processes[world.threads[known.thread].process].pid, lane)
}
