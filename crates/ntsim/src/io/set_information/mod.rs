//! `NtSetInformationFile`.

mod file_system;
mod name;

use std::sync::Arc;

pub(super) use self::file_system::set_as_asked;
pub(crate) use self::name::{link, rename};
use super::file::File;
use super::request::{IoStatus, file_of};
use super::{file_object, irp, send};
use crate::abi::{Parameters, Ptr, Shared};
use crate::fltmgr::{Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Access, Handle, Major, Setting};
use crate::status::NtStatus;

/// `FILE_INFORMATION_CLASS`
mod class {
    pub(super) const BASIC: u32 = 4;
    pub(super) const RENAME: u32 = 10;
    pub(super) const LINK: u32 = 11;
    pub(super) const DISPOSITION: u32 = 13;
    pub(super) const POSITION: u32 = 14;
    pub(super) const ALLOCATION: u32 = 19;
    pub(super) const END_OF_FILE: u32 = 20;
    pub(super) const VALID_DATA_LENGTH: u32 = 39;
    pub(super) const DISPOSITION_EX: u32 = 64;
    pub(super) const RENAME_EX: u32 = 65;
    pub(super) const LINK_EX: u32 = 72;
}

/// `FILE_DISPOSITION_*`
const DISPOSITION_DELETE: i64 = 1;
const DISPOSITION_POSIX_SEMANTICS: i64 = 2;
/// `sizeof(FILE_BASIC_INFORMATION)`
const BASIC_INFORMATION_BYTES: u32 = 40;
/// Words of the system buffer that holds any of these.
const BUFFER_WORDS: usize = 5;

/// What a request for a setting looks like: its class, the bytes of its buffer, the buffer's first word, and the access
/// that the I/O manager demands of the handle (ntifs, `NtSetInformationFile`).
fn form(setting: Setting) -> Result<(u32, u32, i64, Access), NtStatus> {
    let number = |value| i64::try_from(value).map_err(|_| NtStatus::INVALID_PARAMETER);
    Ok(match setting {
        Setting::Basic => (class::BASIC, BASIC_INFORMATION_BYTES, 0, Access::WRITE_ATTRIBUTES),
        Setting::EndOfFile(size) => (class::END_OF_FILE, 8, number(size)?, Access::WRITE_DATA),
        Setting::Allocation(size) => (class::ALLOCATION, 8, number(size)?, Access::WRITE_DATA),
        Setting::ValidDataLength(size) => (class::VALID_DATA_LENGTH, 8, number(size)?, Access::WRITE_DATA),
        Setting::Position(offset) => (class::POSITION, 8, number(offset)?, Access::empty()),
        Setting::Disposition { delete } => (class::DISPOSITION, 1, i64::from(delete), Access::DELETE),
        Setting::DispositionEx { delete, posix } => {
            let flag = |set, flag| if set { flag } else { 0 };
            let flags = flag(delete, DISPOSITION_DELETE) | flag(posix, DISPOSITION_POSIX_SEMANTICS);
            (class::DISPOSITION_EX, 4, flags, Access::DELETE)
        }
    })
}

/// `NtSetInformationFile` by the current thread.
pub(crate) fn set_information(cpu: &Cpu, handle: Handle, setting: Setting) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    let (class, length, value, access) = form(setting)?;
    if !file.access().contains(access) {
        return Err(NtStatus::ACCESS_DENIED);
    }
    if let Setting::Position(_) = setting {
        // The I/O manager does this by itself where the file pointer is its own.
        if file.has(file_object::SYNCHRONOUS_IO) {
            file.set_position(value);
        }
        return Ok(());
    }
    let mut content = [0; BUFFER_WORDS];
    content[0] = value;
    let buffer = Shared::new(content);
    request(cpu, &file, class, buffer.ptr().cast(), length)
}

/// The memory manager extends a file for a section that is longer (ntifs, `FileEndOfFileInformation`).
pub(crate) fn extend(cpu: &Cpu, file: &Arc<File>, size: i64) -> Result<(), NtStatus> {
    let buffer = Shared::new([size]);
    request(cpu, file, class::END_OF_FILE, buffer.ptr().cast(), 8)
}

/// Sends a request whose parameters are in a system buffer.
fn request(cpu: &Cpu, file: &Arc<File>, class: u32, buffer: Ptr, length: u32) -> Result<(), NtStatus> {
    let parameters = Parameters::set_information(class, buffer, length);
    let operation = Operation {
        irp_flags: irp::SYNCHRONOUS_API | irp::BUFFERED_IO | irp::DEFER_IO_COMPLETION,
        ..Operation::new(Major::SetInformation, Kind::Irp, Arc::clone(file), Some(cpu.thread()))
    };
    let ended = send::send(cpu, operation, parameters, |cpu, arrival| {
        IoStatus::plain(set_as_asked(cpu, arrival).err().unwrap_or(NtStatus::SUCCESS))
    });
    ended.status.ok()
}
