//! Sections and views.

use super::{Handle, Process, Section, SectionSpec, Sim, Thread, View};
use crate::mm::section;
use crate::status::NtStatus;

impl Sim {
    /// `NtCreateSection` of a file, by its process.
    ///
    /// # Errors
    ///
    /// `STATUS_ACCESS_DENIED` for a handle without the access, `STATUS_MAPPED_FILE_SIZE_ZERO` for an empty file, or the
    /// status that a filter gives.
    pub fn create_section(
        &self,
        thread: Thread,
        handle: Handle,
        spec: &SectionSpec,
    ) -> Result<Section, NtStatus> {
        self.as_thread(thread, |cpu| section::create(cpu, handle, spec))
    }

    /// Gives another process a handle of a section.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_HANDLE`, or a process that has ended.
    pub fn duplicate_section(
        &self,
        thread: Thread,
        section: Section,
        to: Process,
    ) -> Result<Section, NtStatus> {
        let to = self.kernel().processes.process(to.0).filter(|process| process.is_alive());
        let to = to.ok_or(NtStatus::INVALID_CID)?;
        self.as_thread(thread, |cpu| section::duplicate(cpu, section, &to))
    }

    /// `NtMapViewOfSection` of the whole section, into the thread's process.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_HANDLE`.
    pub fn map_view(&self, thread: Thread, section: Section) -> Result<View, NtStatus> {
        self.as_thread(thread, |cpu| section::map_view(cpu, section))
    }

    /// The thread writes to memory of a view. No operation follows before somebody writes the pages.
    ///
    /// # Errors
    ///
    /// `STATUS_ACCESS_VIOLATION` outside the view, or where it may not be written to.
    pub fn dirty_view(&self, thread: Thread, view: View, offset: u64, length: u64) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| section::dirty_view(cpu, view, offset, length))
    }

    /// `NtFlushVirtualMemory` (`FlushViewOfFile`): what is dirty there is written in this thread, whoever wrote it.
    ///
    /// # Errors
    ///
    /// The status of the failed write.
    pub fn flush_view(&self, thread: Thread, view: View, offset: u64, length: u64) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| section::flush_view(cpu, view, offset, length))
    }

    /// `NtUnmapViewOfSection`; what is dirty is written later.
    ///
    /// # Errors
    ///
    /// `STATUS_NOT_MAPPED_VIEW`.
    pub fn unmap_view(&self, thread: Thread, view: View) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| section::unmap_view(cpu, view))
    }

    /// `NtClose` of a section; views of it stay.
    ///
    /// # Errors
    ///
    /// `STATUS_INVALID_HANDLE`.
    pub fn close_section(&self, thread: Thread, section: Section) -> Result<(), NtStatus> {
        self.as_thread(thread, |cpu| section::close(cpu, section))
    }
}
