//! The Filter Manager: requests of filters' own, buffers of operations, what belongs to what, and transactions.

use crate::abi::{CallbackData, FileObject, IoStatusBlock, Ptr, UnicodeString};
use crate::exports::rows::routines;
use crate::exports::{Module, Routine, table};
use crate::fltmgr::initiate::{cancel_open, requests};
use crate::fltmgr::{disk, enlistment, lock_buffer, parameters, relations};
use crate::ke::irql::Irql;
use crate::status::NtStatus;

routines! {
    after table::END;

    // Buffers of operations
    FltMgr: FltLockUserBuffer(data: Ptr<CallbackData>) -> NtStatus, APC => lock_buffer::lock;
    FltMgr: FltDecodeParameters(data: Ptr<CallbackData>, mdl: Ptr<Ptr>, buffer: Ptr<Ptr>, length: Ptr<Ptr>,
        access: Ptr<u32>) -> NtStatus, HIGH, infallible => parameters::decode;
    FltMgr: FltGetSwappedBufferMdlAddress(data: Ptr<CallbackData>) -> Ptr, HIGH, infallible
        => lock_buffer::swapped_list;
    FltMgr: FltRetainSwappedBufferMdlAddress(data: Ptr<CallbackData>), HIGH => lock_buffer::retain_swapped;

    // Requests of filters' own
    FltMgr: FltQueryInformationFile(instance: Ptr, file: Ptr<FileObject>, buffer: Ptr, length: u32, class: u32,
        bytes: Ptr<u32>) -> NtStatus, PASSIVE => requests::query_information_file;
    FltMgr: FltSetInformationFile(instance: Ptr, file: Ptr<FileObject>, buffer: Ptr, length: u32, class: u32)
        -> NtStatus, PASSIVE => requests::set_information_file;
    FltMgr: FltQueryVolumeInformation(instance: Ptr, status: Ptr<IoStatusBlock>, buffer: Ptr, length: u32, class: u32)
        -> NtStatus, PASSIVE => requests::query_volume_information;
    FltMgr: FltQueryVolumeInformationFile(instance: Ptr, file: Ptr<FileObject>, buffer: Ptr, length: u32, class: u32,
        bytes: Ptr<u32>) -> NtStatus, PASSIVE => requests::query_volume_information_file;
    FltMgr: FltQueryEaFile(instance: Ptr, file: Ptr<FileObject>, buffer: Ptr, length: u32, single: u8, list: Ptr,
        list_length: u32, index: Ptr<u32>, restart: u8, bytes: Ptr<u32>) -> NtStatus, PASSIVE
        => requests::query_ea_file;
    FltMgr: FltFsControlFile(instance: Ptr, file: Ptr<FileObject>, code: u32, input: Ptr, input_length: u32, output: Ptr,
        output_length: u32, bytes: Ptr<u32>) -> NtStatus, PASSIVE => requests::control_file::<0x0D>;
    FltMgr: FltDeviceIoControlFile(instance: Ptr, file: Ptr<FileObject>, code: u32, input: Ptr, input_length: u32,
        output: Ptr, output_length: u32, bytes: Ptr<u32>) -> NtStatus, PASSIVE => requests::control_file::<0x0E>;
    FltMgr: FltFlushBuffers(instance: Ptr, file: Ptr<FileObject>) -> NtStatus, PASSIVE => requests::flush_buffers;
    FltMgr: FltCancelFileOpen(instance: Ptr, file: Ptr<FileObject>), PASSIVE => cancel_open::cancel_file_open;

    // What belongs to what
    FltMgr: FltEnumerateFilters(list: Ptr<Ptr>, room: u32, count: Ptr<u32>) -> NtStatus, APC
        => relations::enumerate_filters;
    FltMgr: FltEnumerateVolumes(filter: Ptr, list: Ptr<Ptr>, room: u32, count: Ptr<u32>) -> NtStatus, APC
        => relations::enumerate_volumes;
    FltMgr: FltEnumerateInstances(volume: Ptr, filter: Ptr, list: Ptr<Ptr>, room: u32, count: Ptr<u32>) -> NtStatus,
        APC => relations::enumerate_instances;
    FltMgr: FltGetFilterFromInstance(instance: Ptr, filter: Ptr<Ptr>) -> NtStatus, APC
        => relations::filter_from_instance;
    FltMgr: FltGetFilterFromName(name: Ptr<UnicodeString>, filter: Ptr<Ptr>) -> NtStatus, APC
        => relations::filter_from_name;
    FltMgr: FltGetVolumeFromName(filter: Ptr, name: Ptr<UnicodeString>, volume: Ptr<Ptr>) -> NtStatus, PASSIVE
        => relations::volume_from_name;
    FltMgr: FltGetVolumeFromDeviceObject(filter: Ptr, device: Ptr, volume: Ptr<Ptr>) -> NtStatus, APC
        => relations::volume_from_device;
    FltMgr: FltGetVolumeInstanceFromName(filter: Ptr, volume: Ptr, name: Ptr<UnicodeString>, instance: Ptr<Ptr>)
        -> NtStatus, APC => relations::instance_from_name;
    FltMgr: FltGetUpperInstance(instance: Ptr, upper: Ptr<Ptr>) -> NtStatus, APC => relations::upper_instance;
    FltMgr: FltGetLowerInstance(instance: Ptr, lower: Ptr<Ptr>) -> NtStatus, APC => relations::lower_instance;
    FltMgr: FltGetTopInstance(volume: Ptr, instance: Ptr<Ptr>) -> NtStatus, APC => relations::top_instance;
    FltMgr: FltGetBottomInstance(volume: Ptr, instance: Ptr<Ptr>) -> NtStatus, APC => relations::bottom_instance;
    FltMgr: FltCompareInstanceAltitudes(first: Ptr, second: Ptr) -> i32, DISPATCH => relations::compare_altitudes;

    // Volumes
    FltMgr: FltGetDiskDeviceObject(volume: Ptr, device: Ptr<Ptr>) -> NtStatus, DISPATCH => disk::disk_device_object;
    FltMgr: FltIsVolumeWritable(object: Ptr, writable: Ptr<u8>) -> NtStatus, PASSIVE => disk::is_volume_writable;
    FltMgr: FltCreateSystemVolumeInformationFolder(instance: Ptr) -> NtStatus, PASSIVE
        => disk::create_system_volume_information;

    // Transactions
    FltMgr: FltEnlistInTransaction(instance: Ptr, transaction: Ptr, context: Ptr, mask: u32) -> NtStatus, APC
        => enlistment::enlist;
    FltMgr: FltRollbackEnlistment(instance: Ptr, transaction: Ptr, context: Ptr) -> NtStatus, APC
        => enlistment::roll_back;
    FltMgr: FltPrePrepareComplete(instance: Ptr, transaction: Ptr, context: Ptr) -> NtStatus, APC, infallible
        => enlistment::complete::<0x1>;
    FltMgr: FltPrepareComplete(instance: Ptr, transaction: Ptr, context: Ptr) -> NtStatus, PASSIVE, infallible
        => enlistment::complete::<0x2>;
    FltMgr: FltCommitComplete(instance: Ptr, transaction: Ptr, context: Ptr) -> NtStatus, PASSIVE, infallible
        => enlistment::complete::<0x4>;
    FltMgr: FltRollbackComplete(instance: Ptr, transaction: Ptr, context: Ptr) -> NtStatus, PASSIVE, infallible
        => enlistment::complete::<0x8>;
    FltMgr: FltCommitFinalizeComplete(instance: Ptr, transaction: Ptr, context: Ptr) -> NtStatus, PASSIVE, infallible
        => enlistment::complete::<0x4000_0000>;
}
