//! Writes.

use super::{Generator, in_lane, weighted};
use crate::model::Offset;
use crate::scenario::SYSTEM;
use crate::scenario::model::{FastIo, Write, WriteEnd, WriteFailure};
use crate::torture::world::{KnownThread, SECTOR, World};

impl Generator {
    pub(super) fn write(&mut self, world: &World, lane: u32) -> Option<Write> {
        let handle = self.handle(world, lane, |known| known.write || known.append)?;
        let known = &world.handles[handle];
        let process = known.process;
        // Something else may act for a thread that has ended.
        let dead = self.rng.u32(0..25) == 0;
        let (_, thread) =
            self.pick(&world.threads, |known| known.acts_in() == process && known.alive != dead)?;
        let attached = !thread.attached.is_empty();
        let (offset, append) = (self.offset(), known.append && !known.write);
        let offset = if append {
            Offset::EndOfFile
        } else {
            weighted(
                &mut self.rng,
                &[(10, Offset::At(offset)), (2, Offset::EndOfFile), (1, Offset::FilePointer)],
            )
        };
        let mut write = Write::new(&thread.name, &known.name, offset, self.next_length());
        let in_lane_thread =
            |known: &KnownThread| known.alive && in_lane(world.processes[known.process].pid, lane);
        if dead || self.rng.u32(0..12) == 0 {
            let (_, other) = self.pick(&world.threads, in_lane_thread)?;
            let system = self.rng.bool();
            write.executor = Some(if system { SYSTEM.to_owned() } else { other.name.to_string() });
        }
        write.fast_io = weighted(
            &mut self.rng,
            &[(20, FastIo::No), (8, FastIo::Accepted), (2, FastIo::Refused), (1, FastIo::RefusedOnly)],
        );
        write.non_cached = self.rng.u32(0..10) == 0;
        write.write_through = self.rng.u32(0..12) == 0;
        // Whoever attaches a thread to another process is a driver.
        write.kernel_mode = attached || self.rng.u32(0..15) == 0;
        write.generated = self.rng.u32(0..40) == 0;
        write.reissued = self.rng.u32(0..40) == 0;
        self.end_badly(&mut write);
        match self.rng.u32(0..40) {
            0 => self.make_paging(&mut write),
            1 | 2 => self.hide_thread(world, lane, &mut write),
            _ => {}
        }
        if matches!(write.offset, Offset::FilePointer) && (write.generated || known.asynchronous) {
            write.offset = Offset::EndOfFile;
        }
        Some(write)
    }

    /// One that fails or is cut short, at times.
    fn end_badly(&mut self, write: &mut Write) {
        write.end = match self.rng.u32(0..30) {
            0 => WriteEnd::Fails(WriteFailure::DiskFull),
            1 => WriteEnd::Fails(WriteFailure::LockConflict),
            2 => {
                // What is recorded is known by its length, so that one is its own.
                write.length += SECTOR;
                WriteEnd::Partly(write.length - SECTOR)
            }
            _ => WriteEnd::Model,
        };
    }

    /// Memory management writes.
    pub(super) fn make_paging(&mut self, write: &mut Write) {
        write.paging = true;
        write.end = WriteEnd::Model;
        write.synchronous_paging = self.rng.bool();
        write.kernel_mode = true;
        write.fast_io = FastIo::No;
        write.offset = Offset::At(self.offset());
    }

    /// The operation does not say which thread asked for it.
    pub(super) fn hide_thread(&mut self, world: &World, lane: u32, write: &mut Write) {
        write.no_thread = true;
        let user =
            self.pick(&world.processes, |known| known.alive && known.is_user() && in_lane(known.pid, lane));
        let user = user.map(|(_, process)| process.name.to_string());
        write.requestor = match self.rng.u32(0..4) {
            0 => None,
            1 => Some(SYSTEM.to_owned()),
            _ => user,
        };
    }
}
