//! `FltReadFile` and `FltWriteFile`.

use super::callback_data;
use crate::abi::{FileObject, Ptr};
use crate::fltmgr::Submitted;
use crate::io;
use crate::io::file_object;
use crate::io::own::OwnTransfer;
use crate::io::request::IoStatus;
use crate::io::volume::SECTOR_BYTES;
use crate::ke::{Cpu, Entry, Frame, Irql};
use crate::sim::Major;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `FLTFL_IO_OPERATION_*`
const NON_CACHED: u32 = 1;
const PAGING: u32 = 2;
const DO_NOT_UPDATE_BYTE_OFFSET: u32 = 4;
const SYNCHRONOUS_PAGING: u32 = 8;

/// `FltReadFile`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn read_file(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    offset: Ptr<i64>,
    length: u32,
    buffer: Ptr,
    flags: u32,
    bytes: Ptr<u32>,
    callback: Ptr,
    context: usize,
) -> NtStatus {
    let then = Then { bytes, callback, context };
    transfer(cpu, Major::Read, instance, file, offset, length, buffer, flags, then)
}

/// `FltWriteFile`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn write_file(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    offset: Ptr<i64>,
    length: u32,
    buffer: Ptr,
    flags: u32,
    bytes: Ptr<u32>,
    callback: Ptr,
    context: usize,
) -> NtStatus {
    let then = Then { bytes, callback, context };
    transfer(cpu, Major::Write, instance, file, offset, length, buffer, flags, then)
}

/// What is to happen in the end.
#[derive(Clone, Copy)]
struct Then {
    bytes: Ptr<u32>,
    callback: Ptr,
    context: usize,
}

#[expect(clippy::too_many_arguments, reason = "the routines have as many")]
fn transfer(
    cpu: &Cpu,
    major: Major,
    instance: Ptr,
    file: Ptr<FileObject>,
    offset: Ptr<i64>,
    length: u32,
    buffer: Ptr,
    flags: u32,
    then: Then,
) -> NtStatus {
    let (instance, file) = match super::sender(cpu, instance, file) {
        Ok(sender) => sender,
        Err(status) => return status,
    };
    // Only paging I/O may be sent at APC_LEVEL (the routines' pages).
    if cpu.irql() >= Irql::APC && flags & PAGING == 0 {
        cpu.violation(
            Rule::IrqlTooHigh,
            format!("reads or writes a file at {}, not as paging I/O", cpu.irql()),
        );
    }
    let before = file.position();
    let offset = offset.non_null().map_or(before, Ptr::read);
    let non_cached = flags & (NON_CACHED | PAGING) != 0 || file.has(file_object::NO_INTERMEDIATE_BUFFERING);
    let sector = i64::from(SECTOR_BYTES);
    if non_cached && (offset % sector != 0 || !length.is_multiple_of(SECTOR_BYTES)) {
        let detail = "reads or writes past the cache what does not begin and end with a sector";
        cpu.violation(Rule::InvalidParameter, detail);
        return NtStatus::INVALID_PARAMETER;
    }
    let own = OwnTransfer {
        buffer: Some(buffer),
        non_cached,
        paging: flags & PAGING != 0,
        synchronous_paging: flags & SYNCHRONOUS_PAGING != 0,
        ..OwnTransfer::new(
            major,
            &file,
            offset,
            length,
            Some(instance.altitude()),
            io::callback_data::GENERATED_IO,
        )
    };
    let done = move |ended: IoStatus| {
        if flags & DO_NOT_UPDATE_BYTE_OFFSET != 0 {
            file.set_position(before);
        }
        ended
    };
    if then.callback.is_null() {
        let ended = done(own.send(cpu));
        then.bytes.write_if_given(u32::try_from(ended.information).unwrap_or(u32::MAX));
        return ended.status;
    }
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    let keeps = instance.users.acquire();
    let submitted = own.clone().submit(cpu, move |cpu, ended| {
        let ended = done(ended);
        then.bytes.write_if_given(u32::try_from(ended.information).unwrap_or(u32::MAX));
        let data = callback_data::completed(&instance, &own, ended);
        let frame = Frame { driver, entry: Entry::AsyncCompletion, operation: None };
        cpu.call_driver(frame, then.callback, &[data.ptr().address(), then.context]);
        if keeps {
            instance.users.release(cpu);
        }
    });
    match submitted {
        Submitted::Completed(ended) => ended.status,
        Submitted::Pending => NtStatus::PENDING,
    }
}
