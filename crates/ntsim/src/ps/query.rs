//! `ZwQueryInformationProcess`.

use std::sync::Arc;

use super::Process;
use crate::abi::{Ptr, UnicodeString};
use crate::ke::Cpu;
use crate::ob::Object;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `NtCurrentProcess()`
const CURRENT_PROCESS: usize = usize::MAX;

/// `PROCESSINFOCLASS`
const PROCESS_BASIC_INFORMATION: u32 = 0;
const PROCESS_SESSION_INFORMATION: u32 = 24;
const PROCESS_IMAGE_FILE_NAME: u32 = 27;

/// `PROCESS_BASIC_INFORMATION` as an array of its six pointer-sized members.
const BASIC_INFORMATION_BYTES: u32 = 48;
const BASIC_INFORMATION_PID: usize = 4;
const BASIC_INFORMATION_PARENT: usize = 5;

/// `ZwQueryInformationProcess`, for the classes that a file auditor asks for.
pub(crate) fn query_information_process(
    cpu: &Cpu,
    process: usize,
    class: u32,
    buffer: Ptr,
    bytes: u32,
    returned: Ptr<u32>,
) -> NtStatus {
    let process = match find(cpu, process) {
        Ok(process) => process,
        Err(status) => return status,
    };
    match class {
        PROCESS_BASIC_INFORMATION => {
            if bytes != BASIC_INFORMATION_BYTES {
                return NtStatus::INFO_LENGTH_MISMATCH;
            }
            let words = buffer.cast::<usize>();
            words.write_slice(&[0; BASIC_INFORMATION_PARENT + 1]);
            words.offset(BASIC_INFORMATION_PID).write(process.pid() as usize);
            words.offset(BASIC_INFORMATION_PARENT).write(process.parent() as usize);
            returned.write_if_given(BASIC_INFORMATION_BYTES);
        }
        PROCESS_SESSION_INFORMATION => {
            if bytes != 4 {
                return NtStatus::INFO_LENGTH_MISMATCH;
            }
            buffer.cast::<u32>().write(process.session());
            returned.write_if_given(4);
        }
        PROCESS_IMAGE_FILE_NAME => return image_file_name(&process, buffer, bytes, returned),
        _ => return NtStatus::INVALID_INFO_CLASS,
    }
    NtStatus::SUCCESS
}

/// The process behind a handle.
pub(super) fn find(cpu: &Cpu, handle: usize) -> Result<Arc<Process>, NtStatus> {
    if handle == CURRENT_PROCESS {
        return Ok(Arc::clone(cpu.thread().process()));
    }
    match cpu.kernel().handles.get(handle) {
        Some(Object::Process(process)) => Ok(process),
        Some(_) => Err(NtStatus::OBJECT_TYPE_MISMATCH),
        None => {
            cpu.violation(Rule::ObjectReference, format!("queries handle 0x{handle:X}, which is not open"));
            Err(NtStatus::INVALID_HANDLE)
        }
    }
}

/// A `UNICODE_STRING` followed by its buffer.
fn image_file_name(process: &Process, buffer: Ptr, bytes: u32, returned: Ptr<u32>) -> NtStatus {
    let units = if process.has_image_file() { process.image().units() } else { &[] };
    let header = size_of::<UnicodeString>();
    let needed = u32::try_from(header + size_of_val(units)).expect("names are short");
    returned.write_if_given(needed);
    if bytes < needed {
        return NtStatus::INFO_LENGTH_MISMATCH;
    }
    let text = buffer.byte_offset::<u16>(header);
    text.write_slice(units);
    let length = u16::try_from(size_of_val(units)).expect("names are short");
    buffer.cast().write(UnicodeString { length, maximum_length: length, buffer: text });
    NtStatus::SUCCESS
}
