//! What drivers send themselves, and what they send once more.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::Machine;
use super::driver::{
    self, FINISHED_PROCESSING, Filter, SUCCESS_NO_CALLBACK, SUCCESS_WITH_CALLBACK, nt, status,
};
use crate::abi::{
    CallbackData, FileObject, IoStatusBlock, ObjectAttributes, Ptr, RelatedObjects, Shared, SharedText,
};
use crate::sim::{Act, FilterSpec, Handle, Major, When, WriteSpec};
use crate::status::NtStatus;
use crate::verifier::Rule;

type Data = Ptr<CallbackData>;
type Objects = Ptr<RelatedObjects>;

const GENERIC_ALL: usize = 0x0012_019F;
const OPEN_IF: usize = 3;
const SYNCHRONOUS_IO_NONALERT: usize = 0x20;
const OBJ_KERNEL_HANDLE: u32 = 0x200;
const NON_CACHED: usize = 1;
const SKIP_PAGING_IO: u32 = 1;

extern "win64" fn pass(_: Data, _: Objects, _: Ptr<usize>) -> u32 {
    SUCCESS_NO_CALLBACK
}

/// A driver that looks at everything that happens to a file.
extern "win64" fn looker(driver: usize, _: usize) -> u32 {
    [Major::Create, Major::Read, Major::Write, Major::Cleanup, Major::Close]
        .into_iter()
        .fold(Filter::default(), |filter, major| filter.on(major, pass, None))
        .start(driver)
}

/// Loads a driver in the middle, between two that look on, and returns what they see of one path.
fn between(entry: driver::EntryPoint, path: &'static str) -> (Machine, Arc<Mutex<Vec<String>>>) {
    let (sim, _, thread) = super::machine_without_driver(crate::Windows::Win11_24H2);
    for (service, altitude) in [("above", "400000"), ("test", "385000"), ("below", "40000")] {
        sim.set_altitude(service, altitude).expect("a good altitude");
    }
    for service in ["above", "below"] {
        sim.load_native(driver::pointer(looker), service).expect("the driver loads");
    }
    let driver = sim.load_native(driver::pointer(entry), "test").expect("the driver loads");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    sim.set_observer(Box::new(move |callback| {
        if callback.path.ends_with(path) && callback.driver != "test" {
            let marked = match callback.flags & 0x3_0000 {
                0x1_0000 => " generated",
                0x2_0000 => " reissued",
                _ => "",
            };
            let text = format!("{} {}{marked}", callback.driver, callback.major.short_name());
            into.lock().expect("no observer has panicked").push(text);
        }
    }));
    (Machine { sim, driver, thread }, seen)
}

fn write(machine: &Machine, handle: Handle) -> Result<u32, NtStatus> {
    machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 10))
}

/// `FltCreateFileEx2` by an instance: the handle and the file object.
pub(super) fn create(instance: Ptr, path: &str) -> (usize, Ptr<FileObject>) {
    let name = SharedText::new(path);
    let descriptor = Shared::new(name.descriptor());
    let attributes = Shared::new(ObjectAttributes {
        length: 48,
        root_directory: Ptr::NULL,
        object_name: descriptor.ptr(),
        attributes: OBJ_KERNEL_HANDLE,
        security_descriptor: Ptr::NULL,
        security_quality_of_service: Ptr::NULL,
    });
    let handle = Shared::new(0usize);
    let file = Shared::new(Ptr::NULL);
    let ended = Shared::new(IoStatusBlock { status: 9, information: 9 });
    let arguments = [
        driver::FILTER.get().address(),
        instance.address(),
        handle.ptr().address(),
        file.ptr().address(),
        GENERIC_ALL,
        attributes.ptr().address(),
        ended.ptr().address(),
        0,
        0x80,
        7,
        OPEN_IF,
        SYNCHRONOUS_IO_NONALERT,
        0,
        0,
        0,
        0,
    ];
    assert_eq!(status("FltCreateFileEx2", &arguments), NtStatus::SUCCESS);
    assert_eq!((ended.get().status, ended.get().information), (0, 2), "created");
    (handle.get(), file.get())
}

