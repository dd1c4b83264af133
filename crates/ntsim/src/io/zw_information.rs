//! `ZwQueryInformationFile` and `ZwSetInformationFile`: by handle, seen by every filter on the volume.

use super::zw::file_of;
use super::{irp, own};
use crate::abi::{IoStatusBlock, Parameters, Ptr};
use crate::ex::push_lock;
use crate::fltmgr::{Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Major, Mode};
use crate::status::NtStatus;

fn send(
    cpu: &Cpu,
    handle: usize,
    status: Ptr<IoStatusBlock>,
    major: Major,
    irp_flags: u32,
    parameters: Parameters,
) -> NtStatus {
    push_lock::check_call_out(cpu);
    let file = match file_of(cpu, handle) {
        Ok(file) => file,
        Err(status) => return status,
    };
    let operation = Operation {
        irp_flags: irp::SYNCHRONOUS_API | irp::BUFFERED_IO | irp_flags,
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
    send(cpu, handle, status, Major::QueryInformation, irp::INPUT_OPERATION, parameters)
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
    send(cpu, handle, status, Major::SetInformation, 0, parameters)
}
