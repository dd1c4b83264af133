//! Requests about a file or its volume that filters send to those below them, and to the file system.

use std::sync::Arc;

use crate::abi::{
    FileObject, FileSystemControlParameters, IoStatusBlock, Parameters, Ptr, QueryEaParameters,
};
use crate::fltmgr::instance::Instance;
use crate::fltmgr::{Kind, Operation};
use crate::io::file::File;
use crate::io::request::IoStatus;
use crate::io::{callback_data, irp, own, query_information};
use crate::ke::Cpu;
use crate::sim::{Major, Mode};
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `METHOD_NEITHER`, and the bits of a control code that are its method.
const METHOD_NEITHER: u32 = 3;
const METHOD_BUFFERED: u32 = 0;

/// Sends a request in the current thread and waits for it.
fn send(
    cpu: &Cpu,
    sender: &(Arc<Instance>, Arc<File>),
    major: Major,
    irp_flags: u32,
    parameters: Parameters,
) -> IoStatus {
    send_as(cpu, sender, major, (0, 0), irp_flags, parameters)
}

/// Likewise, with a minor function and flags of the stack location.
pub(super) fn send_as(
    cpu: &Cpu,
    (instance, file): &(Arc<Instance>, Arc<File>),
    major: Major,
    (minor, operation_flags): (u8, u8),
    irp_flags: u32,
    parameters: Parameters,
) -> IoStatus {
    if file.volume().is_dismounted() {
        return IoStatus::plain(NtStatus::VOLUME_DISMOUNTED);
    }
    let operation = Operation {
        minor,
        operation_flags,
        irp_flags: irp::SYNCHRONOUS_API | irp_flags,
        data_flags: callback_data::GENERATED_IO,
        mode: Mode::Kernel,
        below: Some(instance.altitude()),
        ..Operation::new(major, Kind::Irp, Arc::clone(file), Some(cpu.thread()))
    };
    own::perform(cpu, operation, parameters)
}

/// The instance that asks something about a file that is open.
fn asker(cpu: &Cpu, instance: Ptr, file: Ptr<FileObject>) -> Result<(Arc<Instance>, Arc<File>), NtStatus> {
    let asker = super::sender(cpu, instance, file)?;
    if asker.1.fcb().is_none() {
        cpu.violation(Rule::InvalidParameter, "asks about a file that is not open");
        return Err(NtStatus::INVALID_PARAMETER);
    }
    if cpu.thread().io().top_level_irp() != 0 {
        let detail = "asks about a file while the thread has a top-level IRP, which can deadlock";
        cpu.violation(Rule::InvalidParameter, detail);
    }
    Ok(asker)
}

pub(super) fn returned(ended: IoStatus, bytes: Ptr<u32>) -> NtStatus {
    bytes.write_if_given(u32::try_from(ended.information).unwrap_or(u32::MAX));
    ended.status
}

fn query(
    cpu: &Cpu,
    major: Major,
    asker: Result<(Arc<Instance>, Arc<File>), NtStatus>,
    buffer: Ptr,
    length: u32,
    class: u32,
    bytes: Ptr<u32>,
) -> NtStatus {
    let asker = match asker {
        Ok(asker) => asker,
        Err(status) => return status,
    };
    let parameters = Parameters::query_information(class, buffer, length);
    let flags = irp::BUFFERED_IO | irp::INPUT_OPERATION;
    returned(send(cpu, &asker, major, flags, parameters), bytes)
}

/// `FltQueryInformationFile`.
pub(crate) fn query_information_file(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    buffer: Ptr,
    length: u32,
    class: u32,
    bytes: Ptr<u32>,
) -> NtStatus {
    let asker = asker(cpu, instance, file);
    query(cpu, Major::QueryInformation, asker, buffer, length, class, bytes)
}

