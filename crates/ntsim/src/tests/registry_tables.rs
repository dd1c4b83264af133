//! `RtlQueryRegistryValues` and its relatives: what a table's rows ask for, and how each way of asking fails.

use std::cell::RefCell;

use super::configured;
use super::driver::{Filter, nt, pointer, status};
use crate::abi::{Ptr, Shared, SharedText, UnicodeString};
use crate::sim::RegistryValue;
use crate::status::NtStatus;
use crate::{Config, Windows};

/// `RTL_QUERY_REGISTRY_TABLE`
#[repr(C)]
#[derive(Clone, Copy)]
struct Row {
    routine: usize,
    flags: u32,
    name: usize,
    context: usize,
    default_type: u32,
    default_data: usize,
    default_length: u32,
}

const SUBKEY: u32 = 0x01;
const TOPKEY: u32 = 0x02;
const REQUIRED: u32 = 0x04;
const NOVALUE: u32 = 0x08;
const DIRECT: u32 = 0x20;
const DELETE: u32 = 0x40;
/// `RTL_REGISTRY_SERVICES`, `RTL_REGISTRY_OPTIONAL`
const SERVICES: usize = 1;
const OPTIONAL: usize = 0x8000_0000;
const END: Row =
    Row { routine: 0, flags: 0, name: 0, context: 0, default_type: 0, default_data: 0, default_length: 0 };

thread_local! {
    /// What the routine of the rows was told: the value's name, and how many bytes it has.
    static TOLD: RefCell<Vec<(String, u32)>> = const { RefCell::new(Vec::new()) };
}

extern "win64" fn hear(name: Ptr<u16>, _: u32, _: Ptr<u8>, bytes: u32, _: usize, verdict: usize) -> u32 {
    TOLD.with_borrow_mut(|told| told.push((crate::rtl::read_wide_string(name), bytes)));
    if verdict == 0 { 0 } else { NtStatus::UNSUCCESSFUL.0 }
}

fn told() -> Vec<(String, u32)> {
    TOLD.take()
}

fn at(text: &SharedText) -> usize {
    Ptr::of(text.units().as_ptr()).address()
}

