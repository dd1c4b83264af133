//! The registry as drivers read and write it.

use super::driver::{Filter, NON_PAGED, TAG, allocate, free, pointer, status};
use super::{Machine, configured};
use crate::abi::{ObjectAttributes, Ptr, Shared, SharedText, UnicodeString};
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::{Config, RegistryValue, Windows};

const OBJ_KERNEL_HANDLE: u32 = 0x200;
const SERVICE: &str = r"\Registry\Machine\System\CurrentControlSet\Services\test";

fn attributes(name: &Shared<UnicodeString>, root: usize) -> Shared<ObjectAttributes> {
    Shared::new(ObjectAttributes {
        length: 48,
        root_directory: Ptr::at(root),
        object_name: name.ptr(),
        attributes: OBJ_KERNEL_HANDLE,
        security_descriptor: Ptr::NULL,
        security_quality_of_service: Ptr::NULL,
    })
}

/// Opens a key, relative to another if there is one.
fn open(path: &str, root: usize) -> Result<usize, NtStatus> {
    let text = SharedText::new(path);
    let name = Shared::new(text.descriptor());
    let (handle, attributes) = (Shared::new(0usize), attributes(&name, root));
    let arguments = [handle.ptr().address(), 1, attributes.ptr().address()];
    status("ZwOpenKey", &arguments).ok().map(|()| handle.get())
}

/// `ZwQueryValueKey` with `KeyValuePartialInformation`: the status, how much there is, and the data that fit.
fn query(key: usize, name: &str, room: usize) -> (NtStatus, u32, Vec<u8>) {
    let text = SharedText::new(name);
    let name = Shared::new(text.descriptor());
    let (buffer, needed) = (allocate(NON_PAGED, 64), Shared::new(0u32));
    let arguments = [key, name.ptr().address(), 2, buffer.address(), room, needed.ptr().address()];
    let ended = status("ZwQueryValueKey", &arguments);
    let data =
        buffer.offset(12).read_slice(room.saturating_sub(12).min(needed.get().saturating_sub(12) as usize));
    free(buffer, TAG);
    (ended, needed.get(), data)
}

#[test]
fn a_driver_reads_its_parameters() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let service = open(SERVICE, 0).expect("the service has a key");
        assert_eq!(query(service, "Start", 64).2, [3, 0, 0, 0]);
        let parameters = open("Parameters", service).expect("the test made it");
        assert_eq!(query(parameters, "limit", 64), (NtStatus::SUCCESS, 16, vec![5, 0, 0, 0]));
        assert_eq!(query(parameters, "Limit", 14), (NtStatus::BUFFER_OVERFLOW, 16, vec![5, 0]));
        assert_eq!(query(parameters, "Limit", 8).0, NtStatus::BUFFER_TOO_SMALL);
        assert_eq!(query(parameters, "Other", 64).0, NtStatus::OBJECT_NAME_NOT_FOUND);
        assert_eq!(open("Nothing", service), Err(NtStatus::OBJECT_NAME_NOT_FOUND));
        assert_eq!(open("Nothing", 0), Err(NtStatus::OBJECT_PATH_SYNTAX_BAD));
        for key in [service, parameters] {
            assert_eq!(status("ZwClose", &[key]), NtStatus::SUCCESS);
        }
        Filter::default().start(driver)
    }
    let (sim, ..) = configured(Config::new(Windows::Win11_24H2));
    sim.set_parameter("test", "Limit", &RegistryValue::Dword(5));
    let driver = sim.load_native(pointer(entry), "test").expect("it loads");
    assert!(sim.unload(&driver).expect("it unloads").is_clean());
    assert_eq!(sim.violations(), []);
}

