//! What happens on the machine beside what its users do: other filters, volumes that arrive, the kernel's own writes.

use super::{DRIVES, Generator, volume};
use crate::model::Offset;
use crate::scenario::SYSTEM;
use crate::scenario::model::{Act, Action, Create, Disposition, Filter, HandleAction, Operation, Write};
use crate::torture::world::World;

impl Generator {
    /// Other filters of the machine, above and below.
    pub(super) fn filters(&mut self) -> Vec<Action> {
        let filter = |name: &str, altitude: &str, act, every, path: Option<&str>| {
            Action::Filter(Filter {
                name: name.to_owned(),
                altitude: altitude.to_owned(),
                operation: Operation::Write,
                act,
                every,
                path: path.map(str::to_owned),
                paging: false,
            })
        };
        let all = [
            filter("defers", "389000", Act::Repost, 1, Some("lane1")),
            filter("pends", "180000", Act::Repost, 3, None),
            filter("encrypts", "145000", Act::CompleteAtDispatch, 2, Some("lane2")),
            filter("repeats", "135000", Act::Reissue, 5, None),
            filter("copies", "388000", Act::Reissue, 3, Some("lane0")),
        ];
        all.into_iter().filter(|_| self.rng.u32(0..3) == 0).collect()
    }

    /// A volume that was not there before, or is there no more. Nobody uses it before everybody knows it.
    pub(super) fn arrival(&mut self, world: &World) -> Option<Vec<Action>> {
        let number = if self.arrived < DRIVES.len() {
            self.arrived += 1;
            self.arrived - 1
        } else {
            let is_there =
                |drive: &str| world.volumes.iter().any(|known| !known.gone && *known.drive == *drive);
            DRIVES.iter().position(|(drive, _)| !is_there(drive))?
        };
        Some(vec![Action::Settle, Action::AddVolume(volume(number)), Action::Settle])
    }

    /// A volume goes, whatever is open on it. Nobody is at it meanwhile, and two are left.
    pub(super) fn dismount(&mut self, world: &World) -> Option<Vec<Action>> {
        if world.volumes.iter().filter(|volume| !volume.gone).count() < 3 {
            return None;
        }
        let handle = self.name("h");
        let path = format!(r"\\.\{}", self.drive(world));
        let create = Create {
            kernel_mode: true,
            disposition: Disposition::Open,
            ..Create::new(SYSTEM, &handle, &path)
        };
        let thread = SYSTEM.to_owned();
        let what = HandleAction::Dismount;
        Some(vec![
            Action::Settle,
            Action::Create(create),
            Action::OnHandle { thread: thread.clone(), handle: handle.clone(), what },
            Action::Settle,
            Action::Close { thread, handle },
        ])
    }

    /// The kernel writes for itself, which is nobody's write.
    pub(super) fn system_write(&mut self, world: &World) -> Vec<Action> {
        let drive = self.drive(world);
        let path = format!(r"{drive}\system\log{}.etl", self.rng.u32(0..3));
        let handle = self.name("h");
        let create = Create { kernel_mode: true, ..Create::new(SYSTEM, &handle, &path) };
        let length = self.next_length();
        let write = Write { kernel_mode: true, ..Write::new(SYSTEM, &handle, Offset::EndOfFile, length) };
        vec![
            Action::Create(create),
            Action::Write(write),
            Action::Close { thread: SYSTEM.to_owned(), handle },
        ]
    }
}
