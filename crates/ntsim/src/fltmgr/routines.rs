//! Routines that look at an operation.

use super::operation::Kind;
use crate::abi::{CopyInformation, FileObject, Ptr};
use crate::exports::{self, Module};
use crate::ke::Cpu;
use crate::rtl;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `FltGetRoutineAddress`: a routine of the Filter Manager, if this Windows version exports it.
pub(crate) fn routine_address(cpu: &Cpu, name: Ptr<u8>) -> Ptr {
    let name = rtl::read_c_string(name);
    let kernel = cpu.kernel();
    let found = exports::address(Module::FltMgr, &name, kernel.config.windows, &kernel.cells);
    found.map_or(Ptr::NULL, Ptr::at)
}

/// `FltGetRequestorProcess`.
pub(crate) fn requestor_process(cpu: &Cpu, data: Ptr) -> Ptr {
    let operation = cpu.kernel().filters.operation(cpu, data);
    let requestor = operation.and_then(|operation| operation.requestor.clone());
    requestor.map_or(Ptr::NULL, |process| process.ptr())
}

/// `FltGetRequestorProcessId`.
pub(crate) fn requestor_process_id(cpu: &Cpu, data: Ptr) -> u32 {
    let operation = cpu.kernel().filters.operation(cpu, data);
    let requestor = operation.and_then(|operation| operation.requestor.clone());
    requestor.map_or(0, |process| process.pid())
}

/// `FltGetCopyInformationFromCallbackData`.
pub(crate) fn copy_information(cpu: &Cpu, data: Ptr, information: Ptr<CopyInformation>) -> NtStatus {
    let Some(operation) = cpu.kernel().filters.operation(cpu, data) else {
        return NtStatus::INVALID_PARAMETER;
    };
    if operation.kind != Kind::Irp {
        return NtStatus::INVALID_PARAMETER;
    }
    match &operation.copy {
        Some(origin) => {
            information.write(CopyInformation {
                source_file_object: origin.file.ptr(),
                source_file_offset: origin.offset,
            });
            NtStatus::SUCCESS
        }
        None => NtStatus::NOT_FOUND,
    }
}

/// `FltIsDirectory`, for files that have been opened.
pub(crate) fn is_directory(cpu: &Cpu, file: Ptr<FileObject>, instance: Ptr, directory: Ptr<u8>) -> NtStatus {
    if cpu.kernel().filters.instance(cpu, instance).is_none() {
        return NtStatus::INVALID_PARAMETER;
    }
    let Some(found) = cpu.kernel().objects.file(file.cast()) else {
        cpu.violation(Rule::ObjectReference, format!("{file:?} is no file object (any more)"));
        return NtStatus::INVALID_PARAMETER;
    };
    let Some(fcb) = found.fcb() else {
        cpu.violation(Rule::InvalidParameter, "asks whether a file is a directory before it has been opened");
        return NtStatus::INVALID_PARAMETER;
    };
    directory.write(u8::from(fcb.node().is_directory()));
    NtStatus::SUCCESS
}
