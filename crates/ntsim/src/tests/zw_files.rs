//! Files that a driver opens by handle, whose requests every filter sees.

use super::driver::{Filter, NON_PAGED, TAG, allocate, free, pointer, status};
use super::{DEVICE, configured};
use crate::abi::{ObjectAttributes, Ptr, Shared, SharedText};
use crate::status::NtStatus;
use crate::{Config, Windows};

const GENERIC_WRITE_AND_SYNCHRONIZE: usize = 0x4010_0000;
const OPEN_IF: usize = 3;
const SYNCHRONOUS: usize = 0x20;

#[test]
fn a_driver_writes_and_reads_a_file_by_handle() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let text = SharedText::new(format!(r"{DEVICE}\log.txt"));
        let name = Shared::new(text.descriptor());
        let attributes = Shared::new(ObjectAttributes {
            length: 48,
            root_directory: Ptr::NULL,
            object_name: name.ptr(),
            attributes: 0x240,
            security_descriptor: Ptr::NULL,
            security_quality_of_service: Ptr::NULL,
        });
        let (handle, ended) = (Shared::new(0usize), Shared::new([0usize; 2]));
        let at = ended.ptr().address();
        let create = [
            handle.ptr().address(),
            GENERIC_WRITE_AND_SYNCHRONIZE,
            attributes.ptr().address(),
            at,
            0,
            0x80,
            7,
            OPEN_IF,
            SYNCHRONOUS,
            0,
            0,
        ];
        assert_eq!(status("ZwCreateFile", &create), NtStatus::SUCCESS);
        let buffer = allocate(NON_PAGED, 100);
        let write = [handle.get(), 0, 0, 0, at, buffer.address(), 100, 0, 0];
        assert_eq!(status("ZwWriteFile", &write), NtStatus::SUCCESS);
        assert_eq!(ended.get()[1], 100);
        let offset = Shared::new(60i64);
        let read = [handle.get(), 0, 0, 0, at, buffer.address(), 100, offset.ptr().address(), 0];
        assert_eq!(status("ZwReadFile", &read), NtStatus::SUCCESS);
        assert_eq!(ended.get()[1], 40);
        free(buffer, TAG);
        assert_eq!(status("ZwClose", &[handle.get()]), NtStatus::SUCCESS);
        let open = [handle.ptr().address(), 1, attributes.ptr().address(), at, 7, 0];
        assert_eq!(status("ZwOpenFile", &open), NtStatus::SUCCESS);
        assert_eq!(status("ZwClose", &[handle.get()]), NtStatus::SUCCESS);
        Filter::default().start(driver)
    }
    let (sim, ..) = configured(Config::new(Windows::Win11_24H2));
    let driver = sim.load_native(pointer(entry), "test").expect("it loads");
    sim.lazy_write();
    assert!(sim.unload(&driver).expect("it unloads").is_clean());
    assert_eq!(sim.violations(), []);
}
