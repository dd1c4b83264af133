//! `ZwQueryInformationFile`, `ZwSetInformationFile` and `ZwQueryDirectoryFile`: by handle, seen by every filter on the volume.

use super::query_directory::QUERY_DIRECTORY;
use super::zw::file_of;
use super::{irp, own, query_directory};
use crate::abi::{IoStatusBlock, Parameters, Ptr, UnicodeString};
use crate::ex::push_lock;
use crate::fltmgr::{Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Major, Mode};
use crate::status::NtStatus;

/// The minor function of a request, and the flags of its stack location.
#[derive(Clone, Copy, Default)]
struct Form {
    minor: u8,
    flags: u8,
}

fn send(
    cpu: &Cpu,
    handle: usize,
    status: Ptr<IoStatusBlock>,
    major: Major,
    irp_flags: u32,
    form: Form,
    parameters: Parameters,
) -> NtStatus {
    push_lock::check_call_out(cpu);
    let file = match file_of(cpu, handle) {
        Ok(file) => file,
        Err(status) => return status,
    };
    let operation = Operation {
        irp_flags: irp::SYNCHRONOUS_API | irp::BUFFERED_IO | irp_flags,
        minor: form.minor,
        operation_flags: form.flags,
        mode: Mode::Kernel,
        ..Operation::new(major, Kind::Irp, file, Some(cpu.thread()))
    };
    let ended = own::perform(cpu, operation, parameters);
    ended.tell(status)
}

/// `ZwQueryInformationFile`.
pub(crate) fn query_information_file(
    cpu: &Cpu,
    handle: usize,
    status: Ptr<IoStatusBlock>,
    buffer: Ptr,
    length: u32,
    class: u32,
) -> NtStatus {
    let parameters = Parameters::query_information(class, buffer, length);
    send(cpu, handle, status, Major::QueryInformation, irp::INPUT_OPERATION, Form::default(), parameters)
}

/// `ZwSetInformationFile`.
pub(crate) fn set_information_file(
    cpu: &Cpu,
    handle: usize,
    status: Ptr<IoStatusBlock>,
    buffer: Ptr,
    length: u32,
    class: u32,
) -> NtStatus {
    let parameters = Parameters::set_information(class, buffer, length);
    send(cpu, handle, status, Major::SetInformation, 0, Form::default(), parameters)
}

/// `ZwQueryDirectoryFile`: here it waits, however the directory was opened.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn query_directory_file(
    cpu: &Cpu,
    handle: usize,
    _event: usize,
    _apc: Ptr,
    _context: Ptr,
    status: Ptr<IoStatusBlock>,
    buffer: Ptr,
    length: u32,
    class: u32,
    single: u8,
    name: Ptr<UnicodeString>,
    restart: u8,
) -> NtStatus {
    let form = Form { minor: QUERY_DIRECTORY, flags: query_directory::flags(restart, single) };
    let parameters = query_directory::parameters(class, name, buffer, length);
    send(cpu, handle, status, Major::DirectoryControl, 0, form, parameters)
}

/// `ZwQueryDirectoryFileEx`, whose flags are those of the stack location.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn query_directory_file_ex(
    cpu: &Cpu,
    handle: usize,
    _event: usize,
    _apc: Ptr,
    _context: Ptr,
    status: Ptr<IoStatusBlock>,
    buffer: Ptr,
    length: u32,
    class: u32,
    flags: u32,
    name: Ptr<UnicodeString>,
) -> NtStatus {
    let Ok(flags) = u8::try_from(flags) else { return NtStatus::INVALID_PARAMETER };
    let form = Form { minor: QUERY_DIRECTORY, flags };
    let parameters = query_directory::parameters(class, name, buffer, length);
    send(cpu, handle, status, Major::DirectoryControl, 0, form, parameters)
}
