//! Files by handle.

use crate::abi::{FileObject, IoStatusBlock, ObjectAttributes, Ptr, UnicodeString};
use crate::exports::rows::routines;
use crate::exports::{Module, Routine};
use crate::fltmgr::initiate;
use crate::io::{zw, zw_information};
use crate::ke::irql::Irql;
use crate::status::NtStatus;

routines! {
    after super::registry::END;

    Ntoskrnl: ZwCreateFile(handle: Ptr<usize>, access: u32, attributes: Ptr<ObjectAttributes>,
        status: Ptr<IoStatusBlock>, allocation: Ptr<i64>, file_attributes: u32, share: u32, disposition: u32,
        options: u32, ea: Ptr, ea_length: u32) -> NtStatus, PASSIVE => zw::create_file;
    Ntoskrnl: ZwOpenFile(handle: Ptr<usize>, access: u32, attributes: Ptr<ObjectAttributes>,
        status: Ptr<IoStatusBlock>, share: u32, options: u32) -> NtStatus, PASSIVE => zw::open_file;
    Ntoskrnl: ZwReadFile(handle: usize, event: usize, apc: Ptr, context: Ptr, status: Ptr<IoStatusBlock>, buffer: Ptr,
        length: u32, offset: Ptr<i64>, key: Ptr<u32>) -> NtStatus, PASSIVE => zw::read_file;
    Ntoskrnl: ZwWriteFile(handle: usize, event: usize, apc: Ptr, context: Ptr, status: Ptr<IoStatusBlock>, buffer: Ptr,
        length: u32, offset: Ptr<i64>, key: Ptr<u32>) -> NtStatus, PASSIVE => zw::write_file;
    Ntoskrnl: ZwQueryInformationFile(handle: usize, status: Ptr<IoStatusBlock>, buffer: Ptr, length: u32, class: u32)
        -> NtStatus, PASSIVE => zw_information::query_information_file;
    Ntoskrnl: ZwSetInformationFile(handle: usize, status: Ptr<IoStatusBlock>, buffer: Ptr, length: u32, class: u32)
        -> NtStatus, PASSIVE => zw_information::set_information_file;
    Ntoskrnl: ZwQueryDirectoryFile(handle: usize, event: usize, apc: Ptr, context: Ptr, status: Ptr<IoStatusBlock>,
        buffer: Ptr, length: u32, class: u32, single: u8, name: Ptr<UnicodeString>, restart: u8) -> NtStatus, PASSIVE
        => zw_information::query_directory_file;
    Ntoskrnl: ZwQueryDirectoryFileEx(handle: usize, event: usize, apc: Ptr, context: Ptr, status: Ptr<IoStatusBlock>,
        buffer: Ptr, length: u32, class: u32, flags: u32, name: Ptr<UnicodeString>) -> NtStatus, PASSIVE
        => zw_information::query_directory_file_ex;
    FltMgr: FltQueryDirectoryFile(instance: Ptr, file: Ptr<FileObject>, buffer: Ptr, length: u32, class: u32,
        single: u8, name: Ptr<UnicodeString>, restart: u8, bytes: Ptr<u32>) -> NtStatus, PASSIVE
        => initiate::directory::query;
    FltMgr: FltQueryDirectoryFileEx(instance: Ptr, file: Ptr<FileObject>, buffer: Ptr, length: u32, class: u32,
        flags: u32, name: Ptr<UnicodeString>, bytes: Ptr<u32>) -> NtStatus, PASSIVE
        => initiate::directory::query_ex;
}
