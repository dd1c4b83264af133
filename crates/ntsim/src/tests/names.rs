//! File name information.

use super::driver::{self, Filter, SEEN, SUCCESS_NO_CALLBACK, nt, status};
use super::{DEVICE, Machine};
use crate::abi::{CallbackData, FileNameInformation, Ptr, RelatedObjects, Shared};
use crate::rtl::read_unicode_string;
use crate::sim::{Access, CreateSpec, Major, WriteSpec};
use crate::status::NtStatus;
use crate::verifier::Rule;

const NORMALIZED_DEFAULT: usize = 0x101;
const OPENED_DEFAULT: usize = 0x102;

fn get(data: Ptr<CallbackData>, options: usize) -> (NtStatus, Ptr<FileNameInformation>) {
    let name = Shared::new(Ptr::NULL);
    let arguments = [data.address(), options, name.ptr().address()];
    (status("FltGetFileNameInformation", &arguments), name.get())
}

fn release(name: Ptr<FileNameInformation>) {
    nt("FltReleaseFileNameInformation", &[name.address()]);
}

fn text(information: Ptr<FileNameInformation>, offset: usize) -> String {
    read_unicode_string(information.byte_offset(offset))
}

/// A driver with this callback before creates and writes.
macro_rules! machine {
    ($pre:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            let pre: driver::Pre = $pre;
            Filter::default()
                .on(Major::Create, pre, None)
                .on(Major::Write, pre, None)
                .on(Major::Close, pre, None)
                .start(driver)
        }
        Machine::new(entry)
    }};
}

#[test]
fn a_name_has_its_volume_and_its_stream() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        for options in [NORMALIZED_DEFAULT, OPENED_DEFAULT] {
            let (status, name) = get(data, options);
            if status == NtStatus::SUCCESS {
                let full = text(name, std::mem::offset_of!(FileNameInformation, name));
                let volume = text(name, std::mem::offset_of!(FileNameInformation, volume));
                assert_eq!((full.as_str(), volume.as_str()), (r"\Device\HarddiskVolume3\dir\a:s", DEVICE));
                release(name);
                SEEN.set(SEEN.get() + 1);
            }
        }
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre);
    let handle = machine.open(r"C:\dir\a:s");
    assert_eq!(machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 1)), Ok(1));
    assert_eq!(SEEN.get(), 4, "both formats, at create and write");
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn names_are_refused_in_the_paging_path_and_after_the_cleanup() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        if get(data, NORMALIZED_DEFAULT).0 == NtStatus::FLT_INVALID_NAME_REQUEST {
            SEEN.set(SEEN.get() + 1);
        }
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre);
    let handle = machine.open(r"C:\a");
    let paging = WriteSpec { paging: true, ..WriteSpec::at(0, 4096) };
    assert_eq!(machine.sim.write(machine.thread, handle, &paging), Ok(4096));
    assert_eq!(SEEN.get(), 1);
    machine.sim.close(machine.thread, handle).expect("the handle is open");
    assert_eq!(SEEN.get(), 2);
}

#[test]
fn a_name_released_twice_is_reported() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let (_, name) = get(data, NORMALIZED_DEFAULT);
        release(name);
        release(name);
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre);
    machine.open(r"C:\a");
    machine.expect_violation(Rule::NameReference, "test pre-create");
}

#[test]
fn a_name_never_released_is_a_leak() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        get(data, NORMALIZED_DEFAULT);
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre);
    machine.open(r"C:\a");
    let report = machine.sim.unload(&machine.driver).expect("the driver unloads");
    let leaks: Vec<_> = report.leaks.iter().map(|leak| (leak.what, leak.count)).collect();
    assert_eq!(leaks, [("file name information", 1)]);
}

#[test]
fn callback_data_is_valid_during_its_callback_only() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        SEEN.set(data.address());
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn unload(_: u32) -> u32 {
        get(Ptr::at(SEEN.get()), NORMALIZED_DEFAULT);
        driver::unregister(0)
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, pre, None).unload(unload).start(driver)
    }
    let machine = Machine::new(entry);
    machine.open(r"C:\a");
    machine.unload_cleanly();
    machine.expect_violation(Rule::ObjectReference, "test filter unload");
}

#[test]
fn a_renamed_file_has_its_new_name_and_its_old_one_as_opened() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let name = |options| {
            let (_, name) = get(data, options);
            let full = text(name, std::mem::offset_of!(FileNameInformation, name));
            release(name);
            full
        };
        if driver::iopb(data).major_function == Major::Write as u8 {
            assert_eq!(name(NORMALIZED_DEFAULT), r"\Device\HarddiskVolume3\New");
            assert_eq!(name(OPENED_DEFAULT), r"\Device\HarddiskVolume3\old");
        }
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre);
    let access = Access::GENERIC_WRITE | Access::DELETE;
    let spec = CreateSpec::new(r"C:\old").access(access);
    let handle = machine.sim.create(machine.thread, &spec).expect("the file opens");
    machine.sim.rename(machine.thread, handle, r"C:\New").expect("the name is free");
    assert_eq!(machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 1)), Ok(1));
    machine.open(r"C:\taken");
    let refused = machine.sim.rename(machine.thread, handle, r"C:\TAKEN");
    assert_eq!(refused, Err(NtStatus::OBJECT_NAME_COLLISION));
    assert_eq!(machine.sim.rename(machine.thread, handle, r"D:\x"), Err(NtStatus::OBJECT_PATH_NOT_FOUND));
    let no_access = machine.open(r"C:\other");
    assert_eq!(machine.sim.rename(machine.thread, no_access, r"C:\x"), Err(NtStatus::ACCESS_DENIED));
    machine.expect_no_violation();
}

#[test]
fn names_are_refused_while_apcs_are_disabled() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        nt("KfRaiseIrql", &[1]);
        assert_eq!(get(data, NORMALIZED_DEFAULT).0, NtStatus::FLT_INVALID_NAME_REQUEST);
        nt("KeLowerIrql", &[0]);
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre);
    machine.open(r"C:\a");
    machine.expect_violation(Rule::NameQuery, "test pre-create");
}
