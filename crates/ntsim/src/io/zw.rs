//! Files by handle: `ZwCreateFile` and its relatives, which every filter on the volume sees as anybody's requests.

use std::sync::Arc;

use super::create;
use super::file::File;
use super::own::OwnTransfer;
use crate::abi::{IoStatusBlock, ObjectAttributes, Ptr};
use crate::ex::push_lock;
use crate::fltmgr::{DISPOSITIONS, path_of};
use crate::ke::Cpu;
use crate::ob::Object;
use crate::ob::routines::OBJ_KERNEL_HANDLE;
use crate::sim::{Access, CreateOptions, CreateSpec, Disposition, Major, Mode, Share};
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
    let Some(disposition) = DISPOSITIONS.get(disposition as usize) else {
        cpu.violation(Rule::InvalidParameter, format!("{disposition} is no CreateDisposition"));
        return NtStatus::INVALID_PARAMETER;
    };
    open(cpu, handle, access, attributes, status, share, *disposition, options)
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
    open(cpu, handle, access, attributes, status, share, Disposition::Open, options)
}

#[expect(clippy::too_many_arguments, reason = "the routines have as many")]
fn open(
    cpu: &Cpu,
    handle: Ptr<usize>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    status: Ptr<IoStatusBlock>,
    share: u32,
    disposition: Disposition,
    options: u32,
) -> NtStatus {
    push_lock::check_call_out(cpu);
    let attributes = attributes.read();
    if attributes.attributes & OBJ_KERNEL_HANDLE == 0 && !cpu.thread().process().is_system() {
        let detail = "opens a file without OBJ_KERNEL_HANDLE in the context of a user process";
        cpu.violation(Rule::InvalidParameter, detail);
    }
    let path = match path_of(cpu, &attributes) {
        Ok(path) => path,
        Err(status) => return status,
    };
    let spec = CreateSpec::new(&path)
        .access(Access::from_bits_retain(access))
        .disposition(disposition)
        .options(CreateOptions::from_bits_truncate(options))
        .share(Share::from_bits_truncate(share))
        .mode(Mode::Kernel);
    let (opened, ended) = match create::create_by_driver(cpu, &spec) {
        Ok(opened) => opened,
        Err(status) => return status,
    };
    ended.tell(status);
    let owner = cpu.owner();
    cpu.kernel().objects.reference(opened.ptr().cast(), owner);
    handle.write(cpu.kernel().handles.open(Object::File(opened), owner));
    ended.status
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
