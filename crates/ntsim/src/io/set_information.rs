//! `NtSetInformationFile`, as far as copying and renaming use it.

use std::sync::Arc;

use super::file::File;
use super::request::{IoStatus, file_of};
use super::{irp, send};
use crate::abi::{Parameters, Ptr, RenameInformation, SetFileInformationParameters, Shared, SharedText};
use crate::ex::block::{Block, Content};
use crate::fltmgr::{Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Access, Handle, Major};
use crate::status::NtStatus;

/// `FILE_INFORMATION_CLASS`
const FILE_BASIC_INFORMATION: u32 = 4;
const FILE_RENAME_INFORMATION: u32 = 10;
const FILE_END_OF_FILE_INFORMATION: u32 = 20;
/// `sizeof(FILE_BASIC_INFORMATION)`
const BASIC_INFORMATION_BYTES: u32 = 40;
/// `sizeof(FILE_END_OF_FILE_INFORMATION)`
const END_OF_FILE_BYTES: u32 = 8;
/// Words of the system buffer that holds either.
const BUFFER_WORDS: usize = 5;

/// What to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setting {
    /// The file's size in bytes.
    EndOfFile(i64),
    /// Time stamps and attributes, all unchanged.
    Basic,
}

/// `NtSetInformationFile` by the current thread.
pub(super) fn set_information(cpu: &Cpu, handle: Handle, setting: Setting) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    let mut content = [0; BUFFER_WORDS];
    let (class, length) = match setting {
        Setting::EndOfFile(size) => {
            content[0] = size;
            (FILE_END_OF_FILE_INFORMATION, END_OF_FILE_BYTES)
        }
        Setting::Basic => (FILE_BASIC_INFORMATION, BASIC_INFORMATION_BYTES),
    };
    let buffer = Shared::new(content);
    let target = Arc::clone(&file);
    request(cpu, &file, class, buffer.ptr().cast(), length, move || {
        if let (Setting::EndOfFile(size), Some(fcb)) = (setting, target.fcb()) {
            fcb.node().set_size(size);
        }
        NtStatus::SUCCESS
    })
}

/// Renames a file by a handle with `DELETE` access, to a name that is free.
pub(crate) fn rename(cpu: &Cpu, handle: Handle, path: &str) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    if !SharedText::fits(path) {
        return Err(NtStatus::OBJECT_NAME_INVALID);
    }
    if !file.access().contains(Access::DELETE) {
        return Err(NtStatus::ACCESS_DENIED);
    }
    let (volume, name) = cpu.kernel().volumes.resolve(path).ok_or(NtStatus::OBJECT_PATH_NOT_FOUND)?;
    if !Arc::ptr_eq(&volume, file.volume()) {
        return Err(NtStatus::NOT_SAME_DEVICE);
    }
    let fcb = Arc::clone(file.fcb().ok_or(NtStatus::INVALID_PARAMETER)?);
    // Programs name the target by its full path, and filters see what they passed.
    let target = if path.starts_with('\\') { path.to_owned() } else { format!(r"\??\{path}") };
    let target: Vec<u16> = target.encode_utf16().collect();
    let buffer = Block::new(size_of::<RenameInformation>() + size_of_val(&target[..]), Content::Zeroed);
    let name_bytes = u32::try_from(size_of_val(&target[..])).map_err(|_| NtStatus::OBJECT_NAME_INVALID)?;
    buffer.ptr::<RenameInformation>().write(RenameInformation {
        replace_if_exists: 0,
        alignment: [0; 7],
        root_directory: Ptr::NULL,
        file_name_length: name_bytes,
        file_name: [0],
        alignment2: 0,
    });
    let text = buffer.ptr::<u8>().byte_offset::<u16>(std::mem::offset_of!(RenameInformation, file_name));
    text.write_slice(&target);
    let length = u32::try_from(buffer.bytes()).map_err(|_| NtStatus::OBJECT_NAME_INVALID)?;
    request(cpu, &file, FILE_RENAME_INFORMATION, buffer.ptr(), length, move || {
        volume.names.rename(fcb.node(), &name).err().unwrap_or(NtStatus::SUCCESS)
    })
}

fn request(
    cpu: &Cpu,
    file: &Arc<File>,
    class: u32,
    buffer: Ptr,
    length: u32,
    target: impl FnOnce() -> NtStatus + Send + 'static,
) -> Result<(), NtStatus> {
    let parameters = Parameters {
        set_file_information: SetFileInformationParameters {
            length,
            alignment: 0,
            file_information_class: class,
            alignment2: 0,
            parent_of_target: Ptr::NULL,
            delete_handle: Ptr::NULL,
            info_buffer: buffer,
        },
    };
    let operation = Operation {
        irp_flags: irp::SYNCHRONOUS_API | irp::BUFFERED_IO | irp::DEFER_IO_COMPLETION,
        ..Operation::new(Major::SetInformation, Kind::Irp, Arc::clone(file), Some(cpu.thread()))
    };
    send::send(cpu, operation, parameters, move |_| IoStatus::plain(target())).status.ok()
}
