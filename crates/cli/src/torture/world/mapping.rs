//! Sections and views. What is written through a view is no operation: whoever writes the pages to disk later is not
//! who wrote to them, and nobody may be named for it.

use std::sync::Arc;

use super::{Invalid, KnownHandle, Truth, World, ensure};
use crate::scenario::model::{Memory, Protection};

/// A section, or a view of one.
#[derive(Clone)]
pub(in crate::torture) struct Mapping {
    pub(in crate::torture) name: Arc<str>,
    pub(in crate::torture) process: usize,
    pub(in crate::torture) file: usize,
    pub(in crate::torture) is_view: bool,
    /// Whether views of it may be written to.
    pub(in crate::torture) writable: bool,
    /// At least so many bytes.
    pub(in crate::torture) size: i64,
    pub(in crate::torture) open: bool,
}

impl World {
    pub(super) fn memory(&mut self, memory: &Memory) -> Result<Vec<Truth>, Invalid> {
        match memory {
            Memory::Section { name, thread, handle, protection, size: None } => {
                self.create_section(name, thread, handle, *protection)?;
            }
            Memory::Share { name, thread, from, process } => {
                let from = self.mapping(thread, from, false)?;
                let process = self.living_process(process)?;
                self.map(Mapping { name: name.as_str().into(), process, ..self.mappings[from].clone() })?;
            }
            Memory::Map { view, thread, section } => {
                let section = self.mapping(thread, section, false)?;
                let mapping =
                    Mapping { name: view.as_str().into(), is_view: true, ..self.mappings[section].clone() };
                self.map(mapping)?;
            }
            Memory::Dirty { view, thread, offset, length } => {
                let view = self.mapping(thread, view, true)?;
                ensure(self.mappings[view].writable)?;
                self.check_range(view, *offset, *length)?;
            }
            Memory::FlushView { view, thread, offset, length } => {
                let view = self.mapping(thread, view, true)?;
                self.check_range(view, *offset, *length)?;
            }
            Memory::Unmap { view, thread } => {
                let view = self.mapping(thread, view, true)?;
                self.unmap(view);
            }
            Memory::Close { section, thread } => {
                let section = self.mapping(thread, section, false)?;
                self.unmap(section);
            }
            Memory::LazyWrite | Memory::ModifiedWrite => {}
            Memory::MdlWrite { thread, handle, offset, length, fast_io: false } => {
                return self.mdl_write(thread, handle, *offset, *length);
            }
            Memory::Section { .. } | Memory::MdlWrite { .. } => return Err(Invalid),
        }
        Ok(Vec::new())
    }

    fn create_section(
        &mut self,
        name: &str,
        thread: &str,
        handle: &str,
        protection: Protection,
    ) -> Result<(), Invalid> {
        let handle = self.own_handle(thread, handle)?;
        let thread = self.thread(thread)?;
        let KnownHandle { file, process, read, write, transaction, .. } = self.handles[handle];
        let writable = matches!(protection, Protection::ReadWrite | Protection::ExecuteReadWrite);
        ensure(process == self.threads[thread].process && transaction.is_none())?;
        ensure(read && (write || !writable))?;
        let size = self.files[file].size;
        ensure(size > 0 && !self.is_deleting(file))?;
        self.map(Mapping { name: name.into(), process, file, is_view: false, writable, size, open: true })
    }

    fn map(&mut self, mapping: Mapping) -> Result<(), Invalid> {
        ensure(self.mappings.iter().all(|known| known.name != mapping.name))?;
        self.files[mapping.file].mapped += 1;
        self.mappings.push(mapping);
        Ok(())
    }

    fn unmap(&mut self, mapping: usize) {
        let Mapping { open, file, .. } = &mut self.mappings[mapping];
        *open = false;
        self.files[*file].mapped -= 1;
    }

    /// What a process has mapped goes with it.
    pub(super) fn unmap_all(&mut self, process: usize) {
        for mapping in 0..self.mappings.len() {
            if self.mappings[mapping].open && self.mappings[mapping].process == process {
                self.unmap(mapping);
            }
        }
    }

    /// A section or view of the process of a thread that lives and is not attached to another.
    fn mapping(&self, thread: &str, name: &str, is_view: bool) -> Result<usize, Invalid> {
        let thread = &self.threads[self.living_thread(thread)?];
        ensure(thread.attached.is_empty())?;
        let fits = |known: &Mapping| {
            known.open && known.is_view == is_view && known.process == thread.process && *known.name == *name
        };
        self.mappings.iter().position(fits).ok_or(Invalid)
    }

    fn check_range(&self, view: usize, offset: u64, length: u64) -> Result<(), Invalid> {
        let end = offset.checked_add(length).and_then(|end| i64::try_from(end).ok()).ok_or(Invalid)?;
        ensure(length > 0 && end <= self.mappings[view].size)
    }

    pub(in crate::torture) fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }
}
