//! Sections of files, and views of them.
//!
//! A write through a view is no operation: it only makes pages dirty. What filters see are the creation of the section,
//! and the paging writes, of whoever flushes or of the modified page writer.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::cc::page_in::page_in;
use crate::cc::pages::{Dirtied, release_idle};
use crate::cc::write_out::{Writer, write_out};
use crate::io::file::File;
use crate::io::paging::TopLevel;
use crate::io::request::file_of;
use crate::io::{Fcb, fs_filter, set_information};
use crate::ke::Cpu;
use crate::ps::Process;
use crate::sim::{Access, Handle, Protection, Section, SectionSpec, View};
use crate::status::NtStatus;
use crate::util::Lock;

/// `SEC_COMMIT`
pub(super) const SEC_COMMIT: u32 = 0x0800_0000;

/// A section of a file; it lives while a handle or a view of it does.
struct SectionObject {
    file: Arc<File>,
    protection: Protection,
    size: i64,
}

/// Something of a section in a process.
#[derive(Clone)]
struct Mapping {
    process: Arc<Process>,
    section: Arc<SectionObject>,
    is_view: bool,
}

#[derive(Default)]
struct State {
    last: u64,
    mappings: BTreeMap<u64, Mapping>,
}

/// The section handles and views of one kernel.
#[derive(Default)]
pub(crate) struct Sections {
    state: Lock<State>,
}

impl Sections {
    fn add(&self, mapping: Mapping) -> u64 {
        let mut state = self.state.lock();
        state.last += 1;
        let id = state.last;
        state.mappings.insert(id, mapping);
        id
    }

    /// What a process has under a number: a section handle, or a view.
    fn get(&self, process: &Process, id: u64, is_view: bool) -> Result<Arc<SectionObject>, NtStatus> {
        let state = self.state.lock();
        let found = state.mappings.get(&id).filter(|mapping| mapping.is_view == is_view);
        let own = found.filter(|mapping| mapping.process.id() == process.id());
        let missing = if is_view { NtStatus::NOT_MAPPED_VIEW } else { NtStatus::INVALID_HANDLE };
        own.map(|mapping| Arc::clone(&mapping.section)).ok_or(missing)
    }

    fn remove(&self, id: u64) -> Option<Mapping> {
        self.state.lock().mappings.remove(&id)
    }

    /// All that a process has.
    fn of(&self, process: &Process) -> Vec<u64> {
        let state = self.state.lock();
        let own = state.mappings.iter().filter(|(_, mapping)| mapping.process.id() == process.id());
        own.map(|(id, _)| *id).collect()
    }
}

/// `NtCreateSection` by the current thread.
pub(crate) fn create(cpu: &Cpu, handle: Handle, spec: &SectionSpec) -> Result<Section, NtStatus> {
    let thread = cpu.thread();
    let file = file_of(cpu.kernel(), &thread, handle)?;
    let Some(fcb) = file.fcb().filter(|fcb| !fcb.node().is_directory()) else {
        return Err(NtStatus::INVALID_FILE_FOR_SECTION);
    };
    let writes = spec.protection.shares_writes();
    let access = if writes { Access::READ_DATA | Access::WRITE_DATA } else { Access::READ_DATA };
    if !file.access().contains(access) {
        return Err(NtStatus::ACCESS_DENIED);
    }
    let file_size = fcb.node().size();
    let size = match spec.size {
        Some(size) => i64::try_from(size).map_err(|_| NtStatus::SECTION_TOO_BIG)?,
        None => file_size,
    };
    if size == 0 {
        return Err(NtStatus::MAPPED_FILE_SIZE_ZERO);
    }
    if size > file_size && !writes {
        return Err(NtStatus::SECTION_TOO_BIG);
    }
    let mut extended = Ok(());
    fs_filter::create_section(cpu, &file, spec.protection as u32, SEC_COMMIT, || {
        if size > file_size {
            extended = set_information::extend(cpu, &file, size);
        }
    })?;
    extended?;
    let section = Arc::new(SectionObject { file: Arc::clone(&file), protection: spec.protection, size });
    fcb.pages().mapped(&file);
    let process = Arc::clone(thread.process());
    Ok(Section(cpu.kernel().sections.add(Mapping { process, section, is_view: false })))
}

