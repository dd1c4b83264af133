//! Routines that lead from one object to another, and tell what they are.

use crate::abi::{FileObject, Ptr, UnicodeString};
use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `FLT_VOLUME_PROPERTIES`, with three strings behind the numbers.
const PROPERTIES_BYTES: usize = 72;
/// Offsets in it: device type, sector size, and the strings.
const SECTOR_SIZE: usize = 16;
const STRINGS: [usize; 3] = [24, 40, 56];
/// Sectors of the simulated disks.
const SECTOR_BYTES: u16 = 512;

/// Gives a driver a volume, referenced.
fn give_volume(cpu: &Cpu, found: Ptr, volume: Ptr<Ptr>) -> NtStatus {
    let status = super::reference::object_reference(cpu, found);
    volume.write(if status.is_success() { found } else { Ptr::NULL });
    status
}

/// `FltGetVolumeFromInstance`.
pub(crate) fn volume_from_instance(cpu: &Cpu, instance: Ptr, volume: Ptr<Ptr>) -> NtStatus {
    match cpu.kernel().filters.instance(cpu, instance) {
        Some(instance) => give_volume(cpu, instance.volume().ptr(), volume),
        None => NtStatus::INVALID_PARAMETER,
    }
}

/// `FltGetDeviceObject`: what it gives is referenced.
pub(crate) fn device_object(cpu: &Cpu, volume: Ptr, device: Ptr<Ptr>) -> NtStatus {
    let Some(volume) = cpu.kernel().filters.volume(cpu, volume) else { return NtStatus::INVALID_PARAMETER };
    cpu.kernel().objects.reference_device(&volume, volume.device(), cpu.owner());
    device.write(volume.device());
    NtStatus::SUCCESS
}

/// `FltGetVolumeFromFileObject`.
pub(crate) fn volume_from_file_object(
    cpu: &Cpu,
    _filter: Ptr,
    file: Ptr<FileObject>,
    volume: Ptr<Ptr>,
) -> NtStatus {
    let Some(file) = cpu.kernel().objects.file(file.cast()) else {
        cpu.violation(Rule::ObjectReference, format!("{file:?} is no file object (any more)"));
        return NtStatus::INVALID_PARAMETER;
    };
    give_volume(cpu, file.volume().ptr(), volume)
}

/// `FltGetVolumeProperties`: the numbers, and as many of the names behind them as there is room for.
pub(crate) fn volume_properties(
    cpu: &Cpu,
    volume: Ptr,
    properties: Ptr<u8>,
    bytes: u32,
    needed: Ptr<u32>,
) -> NtStatus {
    let Some(volume) = cpu.kernel().filters.volume(cpu, volume) else { return NtStatus::INVALID_PARAMETER };
    let driver = format!(r"\FileSystem\{:?}", volume.spec().file_system);
    let device = volume.device_name().as_str().to_owned();
    let texts = [driver, device.clone(), device].map(|text| text.encode_utf16().collect::<Vec<_>>());
    let whole = PROPERTIES_BYTES + texts.iter().map(|text| size_of_val(text.as_slice())).sum::<usize>();
    needed.write_if_given(u32::try_from(whole).unwrap_or(u32::MAX));
    let room = bytes as usize;
    if room < PROPERTIES_BYTES {
        return NtStatus::BUFFER_TOO_SMALL;
    }
    properties.write_slice(&[0; PROPERTIES_BYTES]);
    properties.cast::<u32>().write(volume.device_type());
    properties.byte_offset::<u16>(SECTOR_SIZE).write(SECTOR_BYTES);
    if room < whole {
        return NtStatus::BUFFER_OVERFLOW;
    }
    let mut place = properties.byte_offset::<u16>(PROPERTIES_BYTES);
    for (offset, text) in STRINGS.into_iter().zip(texts) {
        let length = u16::try_from(size_of_val(text.as_slice())).unwrap_or(0);
        place.write_slice(&text);
        properties.byte_offset(offset).write(UnicodeString { length, maximum_length: length, buffer: place });
        place = place.offset(text.len());
    }
    NtStatus::SUCCESS
}

/// The names of the major functions from 0 on, as the header has them; empty where there is none.
const IRP_NAMES: [&str; 28] = [
    "IRP_MJ_CREATE\0",
    "IRP_MJ_CREATE_NAMED_PIPE\0",
    "IRP_MJ_CLOSE\0",
    "IRP_MJ_READ\0",
    "IRP_MJ_WRITE\0",
    "IRP_MJ_QUERY_INFORMATION\0",
    "IRP_MJ_SET_INFORMATION\0",
    "IRP_MJ_QUERY_EA\0",
    "IRP_MJ_SET_EA\0",
    "IRP_MJ_FLUSH_BUFFERS\0",
    "IRP_MJ_QUERY_VOLUME_INFORMATION\0",
    "IRP_MJ_SET_VOLUME_INFORMATION\0",
    "IRP_MJ_DIRECTORY_CONTROL\0",
    "IRP_MJ_FILE_SYSTEM_CONTROL\0",
    "IRP_MJ_DEVICE_CONTROL\0",
    "IRP_MJ_INTERNAL_DEVICE_CONTROL\0",
    "IRP_MJ_SHUTDOWN\0",
    "IRP_MJ_LOCK_CONTROL\0",
    "IRP_MJ_CLEANUP\0",
    "IRP_MJ_CREATE_MAILSLOT\0",
    "IRP_MJ_QUERY_SECURITY\0",
    "IRP_MJ_SET_SECURITY\0",
    "IRP_MJ_POWER\0",
    "IRP_MJ_SYSTEM_CONTROL\0",
    "IRP_MJ_DEVICE_CHANGE\0",
    "IRP_MJ_QUERY_QUOTA\0",
    "IRP_MJ_SET_QUOTA\0",
    "IRP_MJ_PNP\0",
];

/// `FltGetIrpName`.
pub(crate) fn irp_name(_cpu: &Cpu, major: u8) -> Ptr {
    let name = IRP_NAMES.get(usize::from(major)).unwrap_or(&"IRP_MJ_UNKNOWN\0");
    Ptr::of(name.as_ptr()).cast()
}

/// `FltRequestOperationStatusCallback`: what is watched for here, an operation that pends in the file system, is
/// refused, as for an operation that is none of an IRP.
pub(crate) fn request_operation_status_callback(
    cpu: &Cpu,
    data: Ptr,
    _routine: Ptr,
    _context: Ptr,
) -> NtStatus {
    if cpu.kernel().filters.operation(cpu, data).is_none() {
        return NtStatus::INVALID_PARAMETER;
    }
    NtStatus::INVALID_DEVICE_REQUEST
}

/// `FltGetRequestorProcessIdEx`.
pub(crate) fn requestor_process_id(cpu: &Cpu, data: Ptr) -> usize {
    super::routines::requestor_process_id(cpu, data) as usize
}

/// `FltIs32bitProcess`, `IoIs32bitProcess`: every simulated process is one of 64 bits.
pub(crate) fn is_32_bit_process(_cpu: &Cpu, _about: Ptr) -> u8 {
    0
}
