//! The file system's part of queries about a file, its extended attributes and its volume, as filters send them: all
//! that it says comes from the request's parameters and goes into the request's buffer.

use std::sync::Arc;

use super::answer::Answer;
use super::features::Features;
use super::file::File;
use super::node::Node;
use super::request::IoStatus;
use super::volume::{CLUSTER_BYTES, SECTOR_BYTES, Volume};
use crate::abi::{Parameters, Ptr, QueryFileInformationParameters};
use crate::fltmgr::Arrival;
use crate::ke::Cpu;
use crate::sim::FileSystem;
use crate::status::NtStatus;

/// `FILE_INFORMATION_CLASS` (ntifs, `NtQueryInformationFile`).
mod class {
    pub(super) const BASIC: u32 = 4;
    pub(super) const STANDARD: u32 = 5;
    pub(super) const INTERNAL: u32 = 6;
    pub(super) const EA: u32 = 7;
    pub(super) const ACCESS: u32 = 8;
    pub(super) const NAME: u32 = 9;
    pub(super) const POSITION: u32 = 14;
    pub(super) const NETWORK_OPEN: u32 = 34;
    pub(super) const ATTRIBUTE_TAG: u32 = 35;
    pub(super) const NORMALIZED_NAME: u32 = 48;
    pub(super) const ID: u32 = 59;
}

/// `FS_INFORMATION_CLASS` (ntifs, `NtQueryVolumeInformationFile`).
mod volume_class {
    pub(super) const VOLUME: u32 = 1;
    pub(super) const SIZE: u32 = 3;
    pub(super) const DEVICE: u32 = 4;
    pub(super) const ATTRIBUTE: u32 = 5;
    pub(super) const FULL_SIZE: u32 = 7;
}

/// `FILE_ATTRIBUTE_*`
pub(super) const ATTRIBUTE_DIRECTORY: u32 = 0x10;
const ATTRIBUTE_ARCHIVE: u32 = 0x20;
/// Clusters of every volume, and how many of them are free: 16 GiB, half of them.
const CLUSTERS: i64 = 4 << 20;
const FREE_CLUSTERS: i64 = CLUSTERS / 2;
/// `FILE_DEVICE_DISK`
const FILE_DEVICE_DISK: u32 = 7;
/// `FILE_DEVICE_IS_MOUNTED`
const DEVICE_IS_MOUNTED: u32 = 0x20;
/// The longest component of a name, in characters.
const MAX_COMPONENT: u32 = 255;

/// `FileAttributes` of what lies on a volume.
pub(super) fn attributes(node: &Node) -> u32 {
    if node.is_directory() { ATTRIBUTE_DIRECTORY } else { ATTRIBUTE_ARCHIVE }
}

/// `IRP_MJ_QUERY_INFORMATION`.
pub(super) fn query_as_asked(cpu: &Cpu, arrival: &Arrival<'_>) -> IoStatus {
    // SAFETY: this is a query of a file.
    let asked: QueryFileInformationParameters = unsafe { arrival.parameters.query_file_information };
    match about_file(cpu, arrival.file, asked.file_information_class) {
        Ok(answer) => answer.give(asked.info_buffer, asked.length),
        Err(status) => IoStatus::plain(status),
    }
}

fn about_file(cpu: &Cpu, file: &Arc<File>, asked: u32) -> Result<Answer, NtStatus> {
    let node = file.fcb().ok_or(NtStatus::INVALID_PARAMETER)?.node();
    if node.is_nameless() {
        // ntifs, `FltQueryInformationFile`: nothing is said of a file that is gone.
        return Err(NtStatus::FILE_DELETED);
    }
    let sizes = node.sizes();
    // No times are kept: all are the present.
    let now = i64::try_from(cpu.kernel().clock.now()).unwrap_or(i64::MAX);
    let times = |answer: Answer| (0..4).fold(answer, |answer, _| answer.i64(now));
    let answer = Answer::default();
    Ok(match asked {
        class::BASIC => times(answer).u32(attributes(node)).padding(4),
        class::STANDARD => answer
            .i64(sizes.allocation)
            .i64(sizes.file)
            .u32(1 + u32::from(node.has_more_names()))
            .u8(u8::from(node.is_deleted()))
            .u8(u8::from(node.is_directory()))
            .padding(2),
        class::INTERNAL => answer.i64(file_number(file, node)),
        class::EA => answer.u32(0),
        class::ACCESS => answer.u32(file.access().bits()),
        class::NAME | class::NORMALIZED_NAME => {
            answer.text(file.current_name().as_deref().unwrap_or_else(|| file.name()))
        }
        class::POSITION => answer.i64(file.position()),
        class::NETWORK_OPEN => {
            times(answer).i64(sizes.allocation).i64(sizes.file).u32(attributes(node)).padding(4)
        }
        class::ATTRIBUTE_TAG => answer.u32(attributes(node)).u32(0),
        class::ID if matches!(file.volume().spec().file_system, FileSystem::Ntfs | FileSystem::Refs) => {
            answer.i64(i64::from(serial_number(file.volume()))).i64(file_number(file, node)).i64(0)
        }
        _ => return Err(NtStatus::INVALID_PARAMETER),
    })
}

/// The number of a file on its volume, which its streams share.
fn file_number(file: &File, node: &Arc<Node>) -> i64 {
    file.volume().names.number_of_file(node)
}