/// `RtlQueryRegistryValues` of these rows.
fn query(relative: usize, path: &SharedText, rows: &[Row]) -> NtStatus {
    let mut table = [END; 4];
    table[..rows.len()].copy_from_slice(rows);
    let table = Shared::new(table);
    status("RtlQueryRegistryValues", &[relative, at(path), table.ptr().address(), 0, 0])
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    let routine = hear as *const () as usize;
    let own = SharedText::new(r"test\Parameters");
    let missing = SharedText::new(r"test\Nothing");
    let [limit, folder, none, sub] = ["Limit", "Folder", "None", "Sub"].map(SharedText::new);
    let called = |flags: u32, name: usize| Row { routine, flags, name, ..END };
    let one = |name: &str, bytes: u32| (name.to_owned(), bytes);

    assert_eq!(query(SERVICES, &missing, &[called(0, at(&limit))]), NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(query(SERVICES | OPTIONAL, &missing, &[called(0, at(&limit))]), NtStatus::SUCCESS);
    assert_eq!(told(), []);
    // One value; all of them; none, but a call; in a key below, and at the top again.
    assert_eq!(query(SERVICES, &own, &[called(0, at(&limit)), called(NOVALUE, 0)]), NtStatus::SUCCESS);
    assert_eq!(told(), [one("Limit", 4), one("", 0)]);
    assert_eq!(query(SERVICES, &own, &[called(0, 0)]), NtStatus::SUCCESS);
    assert_eq!(told().len(), 2);
    let below = [called(SUBKEY, at(&sub)), called(0, at(&limit)), called(TOPKEY, at(&folder))];
    assert_eq!(query(SERVICES, &own, &below), NtStatus::SUCCESS);
    assert_eq!(told(), [one("Limit", 4), one("Folder", 8)]);
    let nowhere = [called(SUBKEY | REQUIRED, at(&none))];
    assert_eq!(query(SERVICES, &own, &nowhere), NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(query(SERVICES, &own, &[called(SUBKEY, at(&none))]), NtStatus::SUCCESS);
    assert_eq!(query(SERVICES, &own, &[called(REQUIRED, at(&none))]), NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(query(SERVICES, &own, &[called(0, at(&none))]), NtStatus::SUCCESS);
    assert_eq!(told(), []);
    // A routine that refuses ends it.
    let refuses = Row { context: 1, ..called(0, at(&limit)) };
    assert_eq!(query(SERVICES, &own, &[refuses, called(0, at(&folder))]), NtStatus::UNSUCCESSFUL);
    assert_eq!(told(), [one("Limit", 4)]);
    // Into a string that has no room.
    let room = Shared::new([7u16; 4]);
    let string = Shared::new(UnicodeString { length: 0, maximum_length: 4, buffer: room.ptr().cast() });
    let direct = Row { flags: DIRECT, name: at(&folder), context: string.ptr().address(), ..END };
    assert_eq!(query(SERVICES, &own, &[direct]), NtStatus::BUFFER_TOO_SMALL);
    string.ptr().write(UnicodeString { length: 0, maximum_length: 8, buffer: room.ptr().cast() });
    assert_eq!(query(SERVICES, &own, &[direct]), NtStatus::SUCCESS);
    assert_eq!((string.get().length, room.get()[..3].to_vec()), (6, "C:\\".encode_utf16().collect()));
    assert_eq!(query(SERVICES, &own, &[Row { name: 0, ..direct }]), NtStatus::INVALID_PARAMETER);
    // A value that is told and deleted is not there again.
    assert_eq!(query(SERVICES, &own, &[called(DELETE, at(&limit))]), NtStatus::SUCCESS);
    assert_eq!(query(SERVICES, &own, &[called(REQUIRED, at(&limit))]), NtStatus::OBJECT_NAME_NOT_FOUND);
    assert_eq!(told(), [one("Limit", 4)]);
    let (data, path) = (Shared::new(5u32), at(&own));
    let write = |path: usize| {
        status("RtlWriteRegistryValue", &[SERVICES, path, at(&limit), 4, data.ptr().address(), 4])
    };
    assert_eq!([write(path), write(at(&missing))], [NtStatus::SUCCESS, NtStatus::OBJECT_NAME_NOT_FOUND]);
    let delete = || status("RtlDeleteRegistryValue", &[SERVICES, path, at(&limit)]);
    assert_eq!([delete(), delete()], [NtStatus::SUCCESS, NtStatus::OBJECT_NAME_NOT_FOUND]);
    let handle = Shared::new(0usize);
    let own_key = |driver: usize, kind: usize, flags: usize| {
        status("IoOpenDriverRegistryKey", &[driver, kind, 3, flags, handle.ptr().address()])
    };
    assert_eq!([own_key(driver, 1, 0), own_key(driver, 0, 1)], [NtStatus::INVALID_PARAMETER; 2]);
    assert_eq!(own_key(driver, 0, 0), NtStatus::SUCCESS);
    nt("ZwClose", &[handle.get()]);
    assert_eq!(own_key(driver + 8, 0, 0), NtStatus::INVALID_PARAMETER);
    Filter::default().start(driver)
}

#[test]
fn rows_ask_for_values_keys_and_calls() {
    let (sim, ..) = configured(Config::new(Windows::Win11_24H2));
    let parameters = r"\Registry\Machine\System\CurrentControlSet\Services\test\Parameters";
    for (key, name, value) in [
        (parameters.to_owned(), "Limit", RegistryValue::Dword(5)),
        (parameters.to_owned(), "Folder", RegistryValue::Text(r"C:\".to_owned())),
        (format!(r"{parameters}\Sub"), "Limit", RegistryValue::Dword(6)),
    ] {
        sim.set_registry_value(&key, name, &value);
    }
    sim.load_native(pointer(entry), "test").expect("it loads");
    let details: Vec<_> = sim.violations().into_iter().map(|violation| violation.detail).collect();
    assert_eq!(details.len(), 2, "{details:#?}");
    assert!(details[0].contains("needs the name of a value"));
    assert!(details[1].contains("not the driver's own driver object"));
}