#[test]
fn a_file_that_a_filter_opens_is_seen_below_it_only() {
    extern "win64" fn log(_: Data, objects: Objects, _: Ptr<usize>) -> u32 {
        let instance = objects.read().instance;
        let (handle, file) = create(instance, r"\Device\HarddiskVolume3\log");
        let buffer = Shared::new([0u8; 7]);
        let bytes = Shared::new(0u32);
        let arguments = [
            instance.address(),
            file.address(),
            0,
            7,
            buffer.ptr().address(),
            0,
            bytes.ptr().address(),
            0,
            0,
        ];
        assert_eq!(status("FltWriteFile", &arguments), NtStatus::SUCCESS);
        assert_eq!(bytes.get(), 7);
        nt("ObfDereferenceObject", &[file.address()]);
        assert_eq!(status("FltClose", &[handle]), NtStatus::SUCCESS);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, SKIP_PAGING_IO, log, None).start(driver)
    }
    let (machine, seen) = between(entry, r"\log");
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Ok(10));
    machine.sim.lazy_write();
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|callback| callback.starts_with("below ")), "{seen:?}");
    let user: Vec<_> = seen.iter().take(3).map(String::as_str).collect();
    assert_eq!(user, ["below create generated", "below write generated", "below cleanup"]);
    assert_eq!(seen.last().map(String::as_str), Some("below close"));
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn an_asynchronous_write_tells_when_it_is_complete() {
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    extern "win64" fn ended(data: Data, context: usize) {
        assert_eq!(context, 42);
        ENDED.store(data.read().io_status.information, Ordering::SeqCst);
    }
    extern "win64" fn also(_: Data, objects: Objects, _: Ptr<usize>) -> u32 {
        let objects = objects.read();
        let buffer = Shared::new([0u8; 9]);
        let offset = Shared::new(100i64);
        let arguments = [
            objects.instance.address(),
            objects.file_object.address(),
            offset.ptr().address(),
            9,
            buffer.ptr().address(),
            0,
            0,
            ended as *const () as usize,
            42,
        ];
        assert!(status("FltWriteFile", &arguments).is_success());
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, SKIP_PAGING_IO, also, None).start(driver)
    }
    let machine = Machine::new(entry);
    let below = FilterSpec::new("below", "40000").act(When::every(Major::Write), Act::CompleteAtDispatch);
    machine.sim.add_filter(below).expect("the altitude is free");
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Ok(10));
    assert_eq!(ENDED.load(Ordering::SeqCst), 9);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn what_is_not_cached_begins_and_ends_with_a_sector() {
    extern "win64" fn unaligned(_: Data, objects: Objects, _: Ptr<usize>) -> u32 {
        let objects = objects.read();
        let buffer = Shared::new([0u8; 9]);
        let arguments = [
            objects.instance.address(),
            objects.file_object.address(),
            0,
            9,
            buffer.ptr().address(),
            NON_CACHED,
            0,
            0,
            0,
        ];
        assert_eq!(status("FltWriteFile", &arguments), NtStatus::INVALID_PARAMETER);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, SKIP_PAGING_IO, unaligned, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Ok(10));
    machine.expect_violation(Rule::InvalidParameter, "test pre-write");
}

/// Callback data for a write of so many bytes to the callback's file.
fn own_write(objects: Objects, length: u32) -> Data {
    let objects = objects.read();
    let data = Shared::new(Ptr::NULL);
    let arguments = [objects.instance.address(), objects.file_object.address(), data.ptr().address()];
    assert_eq!(status("FltAllocateCallbackData", &arguments), NtStatus::SUCCESS);
    let data: Data = data.get();
    let to = data.read().iopb;
    let mut iopb = to.read();
    iopb.major_function = Major::Write as u8;
    iopb.parameters.write.length = length;
    to.write(iopb);
    data
}

#[test]
fn callback_data_of_a_filter_s_own_is_sent_to_those_below() {
    extern "win64" fn send(_: Data, objects: Objects, _: Ptr<usize>) -> u32 {
        let data = own_write(objects, 5);
        nt("FltPerformSynchronousIo", &[data.address()]);
        assert_eq!((data.read().io_status.status, data.read().io_status.information), (0, 5));
        nt("FltReuseCallbackData", &[data.address()]);
        assert_eq!(data.read().io_status.information, 0);
        nt("FltFreeCallbackData", &[data.address()]);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, SKIP_PAGING_IO, send, None).start(driver)
    }
    let (machine, seen) = between(entry, r"\a");
    let handle = machine.open(r"C:\a");
    seen.lock().unwrap().clear();
    assert_eq!(write(&machine, handle), Ok(10));
    assert_eq!(*seen.lock().unwrap(), ["above write", "below write generated", "below write"]);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn callback_data_that_is_not_freed_or_freed_twice_is_reported() {
    extern "win64" fn forget(_: Data, objects: Objects, _: Ptr<usize>) -> u32 {
        own_write(objects, 5);
        let data = own_write(objects, 5);
        nt("FltFreeCallbackData", &[data.address()]);
        nt("FltFreeCallbackData", &[data.address()]);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, SKIP_PAGING_IO, forget, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Ok(10));
    machine.expect_violation(Rule::ObjectReference, "test pre-write");
    let report = machine.sim.unload(&machine.driver).expect("the driver unloads");
    assert_eq!(report.leaks.len(), 1, "{report:?}");
}

#[test]
fn what_failed_may_be_sent_once_more() {
    extern "win64" fn watch(_: Data, _: Objects, _: Ptr<usize>) -> u32 {
        SUCCESS_WITH_CALLBACK
    }
    extern "win64" fn again(data: Data, objects: Objects, _: usize, _: u32) -> u32 {
        if data.read().io_status.status == NtStatus::DISK_FULL.0 {
            let instance = objects.read().instance.address();
            nt("FltReissueSynchronousIo", &[instance, data.address()]);
        }
        FINISHED_PROCESSING
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, SKIP_PAGING_IO, watch, Some(again)).start(driver)
    }
    let (machine, seen) = between(entry, r"\a");
    let full = When::every(Major::Write).nth(2);
    let below = FilterSpec::new("full", "30000").act(full, Act::Complete(NtStatus::DISK_FULL));
    machine.sim.add_filter(below).expect("the altitude is free");
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle), Ok(10));
    seen.lock().unwrap().clear();
    assert_eq!(write(&machine, handle), Ok(10), "as the one that was reissued");
    assert_eq!(*seen.lock().unwrap(), ["above write", "below write", "below write reissued"]);
    machine.expect_no_violation();
}
