//! Renaming and linking (ntifs, `FILE_RENAME_INFORMATION`, `FILE_LINK_INFORMATION`, which are laid out alike).

use std::mem::offset_of;
use std::sync::Arc;

use super::{class, request};
use crate::abi::{Ptr, RenameInformation, SetFileInformationParameters, SharedText};
use crate::cc::pages;
use crate::ex::block::{Block, Content};
use crate::io::features::Features;
use crate::io::file::File;
use crate::io::request::file_of;
use crate::ke::Cpu;
use crate::sim::{Access, Handle, Replace};
use crate::status::NtStatus;

/// `FILE_RENAME_*`, `FILE_LINK_*`
const REPLACE_IF_EXISTS: u32 = 1;
const POSIX_SEMANTICS: u32 = 2;

impl Replace {
    /// The first word of the buffer: `ReplaceIfExists`, or the flags of the newer classes.
    fn word(self) -> u32 {
        match self {
            Self::Never => 0,
            Self::IfClosed => REPLACE_IF_EXISTS,
            Self::Posix => REPLACE_IF_EXISTS | POSIX_SEMANTICS,
        }
    }

    fn of(word: u32, has_flags: bool) -> Self {
        match (word & REPLACE_IF_EXISTS != 0, has_flags && word & POSIX_SEMANTICS != 0) {
            (false, _) => Self::Never,
            (true, false) => Self::IfClosed,
            (true, true) => Self::Posix,
        }
    }
}

/// Renames a file by a handle with `DELETE` access.
pub(crate) fn rename(cpu: &Cpu, handle: Handle, path: &str, replace: Replace) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    if !file.access().contains(Access::DELETE) {
        return Err(NtStatus::ACCESS_DENIED);
    }
    let class = if replace == Replace::Posix { class::RENAME_EX } else { class::RENAME };
    name(cpu, &file, class, path, replace)
}

/// `NtSetInformationFile` with `FileLinkInformation` by the current thread: one more name for a file.
pub(crate) fn link(cpu: &Cpu, handle: Handle, path: &str, replace: Replace) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    let class = if replace == Replace::Posix { class::LINK_EX } else { class::LINK };
    name(cpu, &file, class, path, replace)
}

fn name(cpu: &Cpu, file: &Arc<File>, class: u32, path: &str, replace: Replace) -> Result<(), NtStatus> {
    if !SharedText::fits(path) {
        return Err(NtStatus::OBJECT_NAME_INVALID);
    }
    // The I/O manager opens the folder first, and finds out where it is.
    let (volume, _) = cpu.kernel().volumes.resolve(path).ok_or(NtStatus::OBJECT_PATH_NOT_FOUND)?;
    if !Arc::ptr_eq(&volume, file.volume()) {
        return Err(NtStatus::NOT_SAME_DEVICE);
    }
    // Programs name the target by its full path, and filters see what they passed.
    let text = if path.starts_with('\\') { path.to_owned() } else { format!(r"\??\{path}") };
    let text: Vec<u16> = text.encode_utf16().collect();
    let name_bytes = size_of_val(&text[..]);
    let buffer = Block::new(size_of::<RenameInformation>() + name_bytes, Content::Zeroed);
    let number = |bytes: usize| u32::try_from(bytes).map_err(|_| NtStatus::OBJECT_NAME_INVALID);
    buffer.ptr::<RenameInformation>().write(RenameInformation {
        replace_if_exists: 0,
        alignment: [0; 7],
        root_directory: Ptr::NULL,
        file_name_length: number(name_bytes)?,
        file_name: [0],
        alignment2: 0,
    });
    buffer.ptr::<u32>().write(replace.word());
    let place = buffer.ptr::<u8>().byte_offset::<u16>(offset_of!(RenameInformation, file_name));
    place.write_slice(&text);
    request(cpu, file, class, buffer.ptr(), number(buffer.bytes())?)
}

/// What the buffer of a rename or link says: the path on the file's volume, and whether what is there may be replaced.
fn asked_for(
    cpu: &Cpu,
    file: &File,
    asked: &SetFileInformationParameters,
) -> Result<(String, Replace), NtStatus> {
    let length = asked.length as usize;
    if length < size_of::<RenameInformation>() {
        return Err(NtStatus::INFO_LENGTH_MISMATCH);
    }
    let information = asked.info_buffer.cast::<RenameInformation>().read();
    let bytes = information.file_name_length as usize;
    let begin = offset_of!(RenameInformation, file_name);
    if bytes == 0 || !bytes.is_multiple_of(size_of::<u16>()) || bytes > length - begin {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let units = asked.info_buffer.byte_offset::<u16>(begin).read_slice(bytes / size_of::<u16>());
    let text = String::from_utf16_lossy(&units);
    let has_flags = matches!(asked.file_information_class, class::RENAME_EX | class::LINK_EX);
    let replace = Replace::of(asked.info_buffer.cast::<u32>().read(), has_flags);
    if !text.contains('\\') {
        // "If RootDirectory is NULL" and there is no path, it stays in its folder.
        let own = file.current_name().ok_or(NtStatus::INVALID_PARAMETER)?;
        let folder = own.rfind('\\').map_or("", |slash| &own[..=slash]);
        return Ok((format!("{folder}{text}"), replace));
    }
    let (volume, path) = cpu.kernel().volumes.resolve(&text).ok_or(NtStatus::OBJECT_PATH_NOT_FOUND)?;
    if !Arc::ptr_eq(&volume, file.volume()) {
        return Err(NtStatus::NOT_SAME_DEVICE);
    }
    Ok((path, replace))
}

/// The file system's part of a rename.
pub(super) fn rename_as_asked(
    cpu: &Cpu,
    file: &File,
    asked: &SetFileInformationParameters,
) -> Result<(), NtStatus> {
    let (to, replace) = asked_for(cpu, file, asked)?;
    let from = file.current_name().ok_or(NtStatus::INVALID_PARAMETER)?;
    let replaced = file.volume().names.rename(&from, &to, replace)?;
    discard(cpu, replaced.as_ref());
    Ok(())
}

/// The file system's part of a link.
pub(super) fn link_as_asked(
    cpu: &Cpu,
    file: &File,
    asked: &SetFileInformationParameters,
) -> Result<(), NtStatus> {
    let (to, replace) = asked_for(cpu, file, asked)?;
    let fcb = file.fcb().ok_or(NtStatus::INVALID_PARAMETER)?;
    let features = Features::of(file.volume().spec().file_system);
    if !features.has_hard_links(cpu.kernel().config.windows) {
        return Err(NtStatus::INVALID_DEVICE_REQUEST);
    }
    if fcb.node().is_directory() {
        return Err(NtStatus::FILE_IS_A_DIRECTORY);
    }
    let replaced = file.volume().names.link(fcb.node(), &to, replace)?;
    discard(cpu, replaced.as_ref());
    Ok(())
}

/// What has been replaced, and has no other name, is never written.
fn discard(cpu: &Cpu, replaced: Option<&Arc<crate::io::node::Node>>) {
    let nameless = replaced.filter(|node| node.is_nameless());
    if let Some(fcb) = nameless.and_then(|node| node.fcb()) {
        pages::discard(cpu, &fcb, &pages::EVERYTHING);
        pages::release_idle(cpu, &fcb);
    }
}