/// `NtMapViewOfSection` by the current thread, into its own process.
pub(crate) fn map_view(cpu: &Cpu, section: Section) -> Result<View, NtStatus> {
    let process = Arc::clone(cpu.thread().process());
    let sections = &cpu.kernel().sections;
    let section = sections.get(&process, section.0, false)?;
    fcb_of(&section)?.pages().mapped(&section.file);
    Ok(View(sections.add(Mapping { process, section, is_view: true })))
}

/// The current thread's process gives another one a handle of the section.
pub(crate) fn duplicate(cpu: &Cpu, section: Section, to: &Arc<Process>) -> Result<Section, NtStatus> {
    let sections = &cpu.kernel().sections;
    let section = sections.get(cpu.thread().process(), section.0, false)?;
    fcb_of(&section)?.pages().mapped(&section.file);
    Ok(Section(sections.add(Mapping { process: Arc::clone(to), section, is_view: false })))
}

fn fcb_of(section: &SectionObject) -> Result<&Arc<Fcb>, NtStatus> {
    section.file.fcb().ok_or(NtStatus::INVALID_FILE_FOR_SECTION)
}

fn range(section: &SectionObject, offset: u64, length: u64) -> Result<Range<i64>, NtStatus> {
    let end = offset.checked_add(length).and_then(|end| i64::try_from(end).ok());
    let end = end.filter(|end| *end <= section.size).ok_or(NtStatus::ACCESS_VIOLATION)?;
    Ok(i64::try_from(offset).map_err(|_| NtStatus::ACCESS_VIOLATION)?..end)
}

/// The current thread writes to memory of a view.
pub(crate) fn dirty_view(cpu: &Cpu, view: View, offset: u64, length: u64) -> Result<(), NtStatus> {
    let kernel = cpu.kernel();
    let section = kernel.sections.get(cpu.thread().process(), view.0, true)?;
    let range = range(&section, offset, length)?;
    match section.protection {
        Protection::ReadOnly | Protection::ExecuteRead => return Err(NtStatus::ACCESS_VIOLATION),
        Protection::WriteCopy | Protection::ReadWrite | Protection::ExecuteReadWrite => {}
    }
    // The page fault comes first.
    page_in(cpu, &section.file, &range, TopLevel::None)?;
    if section.protection == Protection::WriteCopy {
        return Ok(());
    }
    let fcb = fcb_of(&section)?;
    let dirty = fcb.pages().dirty(&kernel.cache, &section.file, &range, Dirtied::Mapped, kernel.clock.now());
    if let Some(dirty) = dirty {
        crate::cc::lazy_writer::throttle(cpu, dirty);
    }
    Ok(())
}

/// `NtFlushVirtualMemory` by the current thread: all that is dirty there is written, whoever dirtied it.
pub(crate) fn flush_view(cpu: &Cpu, view: View, offset: u64, length: u64) -> Result<(), NtStatus> {
    let section = cpu.kernel().sections.get(cpu.thread().process(), view.0, true)?;
    let range = range(&section, offset, length)?;
    write_out(cpu, fcb_of(&section)?, &range, Writer::View)
}

/// `NtUnmapViewOfSection` by the current thread.
pub(crate) fn unmap_view(cpu: &Cpu, view: View) -> Result<(), NtStatus> {
    cpu.kernel().sections.get(cpu.thread().process(), view.0, true)?;
    drop_mapping(cpu, view.0);
    Ok(())
}

/// `NtClose` of a section by the current thread.
pub(crate) fn close(cpu: &Cpu, section: Section) -> Result<(), NtStatus> {
    cpu.kernel().sections.get(cpu.thread().process(), section.0, false)?;
    drop_mapping(cpu, section.0);
    Ok(())
}

/// A process ends with its address space.
pub(crate) fn process_gone(cpu: &Cpu, process: &Process) {
    for id in cpu.kernel().sections.of(process) {
        drop_mapping(cpu, id);
    }
}

fn drop_mapping(cpu: &Cpu, id: u64) {
    let Some(mapping) = cpu.kernel().sections.remove(id) else { return };
    if let Ok(fcb) = fcb_of(&mapping.section) {
        fcb.pages().unmapped();
        release_idle(cpu, fcb);
    }
}
