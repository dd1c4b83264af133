//! `NtSetInformationFile`.

use std::sync::Arc;

use super::features::Features;
use super::file::File;
use super::request::{IoStatus, file_of};
use super::{file_object, irp, send};
use crate::abi::{Parameters, Ptr, RenameInformation, SetFileInformationParameters, Shared, SharedText};
use crate::cc::pages;
use crate::ex::block::{Block, Content};
use crate::fltmgr::{Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Access, Handle, Major, Setting};
use crate::status::NtStatus;

/// `FILE_INFORMATION_CLASS`
const FILE_BASIC_INFORMATION: u32 = 4;
const FILE_RENAME_INFORMATION: u32 = 10;
const FILE_LINK_INFORMATION: u32 = 11;
const FILE_DISPOSITION_INFORMATION: u32 = 13;
const FILE_POSITION_INFORMATION: u32 = 14;
const FILE_ALLOCATION_INFORMATION: u32 = 19;
const FILE_END_OF_FILE_INFORMATION: u32 = 20;
const FILE_VALID_DATA_LENGTH_INFORMATION: u32 = 39;
const FILE_DISPOSITION_INFORMATION_EX: u32 = 64;
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
        Setting::Basic => (FILE_BASIC_INFORMATION, BASIC_INFORMATION_BYTES, 0, Access::WRITE_ATTRIBUTES),
        Setting::EndOfFile(size) => (FILE_END_OF_FILE_INFORMATION, 8, number(size)?, Access::WRITE_DATA),
        Setting::Allocation(size) => (FILE_ALLOCATION_INFORMATION, 8, number(size)?, Access::WRITE_DATA),
        Setting::ValidDataLength(size) => {
            (FILE_VALID_DATA_LENGTH_INFORMATION, 8, number(size)?, Access::WRITE_DATA)
        }
        Setting::Position(offset) => (FILE_POSITION_INFORMATION, 8, number(offset)?, Access::empty()),
        Setting::Disposition { delete } => {
            (FILE_DISPOSITION_INFORMATION, 1, i64::from(delete), Access::DELETE)
        }
        Setting::DispositionEx { delete, posix } => {
            let flag = |set, flag| if set { flag } else { 0 };
            let flags = flag(delete, DISPOSITION_DELETE) | flag(posix, DISPOSITION_POSIX_SEMANTICS);
            (FILE_DISPOSITION_INFORMATION_EX, 4, flags, Access::DELETE)
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
    let target = Arc::clone(&file);
    request(cpu, &file, class, buffer.ptr().cast(), length, move |cpu| set(cpu, &target, setting, value))
}

/// The memory manager extends a file for a section that is longer (ntifs, `FileEndOfFileInformation`).
pub(crate) fn extend(cpu: &Cpu, file: &Arc<File>, size: i64) -> Result<(), NtStatus> {
    let buffer = Shared::new([size]);
    let target = Arc::clone(file);
    request(cpu, file, FILE_END_OF_FILE_INFORMATION, buffer.ptr().cast(), 8, move |_| {
        if let Some(fcb) = target.fcb() {
            fcb.node().set_end(size);
        }
        NtStatus::SUCCESS
    })
}

/// The file system's part.
fn set(cpu: &Cpu, file: &File, setting: Setting, value: i64) -> NtStatus {
    let Some(fcb) = file.fcb() else { return NtStatus::INVALID_PARAMETER };
    let node = fcb.node();
    match setting {
        Setting::Basic | Setting::Position(_) => {}
        Setting::EndOfFile(_) | Setting::Allocation(_) => {
            // Neither can cut off what is mapped (ntifs, `MmCanFileBeTruncated`).
            if value < node.size() && fcb.pages().is_mapped() {
                return NtStatus::USER_MAPPED_FILE;
            }
            if let Setting::EndOfFile(_) = setting {
                node.set_end(value);
            } else {
                node.set_allocation(value);
            }
            pages::discard(cpu, fcb, &(node.size()..i64::MAX));
        }
        Setting::ValidDataLength(_) => {
            let sizes = node.sizes();
            if !Features::of(file.volume().spec().file_system).valid_data
                || value < sizes.valid
                || value > sizes.file
            {
                return NtStatus::INVALID_PARAMETER;
            }
            node.set_valid(value);
        }
        Setting::Disposition { delete } => dispose(file, delete, false),
        Setting::DispositionEx { delete, posix } => dispose(file, delete, posix),
    }
    NtStatus::SUCCESS
}

