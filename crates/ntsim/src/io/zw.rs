//! Files by handle: `ZwCreateFile` and its relatives, which every filter on the volume sees as anybody's requests.

use std::sync::Arc;

use super::by_handle::{self, Asked};
use super::create;
use super::file::File;
use super::own::OwnTransfer;
use crate::abi::{IoStatusBlock, ObjectAttributes, Ptr};
use crate::ex::push_lock;
use crate::ke::Cpu;
use crate::ob::Object;
use crate::sim::{Disposition, Major};
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `ZwCreateFile`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn create_file(
    cpu: &Cpu,
    handle: Ptr<usize>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    status: Ptr<IoStatusBlock>,
    _allocation: Ptr<i64>,
    _file_attributes: u32,
    share: u32,
    disposition: u32,
    options: u32,
    _ea: Ptr,
    _ea_length: u32,
) -> NtStatus {
    open(cpu, &Asked { attributes, access, share, disposition, options }, status, handle)
}

/// `ZwOpenFile`.
pub(crate) fn open_file(
    cpu: &Cpu,
    handle: Ptr<usize>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    status: Ptr<IoStatusBlock>,
    share: u32,
    options: u32,
) -> NtStatus {
    let disposition = Disposition::Open as u32;
    open(cpu, &Asked { attributes, access, share, disposition, options }, status, handle)
}

fn open(cpu: &Cpu, asked: &Asked, status: Ptr<IoStatusBlock>, handle: Ptr<usize>) -> NtStatus {
    push_lock::check_call_out(cpu);
    match asked.spec(cpu).and_then(|spec| create::create_by_driver(cpu, &spec)) {
        Ok((opened, ended)) => by_handle::give(cpu, (&opened, ended), status, handle),
        Err(failed) => failed,
    }
}

/// The file behind a handle of a driver's.
pub(super) fn file_of(cpu: &Cpu, handle: usize) -> Result<Arc<File>, NtStatus> {
    match cpu.kernel().handles.get(handle) {
        Some(Object::File(file)) => Ok(file),
        Some(_) => Err(NtStatus::OBJECT_TYPE_MISMATCH),
        None => {
            cpu.violation(Rule::ObjectReference, format!("uses handle 0x{handle:X}, which is not open"));
            Err(NtStatus::INVALID_HANDLE)
        }
    }
}

fn transfer(
    cpu: &Cpu,
    major: Major,
    handle: usize,
    status: Ptr<IoStatusBlock>,
    buffer: Ptr,
    length: u32,
    offset: Ptr<i64>,
) -> NtStatus {
    push_lock::check_call_out(cpu);
    let file = match file_of(cpu, handle) {
        Ok(file) => file,
        Err(status) => return status,
    };
    let offset = offset.non_null().map_or(file.position(), Ptr::read);
    let own = OwnTransfer { buffer: Some(buffer), ..OwnTransfer::new(major, &file, offset, length, None, 0) };
    let ended = own.send(cpu);
    ended.tell(status)
}

/// `ZwReadFile`: here it waits, however the file was opened.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn read_file(
    cpu: &Cpu,
    handle: usize,
    _event: usize,
    _apc: Ptr,
    _context: Ptr,
    status: Ptr<IoStatusBlock>,
    buffer: Ptr,
    length: u32,
    offset: Ptr<i64>,
    _key: Ptr<u32>,
) -> NtStatus {
    transfer(cpu, Major::Read, handle, status, buffer, length, offset)
}

/// `ZwWriteFile`: likewise.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn write_file(
    cpu: &Cpu,
    handle: usize,
    _event: usize,
    _apc: Ptr,
    _context: Ptr,
    status: Ptr<IoStatusBlock>,
    buffer: Ptr,
    length: u32,
    offset: Ptr<i64>,
    _key: Ptr<u32>,
) -> NtStatus {
    transfer(cpu, Major::Write, handle, status, buffer, length, offset)
}
