//! Devices of drivers, names, transactions.

use crate::abi::{DeviceObject, DriverObject, FileObject, Irp, Ptr, UnicodeString};
use crate::exports::rows::routines;
use crate::exports::{Module, Routine};
use crate::io::{device, irp_sent, names, transaction_query};
use crate::ke::irql::Irql;
use crate::status::NtStatus;

routines! {
    after super::security::END;

    Ntoskrnl: IoCreateDevice(driver: Ptr<DriverObject>, extension_bytes: u32, name: Ptr<UnicodeString>,
        device_type: u32, characteristics: u32, exclusive: u8, device: Ptr<Ptr<DeviceObject>>) -> NtStatus, APC
        => device::create;
    Ntoskrnl: IoDeleteDevice(device: Ptr<DeviceObject>), APC => device::delete;
    Ntoskrnl: IoCreateSymbolicLink(link: Ptr<UnicodeString>, target: Ptr<UnicodeString>) -> NtStatus, PASSIVE
        => device::create_link;
    Ntoskrnl: IoCreateUnprotectedSymbolicLink(link: Ptr<UnicodeString>, target: Ptr<UnicodeString>) -> NtStatus,
        PASSIVE => device::create_link;
    Ntoskrnl: IoDeleteSymbolicLink(link: Ptr<UnicodeString>) -> NtStatus, PASSIVE, infallible
        => device::delete_link;
    Ntoskrnl: IofCompleteRequest(irp: Ptr<Irp>, boost: u8), DISPATCH => irp_sent::complete;
    Ntoskrnl: IoCompleteRequest(irp: Ptr<Irp>, boost: u8), DISPATCH => irp_sent::complete;

    Ntoskrnl: IoVolumeDeviceToDosName(device: Ptr, name: Ptr<UnicodeString>) -> NtStatus, PASSIVE
        => names::volume_device_to_dos_name;
    Ntoskrnl: IoQueryFileDosDeviceName(file: Ptr<FileObject>, information: Ptr<Ptr>) -> NtStatus, PASSIVE
        => names::query_file_dos_device_name;
    Ntoskrnl: ObQueryNameString(object: Ptr, information: Ptr<UnicodeString>, bytes: u32, needed: Ptr<u32>)
        -> NtStatus, APC => names::query_name_string;
    Ntoskrnl: IoReplaceFileObjectName(file: Ptr<FileObject>, name: Ptr<u16>, bytes: u16) -> NtStatus, PASSIVE
        => names::replace_file_object_name;

    Ntoskrnl: IoGetTransactionParameterBlock(file: Ptr<FileObject>) -> Ptr, HIGH, infallible
        => names::transaction_parameter_block;
    Ntoskrnl: ZwQueryInformationTransaction(transaction: usize, class: u32, buffer: Ptr, bytes: u32,
        returned: Ptr<u32>) -> NtStatus, PASSIVE => transaction_query::query_information;
}