fn dispose(file: &File, delete: bool, posix: bool) {
    let Some(fcb) = file.fcb() else { return };
    let name = file.current_name().filter(|_| delete);
    fcb.node().set_deleted(name.as_deref());
    file.delete_at_once(delete && posix);
    file.set_delete_pending(delete);
}

/// Renames a file by a handle with `DELETE` access, to a name that is free.
pub(crate) fn rename(cpu: &Cpu, handle: Handle, path: &str) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    if !file.access().contains(Access::DELETE) {
        return Err(NtStatus::ACCESS_DENIED);
    }
    let renamed = Arc::clone(&file);
    name(cpu, &file, FILE_RENAME_INFORMATION, path, move |to| {
        let Some(from) = renamed.current_name() else { return Err(NtStatus::INVALID_PARAMETER) };
        renamed.volume().names.rename(&from, to)
    })
}

/// `NtSetInformationFile` with `FileLinkInformation` by the current thread: one more name for a file, which is free.
pub(crate) fn link(cpu: &Cpu, handle: Handle, path: &str) -> Result<(), NtStatus> {
    let kernel = cpu.kernel();
    let file = file_of(kernel, &cpu.thread(), handle)?;
    let features = Features::of(file.volume().spec().file_system);
    let has_links = features.has_hard_links(kernel.config.windows);
    let linked = Arc::clone(&file);
    name(cpu, &file, FILE_LINK_INFORMATION, path, move |to| {
        let fcb = linked.fcb().ok_or(NtStatus::INVALID_PARAMETER)?;
        if !has_links {
            return Err(NtStatus::INVALID_DEVICE_REQUEST);
        }
        if fcb.node().is_directory() {
            return Err(NtStatus::FILE_IS_A_DIRECTORY);
        }
        linked.volume().names.link(fcb.node(), to)
    })
}

/// A request whose buffer is a `FILE_RENAME_INFORMATION` or `FILE_LINK_INFORMATION`, which are laid out alike; `target`
/// gets the path on the volume.
fn name(
    cpu: &Cpu,
    file: &Arc<File>,
    class: u32,
    path: &str,
    target: impl FnOnce(&str) -> Result<(), NtStatus> + Send + 'static,
) -> Result<(), NtStatus> {
    if !SharedText::fits(path) {
        return Err(NtStatus::OBJECT_NAME_INVALID);
    }
    let (volume, name) = cpu.kernel().volumes.resolve(path).ok_or(NtStatus::OBJECT_PATH_NOT_FOUND)?;
    if !Arc::ptr_eq(&volume, file.volume()) {
        return Err(NtStatus::NOT_SAME_DEVICE);
    }
    // Programs name the target by its full path, and filters see what they passed.
    let text = if path.starts_with('\\') { path.to_owned() } else { format!(r"\??\{path}") };
    let text: Vec<u16> = text.encode_utf16().collect();
    let buffer = Block::new(size_of::<RenameInformation>() + size_of_val(&text[..]), Content::Zeroed);
    let name_bytes = u32::try_from(size_of_val(&text[..])).map_err(|_| NtStatus::OBJECT_NAME_INVALID)?;
    buffer.ptr::<RenameInformation>().write(RenameInformation {
        replace_if_exists: 0,
        alignment: [0; 7],
        root_directory: Ptr::NULL,
        file_name_length: name_bytes,
        file_name: [0],
        alignment2: 0,
    });
    let place = buffer.ptr::<u8>().byte_offset::<u16>(std::mem::offset_of!(RenameInformation, file_name));
    place.write_slice(&text);
    let length = u32::try_from(buffer.bytes()).map_err(|_| NtStatus::OBJECT_NAME_INVALID)?;
    request(cpu, file, class, buffer.ptr(), length, move |_| target(&name).err().unwrap_or(NtStatus::SUCCESS))
}

fn request(
    cpu: &Cpu,
    file: &Arc<File>,
    class: u32,
    buffer: Ptr,
    length: u32,
    target: impl FnOnce(&Cpu) -> NtStatus + Send + 'static,
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
    send::send(cpu, operation, parameters, move |cpu| IoStatus::plain(target(cpu))).status.ok()
}
