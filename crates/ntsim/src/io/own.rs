//! What filters send themselves, for those below them, and what the file system does with it.

use std::sync::Arc;

use super::create;
use super::data::{ReadTarget, WriteTarget};
use super::file::File;
use super::request::IoStatus;
use super::transfer::{irp_flags, read_parameters, write_parameters};
use super::{flush, irp, lock_control, set_information, stack_location};
use super::{query_directory, query_information};
use crate::abi::{Parameters, Ptr};
use crate::fltmgr::{self, Altitude, Answer, Arrival, Kind, Operation, Submitted};
use crate::ke::Cpu;
use crate::sim::{Major, Mode};
use crate::status::NtStatus;

/// A read or write of a filter's own.
#[derive(Clone)]
pub(crate) struct OwnTransfer {
    /// [`Major::Read`] or [`Major::Write`].
    pub(crate) major: Major,
    pub(crate) file: Arc<File>,
    pub(crate) offset: i64,
    pub(crate) length: u32,
    /// `None`: an address that nobody may touch.
    pub(crate) buffer: Option<Ptr>,
    pub(crate) non_cached: bool,
    pub(crate) paging: bool,
    pub(crate) synchronous_paging: bool,
    /// Only those below see it.
    pub(crate) below: Option<Altitude>,
    /// `FLTFL_CALLBACK_DATA_*`
    pub(crate) flags: u32,
}

impl OwnTransfer {
    /// A transfer as the file was opened, from or to nowhere.
    pub(crate) fn new(
        major: Major,
        file: &Arc<File>,
        offset: i64,
        length: u32,
        below: Option<Altitude>,
        flags: u32,
    ) -> Self {
        Self {
            major,
            file: Arc::clone(file),
            offset,
            length,
            buffer: None,
            non_cached: false,
            paging: false,
            synchronous_paging: false,
            below,
            flags,
        }
    }

    fn request(&self, cpu: &Cpu) -> (Operation, Parameters) {
        let is_read = self.major == Major::Read;
        let kind = if is_read { irp::READ_OPERATION } else { irp::WRITE_OPERATION };
        let operation = Operation {
            irp_flags: irp_flags(&self.file, kind, self.paging, self.synchronous_paging, self.non_cached),
            mode: Mode::Kernel,
            data_flags: self.flags,
            below: self.below,
            offset: Some(self.offset),
            length: Some(self.length),
            ..Operation::new(self.major, Kind::Irp, Arc::clone(&self.file), Some(cpu.thread()))
        };
        let mut parameters = if is_read {
            read_parameters(cpu, self.offset, self.length)
        } else {
            write_parameters(cpu, self.offset, self.length)
        };
        if let Some(buffer) = self.buffer {
            // Reads and writes have their buffer at the same place.
            parameters.write.write_buffer = buffer;
        }
        (operation, parameters)
    }

    /// Sends it in the current thread, and waits for it.
    pub(crate) fn send(&self, cpu: &Cpu) -> IoStatus {
        let (operation, parameters) = self.request(cpu);
        perform(cpu, operation, parameters)
    }

    /// Sends it without waiting.
    pub(crate) fn submit(
        &self,
        cpu: &Cpu,
        completion: impl FnOnce(&Cpu, IoStatus) + Send + 'static,
    ) -> Submitted {
        let (operation, parameters) = self.request(cpu);
        submit(cpu, operation, parameters, completion)
    }
}

/// Sends a request that a filter has put together, and waits for it.
pub(crate) fn perform(cpu: &Cpu, operation: Operation, parameters: Parameters) -> IoStatus {
    fltmgr::dispatch(cpu, operation, parameters, answer)
}

/// Sends a request that a filter has put together, without waiting.
pub(crate) fn submit(
    cpu: &Cpu,
    operation: Operation,
    parameters: Parameters,
    completion: impl FnOnce(&Cpu, IoStatus) + Send + 'static,
) -> Submitted {
    fltmgr::submit(cpu, operation, parameters, answer, completion)
}

/// The file system's part of a request, which may have to wait.
fn answer(cpu: &Cpu, arrival: &Arrival<'_>) -> Answer {
    match arrival.operation.major {
        Major::LockControl => lock_control::answer(cpu, arrival),
        _ => Answer::Complete(file_system(cpu, arrival)),
    }
}

/// The file system's part of a request that never waits, from its parameters alone.
fn file_system(cpu: &Cpu, arrival: &Arrival<'_>) -> IoStatus {
    let file = Arc::clone(arrival.file);
    let set = |flag: u32| arrival.irp_flags & flag != 0;
    match arrival.operation.major {
        Major::Read => {
            let target = ReadTarget {
                non_cached: set(irp::NOCACHE),
                paging: set(irp::PAGING_IO),
                ..ReadTarget::new(&file, 0, 0)
            };
            target.heed(arrival).run(cpu)
        }
        Major::Write => {
            let target = WriteTarget {
                paging: set(irp::PAGING_IO),
                non_cached: set(irp::NOCACHE),
                write_through: arrival.operation_flags & stack_location::WRITE_THROUGH != 0,
                ..WriteTarget::new(&file, 0, 0)
            };
            target.heed(arrival).run(cpu)
        }
        Major::Create => {
            // SAFETY: this is a create.
            let create = unsafe { arrival.parameters.create };
            create::open_as_asked(cpu, &file, &create)
        }
        Major::FlushBuffers => flush::flush_file(cpu, &file),
        Major::SetInformation => {
            IoStatus::plain(set_information::set_as_asked(cpu, arrival).err().unwrap_or(NtStatus::SUCCESS))
        }
        Major::QueryInformation => query_information::query_as_asked(cpu, arrival),
        Major::DirectoryControl => query_directory::answer_in_buffer(cpu, arrival),
        Major::QueryEa => query_information::query_ea_as_asked(arrival),
        Major::QueryVolumeInformation => query_information::query_volume_as_asked(arrival),
        Major::FileSystemControl | Major::DeviceControl => query_information::control_as_asked(arrival),
        _ => IoStatus::plain(NtStatus::INVALID_DEVICE_REQUEST),
    }
}
