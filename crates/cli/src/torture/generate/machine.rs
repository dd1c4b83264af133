//! What happens on the machine beside what its users do: other filters, volumes that arrive, the kernel's own writes.

use super::{DRIVES, Generator, volume};
use crate::model::Offset;
use crate::scenario::SYSTEM;
use crate::scenario::model::{Act, Action, Create, Filter, Operation, Write};
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
        ];
        all.into_iter().filter(|_| self.rng.u32(0..3) == 0).collect()
    }

    /// A volume that was not there before. Nobody uses it before everybody knows it.
    pub(super) fn arrival(&mut self) -> Option<Vec<Action>> {
        if self.arrived == DRIVES.len() {
            return None;
        }
        self.arrived += 1;
        Some(vec![Action::Settle, Action::AddVolume(volume(self.arrived - 1)), Action::Settle])
    }

    /// The kernel writes for itself, which is nobody's write.
    pub(super) fn system_write(&mut self, world: &World) -> Vec<Action> {
        let drive = &world.volumes[self.rng.usize(0..world.volumes.len())].drive;
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