#[test]
fn what_a_driver_writes_is_there_for_others() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let text = SharedText::new(r"\Registry\Machine\System\CurrentControlSet\Services\test\New");
        let name = Shared::new(text.descriptor());
        let (handle, attributes, disposition) =
            (Shared::new(0usize), attributes(&name, 0), Shared::new(0u32));
        let arguments =
            [handle.ptr().address(), 3, attributes.ptr().address(), 0, 0, 0, disposition.ptr().address()];
        for expected in [1, 2] {
            assert_eq!(status("ZwCreateKey", &arguments), NtStatus::SUCCESS);
            assert_eq!(disposition.get(), expected);
            if expected == 1 {
                assert_eq!(status("ZwClose", &[handle.get()]), NtStatus::SUCCESS);
            }
        }
        let (value_text, data) = (SharedText::new("Count"), Shared::new(9u32));
        let value = Shared::new(value_text.descriptor());
        let set = [handle.get(), value.ptr().address(), 0, 4, data.ptr().address(), 4];
        assert_eq!(status("ZwSetValueKey", &set), NtStatus::SUCCESS);
        let (buffer, needed) = (allocate(NON_PAGED, 64), Shared::new(0u32));
        let list = |index| {
            let arguments = [handle.get(), index, 0, buffer.address(), 64, needed.ptr().address()];
            status("ZwEnumerateValueKey", &arguments)
        };
        assert_eq!(list(0), NtStatus::SUCCESS);
        assert_eq!(needed.get(), 12 + 10);
        assert_eq!(list(1), NtStatus::NO_MORE_ENTRIES);
        free(buffer, TAG);
        assert_eq!(status("ZwClose", &[handle.get()]), NtStatus::SUCCESS);
        Filter::default().start(driver)
    }
    let machine = Machine::new(entry);
    assert_eq!(
        machine.sim.registry_value(&format!(r"{SERVICE}\New"), "count"),
        Some(RegistryValue::Dword(9))
    );
    machine.unload_cleanly();
    machine.expect_no_violation();
}

/// `RTL_QUERY_REGISTRY_DIRECT` with a number that is there, a text, and a default.
#[test]
fn a_table_of_values_is_filled() {
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Row(usize, u32, usize, usize, u32, usize, u32);
    const DIRECT: u32 = 0x20;
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let path = SharedText::new(r"test\Parameters");
        let names = ["Limit", "Folder", "Missing"].map(SharedText::new);
        let at = |index: usize| Ptr::of(names[index].units().as_ptr()).address();
        let (numbers, string) = (
            Shared::new([0u32; 2]),
            Shared::new(UnicodeString { length: 0, maximum_length: 0, buffer: Ptr::NULL }),
        );
        let default = Shared::new(77u32);
        let first = numbers.ptr().address();
        let table = Shared::new([
            Row(0, DIRECT, at(0), first, 0, 0, 0),
            Row(0, DIRECT, at(1), string.ptr().address(), 0, 0, 0),
            Row(0, DIRECT, at(2), first + 4, 4, default.ptr().address(), 4),
            Row(0, 0, 0, 0, 0, 0, 0),
        ]);
        let path = Ptr::of(path.units().as_ptr()).address();
        let ended = status("RtlQueryRegistryValues", &[1, path, table.ptr().address(), 0, 0]);
        assert_eq!(ended, NtStatus::SUCCESS);
        assert_eq!(numbers.get(), [5, 77]);
        assert_eq!(crate::rtl::read_unicode_string(string.ptr()), r"C:\data");
        super::driver::nt("RtlFreeUnicodeString", &[string.ptr().address()]);
        Filter::default().start(driver)
    }
    let (sim, ..) = configured(Config::new(Windows::Win11_24H2));
    sim.set_parameter("test", "Limit", &RegistryValue::Dword(5));
    sim.set_parameter("test", "Folder", &RegistryValue::Text(r"C:\data".to_owned()));
    let driver = sim.load_native(pointer(entry), "test").expect("it loads");
    assert!(sim.unload(&driver).expect("it unloads").is_clean());
    assert_eq!(sim.violations(), []);
}

#[test]
fn a_key_left_open_is_reported() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        open(SERVICE, 0).expect("the service has a key");
        Filter::default().start(driver)
    }
    let machine = Machine::new(entry);
    let report = machine.sim.unload(&machine.driver).expect("it unloads");
    let leaks: Vec<_> = report.leaks.iter().map(|leak| (leak.what, leak.which.clone())).collect();
    assert_eq!(leaks, [("handle", "key".to_owned()), ("reference", format!("key {SERVICE}"))]);
}

#[test]
fn a_callback_that_is_never_taken_back_is_reported() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let cookie = Shared::new(0usize);
        assert_eq!(status("CmRegisterCallback", &[0x1000, 0, cookie.ptr().address()]), NtStatus::SUCCESS);
        assert_eq!(status("PsSetLoadImageNotifyRoutine", &[0x1000]), NtStatus::SUCCESS);
        assert_eq!(status("PsRemoveLoadImageNotifyRoutine", &[0x1000]), NtStatus::SUCCESS);
        Filter::default().start(driver)
    }
    let machine = Machine::new(entry);
    let report = machine.sim.unload(&machine.driver).expect("it unloads");
    let leaks: Vec<_> = report.leaks.iter().map(ToString::to_string).collect();
    assert_eq!(leaks, ["1 × notify routine registry"]);
    assert_eq!(machine.broken(), [Rule::AfterUnload]);
}
