//! What file systems can do, as a table.

use crate::sim::FileSystem;
use crate::windows::Windows;

/// What a file system can do that others cannot.
#[expect(clippy::struct_excessive_bools, reason = "a row of a table of capabilities")]
pub(super) struct Features {
    file_system: FileSystem,
    /// Alternate data streams (`FILE_NAMED_STREAMS`).
    pub(super) named_streams: bool,
    /// The first version with `FileLinkInformation`.
    hard_links: Option<Windows>,
    /// `FSCTL_DUPLICATE_EXTENTS_TO_FILE` (`FILE_SUPPORTS_BLOCK_REFCOUNTING`).
    pub(super) block_clone: bool,
    /// `FSCTL_OFFLOAD_READ` and `FSCTL_OFFLOAD_WRITE`.
    pub(super) offload: bool,
    /// `FSCTL_SET_ZERO_DATA`.
    pub(super) zero_data: bool,
    /// `FileValidDataLengthInformation`.
    pub(super) valid_data: bool,
    /// `FILE_SUPPORTS_TRANSACTIONS`.
    pub(super) transactions: bool,
}

/// Sources: the comparison of file systems on Win32's "File System Functionality Comparison"; Windows Server's "Resilient
/// File System (`ReFS`) overview" (feature comparison); Win32's "Block Cloning" (`ReFS` only) and "Offloaded Data Transfers"
/// (NTFS; a server may offload for SMB); winioctl's `FSCTL_SET_ZERO_DATA` (NTFS, `ReFS`, SMB 3.0); fileapi's
/// `SetFileValidData` (not for network files). `ReFS` has hard links since version 3.5, which came with Windows 11 [inf].
/// A redirector passes streams, links and clones on to a server that has them: SMB 3.1.1's
/// `FSCTL_DUPLICATE_EXTENTS_TO_FILE` (ntifs, `FSCTL_DUPLICATE_EXTENTS_TO_FILE`).
const TABLE: [Features; 5] = [
    Features {
        file_system: FileSystem::Ntfs,
        named_streams: true,
        hard_links: Some(Windows::Win10_2004),
        block_clone: false,
        offload: true,
        zero_data: true,
        valid_data: true,
        transactions: true,
    },
    Features {
        file_system: FileSystem::Refs,
        named_streams: true,
        hard_links: Some(Windows::Win11_21H2),
        block_clone: true,
        offload: false,
        zero_data: true,
        valid_data: true,
        transactions: false,
    },
    Features {
        file_system: FileSystem::Fat,
        named_streams: false,
        hard_links: None,
        block_clone: false,
        offload: false,
        zero_data: false,
        valid_data: false,
        transactions: false,
    },
    Features {
        file_system: FileSystem::ExFat,
        named_streams: false,
        hard_links: None,
        block_clone: false,
        offload: false,
        zero_data: false,
        valid_data: true,
        transactions: false,
    },
    Features {
        file_system: FileSystem::Lanman,
        named_streams: true,
        hard_links: Some(Windows::Win10_2004),
        block_clone: true,
        offload: true,
        zero_data: true,
        valid_data: false,
        transactions: false,
    },
];

impl Features {
    pub(super) fn of(file_system: FileSystem) -> &'static Self {
        let row = TABLE.iter().find(|row| row.file_system == file_system);
        row.expect("every file system has a row")
    }

    pub(super) fn has_hard_links(&self, windows: Windows) -> bool {
        self.hard_links.is_some_and(|since| windows >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_system_has_a_row() {
        for file_system in
            [FileSystem::Ntfs, FileSystem::Fat, FileSystem::Lanman, FileSystem::ExFat, FileSystem::Refs]
        {
            assert_eq!(Features::of(file_system).file_system, file_system);
        }
    }
}
