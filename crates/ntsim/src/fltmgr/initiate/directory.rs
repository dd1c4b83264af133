//! `FltQueryDirectoryFile`: those below the filter, and the file system, are asked what a directory lists.

use super::requests::{returned, send_as};
use crate::abi::{FileObject, Ptr, UnicodeString};
use crate::io::query_directory::{self, QUERY_DIRECTORY};
use crate::ke::Cpu;
use crate::sim::Major;
use crate::status::NtStatus;

/// `FltQueryDirectoryFile`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn query(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    buffer: Ptr,
    length: u32,
    class: u32,
    single: u8,
    name: Ptr<UnicodeString>,
    restart: u8,
    bytes: Ptr<u32>,
) -> NtStatus {
    let flags = u32::from(query_directory::flags(restart, single));
    query_ex(cpu, instance, file, buffer, length, class, flags, name, bytes)
}

/// `FltQueryDirectoryFileEx`, whose flags are those of the stack location.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn query_ex(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    buffer: Ptr,
    length: u32,
    class: u32,
    flags: u32,
    name: Ptr<UnicodeString>,
    bytes: Ptr<u32>,
) -> NtStatus {
    let Ok(flags) = u8::try_from(flags) else { return NtStatus::INVALID_PARAMETER };
    let sender = match super::sender(cpu, instance, file) {
        Ok(sender) => sender,
        Err(status) => return status,
    };
    let parameters = query_directory::parameters(class, name, buffer, length);
    let form = (QUERY_DIRECTORY, flags);
    returned(send_as(cpu, &sender, Major::DirectoryControl, form, 0, parameters), bytes)
}