/// `FltQueryVolumeInformationFile`.
pub(crate) fn query_volume_information_file(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    buffer: Ptr,
    length: u32,
    class: u32,
    bytes: Ptr<u32>,
) -> NtStatus {
    let asker = super::sender(cpu, instance, file);
    query(cpu, Major::QueryVolumeInformation, asker, buffer, length, class, bytes)
}

/// `FltQueryVolumeInformation`: of the volume that the instance is on.
pub(crate) fn query_volume_information(
    cpu: &Cpu,
    instance: Ptr,
    status: Ptr<IoStatusBlock>,
    buffer: Ptr,
    length: u32,
    class: u32,
) -> NtStatus {
    let Some(instance) = cpu.kernel().filters.instance(cpu, instance) else {
        return NtStatus::INVALID_PARAMETER;
    };
    let ended = query_information::query_volume(instance.volume(), buffer, length, class);
    ended.tell(status)
}

/// `FltQueryEaFile`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn query_ea_file(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    buffer: Ptr,
    length: u32,
    _single: u8,
    list: Ptr,
    list_length: u32,
    index: Ptr<u32>,
    _restart: u8,
    bytes: Ptr<u32>,
) -> NtStatus {
    let asker = match asker(cpu, instance, file) {
        Ok(asker) => asker,
        Err(status) => return status,
    };
    let parameters = Parameters::zeroed_then(|parameters| {
        parameters.query_ea = QueryEaParameters {
            length,
            alignment: 0,
            ea_list: list,
            ea_list_length: list_length,
            alignment2: 0,
            ea_index: index.non_null().map_or(0, Ptr::read),
            alignment3: 0,
            ea_buffer: buffer,
            mdl_address: Ptr::NULL,
        };
    });
    returned(send(cpu, &asker, Major::QueryEa, irp::BUFFERED_IO | irp::INPUT_OPERATION, parameters), bytes)
}

/// `FltSetInformationFile`.
pub(crate) fn set_information_file(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    buffer: Ptr,
    length: u32,
    class: u32,
) -> NtStatus {
    let asker = match asker(cpu, instance, file) {
        Ok(asker) => asker,
        Err(status) => return status,
    };
    let parameters = Parameters::set_information(class, buffer, length);
    send(cpu, &asker, Major::SetInformation, irp::BUFFERED_IO, parameters).status
}

/// `FltFlushBuffers`.
pub(crate) fn flush_buffers(cpu: &Cpu, instance: Ptr, file: Ptr<FileObject>) -> NtStatus {
    match super::sender(cpu, instance, file) {
        Ok(sender) => send(cpu, &sender, Major::FlushBuffers, 0, Parameters::NONE).status,
        Err(status) => status,
    }
}

/// `FltFsControlFile`, `FltDeviceIoControlFile`. A control whose method is neither passes the buffers as they are, one
/// that is buffered its output, into which the input is copied.
#[expect(clippy::too_many_arguments, reason = "the routines have as many")]
pub(crate) fn control_file<const MAJOR: u8>(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    code: u32,
    input: Ptr,
    input_length: u32,
    output: Ptr,
    output_length: u32,
    bytes: Ptr<u32>,
) -> NtStatus {
    let major = Major::of(MAJOR).expect("the table of routines has major functions that there are");
    let sender = match super::sender(cpu, instance, file) {
        Ok(sender) => sender,
        Err(status) => return status,
    };
    let buffered = code & METHOD_NEITHER == METHOD_BUFFERED;
    let system_buffer = if buffered && !output.is_null() { output } else { input };
    let mut parameters = Parameters::zeroed_then(|parameters| {
        parameters.file_system_control = FileSystemControlParameters {
            output_buffer_length: output_length,
            alignment: 0,
            input_buffer_length: input_length,
            alignment2: 0,
            fs_control_code: code,
            alignment3: 0,
            system_buffer,
        };
    });
    if !buffered {
        // The output buffer follows on the input buffer.
        parameters.write.mdl_address = output;
    }
    let flags = if buffered { irp::BUFFERED_IO } else { 0 };
    returned(send(cpu, &sender, major, flags, parameters), bytes)
}
