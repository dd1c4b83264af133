//! Names of files and volumes that drivers ask the I/O manager for, or give it.

use std::sync::Arc;

use super::file::File;
use super::volume::Volume;
use crate::abi::{FileObject, Ptr, UnicodeString};
use crate::ke::Cpu;
use crate::rtl;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// Bytes of an `OBJECT_NAME_INFORMATION` before its text.
const NAME_INFORMATION_BYTES: usize = size_of::<UnicodeString>();
/// The longest name, in bytes.
const MAX_NAME_BYTES: u16 = 0xFFFC;

/// The file object at a driver's pointer, complaining if there is none (any more).
pub(super) fn file_at(cpu: &Cpu, file: Ptr<FileObject>) -> Option<Arc<File>> {
    let found = cpu.kernel().objects.file(file.cast());
    if found.is_none() {
        cpu.violation(Rule::ObjectReference, format!("{file:?} is no file object (any more)"));
    }
    found
}

/// What Win32 calls a volume: its drive letter, or its GUID name.
fn dos_name(volume: &Volume) -> Option<String> {
    let guid = || volume.guid_name().map(|name| name.as_str().replacen(r"\??\", r"\\?\", 1));
    volume.dos_name().map(str::to_owned).or_else(guid)
}

/// `IoVolumeDeviceToDosName`, of a volume's device or the disk's that it lies on: the caller frees the text.
pub(crate) fn volume_device_to_dos_name(cpu: &Cpu, device: Ptr, name: Ptr<UnicodeString>) -> NtStatus {
    let volumes = cpu.kernel().volumes.all();
    let Some(volume) =
        volumes.iter().find(|volume| volume.device() == device || volume.disk() == Some(device))
    else {
        cpu.violation(Rule::ObjectReference, format!("{device:?} is no volume's device object (any more)"));
        return NtStatus::INVALID_PARAMETER;
    };
    match dos_name(volume) {
        Some(text) => rtl::unicode::give(cpu, name, &text.encode_utf16().collect::<Vec<_>>()),
        None => NtStatus::OBJECT_NAME_NOT_FOUND,
    }
}

/// `IoQueryFileDosDeviceName`: an `OBJECT_NAME_INFORMATION` that the caller frees.
pub(crate) fn query_file_dos_device_name(
    cpu: &Cpu,
    file: Ptr<FileObject>,
    information: Ptr<Ptr>,
) -> NtStatus {
    let Some(file) = file_at(cpu, file) else { return NtStatus::INVALID_PARAMETER };
    let Some(volume) = dos_name(file.volume()) else { return NtStatus::OBJECT_NAME_NOT_FOUND };
    let name = file.current_name();
    let text = format!("{volume}{}", name.as_deref().unwrap_or(file.name()));
    let units: Vec<u16> = text.encode_utf16().collect();
    let bytes = NAME_INFORMATION_BYTES + size_of_val(units.as_slice()) + size_of::<u16>();
    let block: Ptr<UnicodeString> = cpu.kernel().pool.allocate_for_driver(cpu, bytes, *b"IoNm");
    write_name(block, &units);
    information.write(block.cast());
    NtStatus::SUCCESS
}

/// Writes an `OBJECT_NAME_INFORMATION`, its text behind it.
fn write_name(place: Ptr<UnicodeString>, units: &[u16]) {
    let text = place.byte_offset::<u16>(NAME_INFORMATION_BYTES);
    text.write_slice(units);
    text.offset(units.len()).write(0);
    let length = u16::try_from(size_of_val(units)).unwrap_or(MAX_NAME_BYTES);
    place.write(UnicodeString { length, maximum_length: length + 2, buffer: text });
}

/// `ObQueryNameString`, of a file object or a device object.
pub(crate) fn query_name_string(
    cpu: &Cpu,
    object: Ptr,
    information: Ptr<UnicodeString>,
    bytes: u32,
    needed: Ptr<u32>,
) -> NtStatus {
    let volumes = cpu.kernel().volumes.all();
    let device = volumes.iter().find(|volume| volume.device() == object);
    let name = match (cpu.kernel().objects.file(object), device) {
        (Some(file), _) => file.path().to_owned(),
        (None, Some(volume)) => volume.device_name().as_str().to_owned(),
        (None, None) => String::new(),
    };
    let units: Vec<u16> = name.encode_utf16().collect();
    // An object without a name has none, not even a terminator.
    let text = if units.is_empty() { 0 } else { size_of_val(units.as_slice()) + size_of::<u16>() };
    let whole = NAME_INFORMATION_BYTES + text;
    needed.write(u32::try_from(whole).unwrap_or(u32::MAX));
    if (bytes as usize) < whole {
        return NtStatus::INFO_LENGTH_MISMATCH;
    }
    if units.is_empty() {
        information.write(UnicodeString { length: 0, maximum_length: 0, buffer: Ptr::NULL });
    } else {
        write_name(information, &units);
    }
    NtStatus::SUCCESS
}

/// `IoReplaceFileObjectName`.
pub(crate) fn replace_file_object_name(
    cpu: &Cpu,
    file: Ptr<FileObject>,
    name: Ptr<u16>,
    bytes: u16,
) -> NtStatus {
    let Some(file) = file_at(cpu, file) else { return NtStatus::INVALID_PARAMETER };
    if file.name().is_empty() {
        return NtStatus::INVALID_PARAMETER;
    }
    file.replace_name(String::from_utf16_lossy(&name.read_slice(usize::from(bytes / 2))));
    NtStatus::SUCCESS
}

/// `IoGetTransactionParameterBlock`.
pub(crate) fn transaction_parameter_block(cpu: &Cpu, file: Ptr<FileObject>) -> Ptr {
    let file = file_at(cpu, file);
    file.and_then(|file| file.transaction().map(|transaction| transaction.parameter_block()))
        .unwrap_or(Ptr::NULL)
}
