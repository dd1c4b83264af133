//! Sections, views and the cache.

use ntsim::{MdlWriteSpec, Protection, SectionSpec};

use super::{Stage, Trouble};
use crate::scenario::model::{self, Memory};
use crate::simulate::machine::Machine;
use crate::simulate::observe::Means;

impl<'s> Stage<'s> {
    /// Plays a step of this kind.
    pub(super) fn memory(&mut self, machine: &mut Machine, memory: &'s Memory) -> Result<(), Trouble> {
        let sim = machine.sim.clone();
        let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        match memory {
            Memory::Section { name, thread, handle, protection, size } => {
                let thread = self.act(machine, thread);
                let spec = SectionSpec { size: *size, ..SectionSpec::new(protection_of(*protection)) };
                let section =
                    sim.create_section(thread, self.handle(handle), &spec).map_err(Trouble::of("section"))?;
                self.sections.insert(name, (section, self.handles[handle.as_str()].path));
            }
            Memory::Share { name, thread, from, process } => {
                let thread = self.act(machine, thread);
                let (section, path) = self.sections[from.as_str()];
                let shared = sim
                    .duplicate_section(thread, section, self.processes[process.as_str()])
                    .map_err(Trouble::of("share-section"))?;
                self.sections.insert(name, (shared, path));
            }
            Memory::Map { view, thread, section } => {
                let thread = self.act(machine, thread);
                let (section, path) = self.sections[section.as_str()];
                let mapped = sim.map_view(thread, section).map_err(Trouble::of("map"))?;
                self.views.insert(view, (mapped, path));
            }
            Memory::Dirty { view, thread: name, offset, length } => {
                let thread = self.act(machine, name);
                let (view, path) = self.views[view.as_str()];
                self.claim(machine, name, path, (signed(*offset), signed(*length)), Means::View);
                sim.dirty_view(thread, view, *offset, *length).map_err(Trouble::of("dirty"))?;
            }
            Memory::FlushView { view, thread, offset, length } => {
                let thread = self.act(machine, thread);
                let (view, _) = self.views[view.as_str()];
                sim.flush_view(thread, view, *offset, *length).map_err(Trouble::of("flush-view"))?;
            }
            Memory::Unmap { view, thread } => {
                let thread = self.act(machine, thread);
                sim.unmap_view(thread, self.views[view.as_str()].0).map_err(Trouble::of("unmap"))?;
            }
            Memory::Close { section, thread } => {
                let thread = self.act(machine, thread);
                sim.close_section(thread, self.sections[section.as_str()].0)
                    .map_err(Trouble::of("close-section"))?;
            }
            Memory::LazyWrite => sim.lazy_write(),
            Memory::ModifiedWrite => sim.modified_write(),
            Memory::MdlWrite { thread: name, handle, offset, length, fast_io } => {
                let thread = self.act_on(machine, name, handle);
                let opened = &self.handles[handle.as_str()];
                if opened.remote.is_none() {
                    let range = (signed(*offset), (*length).into());
                    self.claim(machine, name, opened.path, range, Means::Write);
                }
                let spec = MdlWriteSpec { offset: *offset, length: *length, fast_io: *fast_io };
                sim.mdl_write(thread, self.handle(handle), &spec).map_err(Trouble::of("mdl-write"))?;
            }
        }
        Ok(())
    }
}

pub(crate) fn protection_of(protection: model::Protection) -> Protection {
    match protection {
        model::Protection::ReadOnly => Protection::ReadOnly,
        model::Protection::ReadWrite => Protection::ReadWrite,
        model::Protection::WriteCopy => Protection::WriteCopy,
        model::Protection::ExecuteRead => Protection::ExecuteRead,
        model::Protection::ExecuteReadWrite => Protection::ExecuteReadWrite,
    }
}
