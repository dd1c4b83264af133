//! The registry.

use crate::abi::{DriverObject, ObjectAttributes, Ptr, UnicodeString};
use crate::cm::query_table::{self, Row};
use crate::cm::{keys, values};
use crate::exports::rows::routines;
use crate::exports::{Module, Routine};
use crate::ke::irql::Irql;
use crate::ob::callbacks;
use crate::status::NtStatus;

routines! {
    after super::dispatcher::END;

    Ntoskrnl: ZwOpenKey(key: Ptr<usize>, access: u32, attributes: Ptr<ObjectAttributes>) -> NtStatus, PASSIVE
        => keys::open;
    Ntoskrnl: ZwOpenKeyEx(key: Ptr<usize>, access: u32, attributes: Ptr<ObjectAttributes>, options: u32) -> NtStatus,
        PASSIVE => keys::open_ex;
    Ntoskrnl: ZwCreateKey(key: Ptr<usize>, access: u32, attributes: Ptr<ObjectAttributes>, title: u32,
        class: Ptr<UnicodeString>, options: u32, disposition: Ptr<u32>) -> NtStatus, PASSIVE => keys::create;
    Ntoskrnl: ZwQueryKey(key: usize, class: u32, buffer: Ptr<u8>, bytes: u32, needed: Ptr<u32>) -> NtStatus, PASSIVE
        => keys::query;
    Ntoskrnl: ZwEnumerateKey(key: usize, index: u32, class: u32, buffer: Ptr<u8>, bytes: u32, needed: Ptr<u32>)
        -> NtStatus, PASSIVE => keys::enumerate;
    Ntoskrnl: ZwDeleteKey(key: usize) -> NtStatus, PASSIVE => keys::delete;
    Ntoskrnl: ZwFlushKey(key: usize) -> NtStatus, PASSIVE => keys::flush;
    Ntoskrnl: ZwQueryValueKey(key: usize, name: Ptr<UnicodeString>, class: u32, buffer: Ptr<u8>, bytes: u32,
        needed: Ptr<u32>) -> NtStatus, PASSIVE => values::query;
    Ntoskrnl: ZwEnumerateValueKey(key: usize, index: u32, class: u32, buffer: Ptr<u8>, bytes: u32, needed: Ptr<u32>)
        -> NtStatus, PASSIVE => values::enumerate;
    Ntoskrnl: ZwSetValueKey(key: usize, name: Ptr<UnicodeString>, title: u32, kind: u32, data: Ptr<u8>, bytes: u32)
        -> NtStatus, PASSIVE => values::set;
    Ntoskrnl: ZwDeleteValueKey(key: usize, name: Ptr<UnicodeString>) -> NtStatus, PASSIVE => values::delete;
    Ntoskrnl: IoOpenDriverRegistryKey(driver: Ptr<DriverObject>, kind: u32, access: u32, flags: u32, key: Ptr<usize>)
        -> NtStatus, PASSIVE => keys::open_of_driver;

    Ntoskrnl: RtlQueryRegistryValues(relative: u32, path: Ptr<u16>, table: Ptr<Row>, context: usize, environment: Ptr)
        -> NtStatus, PASSIVE => query_table::query;
    Ntoskrnl: RtlQueryRegistryValuesEx(relative: u32, path: Ptr<u16>, table: Ptr<Row>, context: usize,
        environment: Ptr) -> NtStatus, PASSIVE => query_table::query;
    Ntoskrnl: RtlCheckRegistryKey(relative: u32, path: Ptr<u16>) -> NtStatus, PASSIVE => query_table::check;
    Ntoskrnl: RtlCreateRegistryKey(relative: u32, path: Ptr<u16>) -> NtStatus, PASSIVE => query_table::create;
    Ntoskrnl: RtlWriteRegistryValue(relative: u32, path: Ptr<u16>, name: Ptr<u16>, kind: u32, data: Ptr<u8>,
        bytes: u32) -> NtStatus, PASSIVE => query_table::write;
    Ntoskrnl: RtlDeleteRegistryValue(relative: u32, path: Ptr<u16>, name: Ptr<u16>) -> NtStatus, PASSIVE
        => query_table::delete;

    Ntoskrnl: CmRegisterCallback(routine: Ptr, context: Ptr, cookie: Ptr<usize>) -> NtStatus, APC
        => callbacks::register_registry;
    Ntoskrnl: CmRegisterCallbackEx(routine: Ptr, altitude: Ptr<UnicodeString>, driver: Ptr, context: Ptr,
        cookie: Ptr<usize>, reserved: Ptr) -> NtStatus, APC => callbacks::register_registry_ex;
    Ntoskrnl: CmUnRegisterCallback(cookie: usize) -> NtStatus, APC, infallible => callbacks::unregister_registry;
    Ntoskrnl: ObRegisterCallbacks(registration: Ptr, handle: Ptr<usize>) -> NtStatus, APC
        => callbacks::register_object;
    Ntoskrnl: ObUnRegisterCallbacks(handle: usize), APC => callbacks::unregister_object;
    Ntoskrnl: PsSetLoadImageNotifyRoutine(routine: Ptr) -> NtStatus, PASSIVE => callbacks::register_image;
    Ntoskrnl: PsSetLoadImageNotifyRoutineEx(routine: Ptr, flags: usize) -> NtStatus, PASSIVE
        => callbacks::register_image_ex;
    Ntoskrnl: PsRemoveLoadImageNotifyRoutine(routine: Ptr) -> NtStatus, APC, infallible => callbacks::remove_image;
}
