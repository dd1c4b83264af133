//! Volumes and their file systems.

use wdk_sys::{ULONG, UNICODE_STRING, USHORT};

/// `DEVICE_TYPE`; not every kit's bindings have it.
pub type DEVICE_TYPE = ULONG;

pub type FLT_FILESYSTEM_TYPE = i32;
pub const FLT_FSTYPE_UNKNOWN: FLT_FILESYSTEM_TYPE = 0;
pub const FLT_FSTYPE_RAW: FLT_FILESYSTEM_TYPE = 1;
pub const FLT_FSTYPE_NTFS: FLT_FILESYSTEM_TYPE = 2;
pub const FLT_FSTYPE_FAT: FLT_FILESYSTEM_TYPE = 3;
pub const FLT_FSTYPE_CDFS: FLT_FILESYSTEM_TYPE = 4;
pub const FLT_FSTYPE_UDFS: FLT_FILESYSTEM_TYPE = 5;
pub const FLT_FSTYPE_LANMAN: FLT_FILESYSTEM_TYPE = 6;
pub const FLT_FSTYPE_WEBDAV: FLT_FILESYSTEM_TYPE = 7;
pub const FLT_FSTYPE_RDPDR: FLT_FILESYSTEM_TYPE = 8;
pub const FLT_FSTYPE_NFS: FLT_FILESYSTEM_TYPE = 9;
pub const FLT_FSTYPE_MUP: FLT_FILESYSTEM_TYPE = 13;
pub const FLT_FSTYPE_EXFAT: FLT_FILESYSTEM_TYPE = 22;
pub const FLT_FSTYPE_NPFS: FLT_FILESYSTEM_TYPE = 25;
pub const FLT_FSTYPE_MSFS: FLT_FILESYSTEM_TYPE = 26;
pub const FLT_FSTYPE_CSVFS: FLT_FILESYSTEM_TYPE = 27;
pub const FLT_FSTYPE_REFS: FLT_FILESYSTEM_TYPE = 28;

#[repr(C)]
pub struct FLT_VOLUME_PROPERTIES {
    pub DeviceType: DEVICE_TYPE,
    pub DeviceCharacteristics: ULONG,
    pub DeviceObjectFlags: ULONG,
    pub AlignmentRequirement: ULONG,
    pub SectorSize: USHORT,
    pub Flags: USHORT,
    pub FileSystemDriverName: UNICODE_STRING,
    pub FileSystemDeviceName: UNICODE_STRING,
    pub RealDeviceName: UNICODE_STRING,
}
pub type PFLT_VOLUME_PROPERTIES = *mut FLT_VOLUME_PROPERTIES;