fn serial_number(volume: &Volume) -> u32 {
    /// Far from numbers that mean something else.
    const FIRST: u32 = 0x5EED_0000;
    FIRST + u32::try_from(volume.id()).unwrap_or(0)
}

/// `IRP_MJ_QUERY_EA`: no file has any.
pub(super) fn query_ea_as_asked(arrival: &Arrival<'_>) -> IoStatus {
    // "File System Functionality Comparison": FAT and exFAT have none here.
    let has_none = matches!(arrival.file.volume().spec().file_system, FileSystem::ExFat | FileSystem::Fat);
    IoStatus::plain(if has_none { NtStatus::EAS_NOT_SUPPORTED } else { NtStatus::NO_EAS_ON_FILE })
}

/// `IRP_MJ_QUERY_VOLUME_INFORMATION`.
pub(super) fn query_volume_as_asked(arrival: &Arrival<'_>) -> IoStatus {
    // SAFETY: this is a query of a volume, whose parameters are laid out as those of a query of a file.
    let asked = unsafe { arrival.parameters.query_file_information };
    query_volume(arrival.file.volume(), asked.info_buffer, asked.length, asked.file_information_class)
}

/// What a volume is.
pub(crate) fn query_volume(volume: &Volume, buffer: Ptr, room: u32, asked: u32) -> IoStatus {
    let sectors = u32::try_from(CLUSTER_BYTES).unwrap_or(0) / SECTOR_BYTES;
    let answer = Answer::default();
    let device_type = if volume.is_network() { volume.device_type() } else { FILE_DEVICE_DISK };
    let answer = match asked {
        volume_class::VOLUME => {
            let answer = answer.i64(0).u32(serial_number(volume));
            // The flag for object identifiers comes after the length of the label, of which there is none.
            answer.u32(0).u8(u8::from(has_object_ids(volume))).padding(7)
        }
        volume_class::SIZE => answer.i64(CLUSTERS).i64(FREE_CLUSTERS).u32(sectors).u32(SECTOR_BYTES),
        volume_class::DEVICE => answer.u32(device_type).u32(DEVICE_IS_MOUNTED),
        volume_class::ATTRIBUTE => {
            answer.u32(volume_attributes(volume)).u32(MAX_COMPONENT).text(file_system_name(volume))
        }
        volume_class::FULL_SIZE => {
            answer.i64(CLUSTERS).i64(FREE_CLUSTERS).i64(FREE_CLUSTERS).u32(sectors).u32(SECTOR_BYTES)
        }
        _ => return IoStatus::plain(NtStatus::INVALID_PARAMETER),
    };
    answer.give(buffer, room)
}

fn has_object_ids(volume: &Volume) -> bool {
    volume.spec().file_system == FileSystem::Ntfs
}

fn file_system_name(volume: &Volume) -> &'static str {
    match volume.spec().file_system {
        FileSystem::Fat => "FAT32",
        FileSystem::ExFat => "exFAT",
        FileSystem::Refs => "ReFS",
        // A redirector passes on what its server says.
        FileSystem::Ntfs | FileSystem::Lanman => "NTFS",
    }
}

/// `FILE_FS_ATTRIBUTE_INFORMATION.FileSystemAttributes`, as far as the table of features has them.
fn volume_attributes(volume: &Volume) -> u32 {
    /// `FILE_CASE_PRESERVED_NAMES | FILE_UNICODE_ON_DISK`
    const ALWAYS: u32 = 0x2 | 0x4;
    const NAMED_STREAMS: u32 = 0x0004_0000;
    const SUPPORTS_TRANSACTIONS: u32 = 0x0020_0000;
    const SUPPORTS_OBJECT_IDS: u32 = 0x0001_0000;
    const SUPPORTS_BLOCK_REFCOUNTING: u32 = 0x0800_0000;
    let features = Features::of(volume.spec().file_system);
    [
        (features.named_streams, NAMED_STREAMS),
        (features.transactions, SUPPORTS_TRANSACTIONS),
        (has_object_ids(volume), SUPPORTS_OBJECT_IDS),
        (features.block_clone, SUPPORTS_BLOCK_REFCOUNTING),
    ]
    .into_iter()
    .filter(|(has, _)| *has)
    .fold(ALWAYS, |all, (_, flag)| all | flag)
}

/// `IRP_MJ_FILE_SYSTEM_CONTROL` and `IRP_MJ_DEVICE_CONTROL`: what these answer without being told anything.
pub(super) fn control_as_asked(arrival: &Arrival<'_>) -> IoStatus {
    const GET_REPARSE_POINT: u32 = 0x0009_00A8;
    const GET_OBJECT_ID: u32 = 0x0009_009C;
    let parameters: &Parameters = &arrival.parameters;
    // SAFETY: this is a control, whose members all have the code at the same place.
    let code = unsafe { parameters.file_system_control }.fs_control_code;
    IoStatus::plain(match code {
        GET_REPARSE_POINT => NtStatus::NOT_A_REPARSE_POINT,
        GET_OBJECT_ID if has_object_ids(arrival.file.volume()) => NtStatus::OBJECTID_NOT_FOUND,
        _ => NtStatus::INVALID_DEVICE_REQUEST,
    })
}
