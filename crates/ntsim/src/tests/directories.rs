//! Directories are listed (ntifs, `NtQueryDirectoryFile`, `FltQueryDirectoryFile`).

use super::driver::{self, Filter, NON_PAGED, SEEN, SUCCESS_NO_CALLBACK, TAG, allocate, free, iopb, status};
use super::{DEVICE, Machine, configured, machine_without_driver};
use crate::abi::{CallbackData, ObjectAttributes, Ptr, RelatedObjects, Shared, SharedText};
use crate::sim::{Access, CreateOptions, CreateSpec, Disposition, Major, Setting};
use crate::status::NtStatus;
use crate::{Config, DirectoryEntry, Handle, Sim, Thread, Windows};

fn open(sim: &Sim, thread: Thread, path: &str) -> Handle {
    let spec = CreateSpec::new(path).options(CreateOptions::DIRECTORY_FILE).disposition(Disposition::OpenIf);
    sim.create(thread, &spec).expect("the volume is there")
}

fn names(listed: &[DirectoryEntry]) -> Vec<&str> {
    listed.iter().map(|entry| entry.name.as_str()).collect()
}

/// `\dir` with two files, one of which has a stream and one a successor in another directory, and what lies below.
fn populate(sim: &Sim) {
    for (path, size) in [
        (r"C:\dir\Beta.txt", 5),
        (r"C:\dir\alpha.TXT", 7),
        (r"C:\dir\alpha.TXT:stream", 1),
        (r"C:\dir\sub\deep.txt", 1),
        (r"C:\dirty", 1),
    ] {
        sim.add_file(path, size).expect("the volume is there");
    }
}

#[test]
fn a_directory_lists_what_lies_in_it_in_order_and_as_it_is_written() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    let handle = open(&sim, thread, r"C:\DIR");
    populate(&sim);
    let listed = sim.list_directory(thread, handle, None).expect("it is a directory");
    assert_eq!(names(&listed), [".", "..", "alpha.TXT", "Beta.txt", "sub"]);
    let facts: Vec<_> = listed.iter().map(|entry| (entry.size, entry.is_directory)).collect();
    assert_eq!(facts, [(0, true), (0, true), (7, false), (5, false), (0, true)]);
    let root = open(&sim, thread, r"C:\");
    let listed = sim.list_directory(thread, root, None).expect("it is a directory");
    assert_eq!(names(&listed), ["DIR", "dirty"], "the root lists no dots");
    let again = sim.list_directory(thread, handle, None).expect("it begins again");
    assert_eq!(again.len(), 5);
}

#[test]
fn an_expression_selects_and_that_of_the_first_query_stays() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    populate(&sim);
    let list = |handle, expression| {
        let listed = sim.list_directory(thread, handle, expression);
        listed.map(|listed| listed.into_iter().map(|entry| entry.name).collect::<Vec<_>>())
    };
    for (expression, expected) in [
        ("*.txt", vec!["alpha.TXT", "Beta.txt"]),
        ("b*", vec!["Beta.txt"]),
        ("S?B", vec!["sub"]),
        ("..", vec![".."]),
    ] {
        let handle = open(&sim, thread, r"C:\dir");
        assert_eq!(list(handle, Some(expression)).expect("something matches"), expected, "{expression}");
        assert_eq!(list(handle, Some("*")).expect("the same matches"), expected, "{expression}");
    }
    let handle = open(&sim, thread, r"C:\dir");
    assert_eq!(list(handle, Some("*.exe")), Err(NtStatus::NO_SUCH_FILE));
}

#[test]
fn renamed_linked_and_deleted_files_are_listed_as_they_are() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    populate(&sim);
    let spec = CreateSpec::new(r"C:\dir\Beta.txt").access(Access::GENERIC_WRITE | Access::DELETE);
    let file = sim.create(thread, &spec).expect("it is there");
    sim.rename(thread, file, r"C:\dir\Zeta").expect("the name is free");
    sim.link(thread, file, r"C:\dir\Link").expect("the name is free");
    let handle = open(&sim, thread, r"C:\dir");
    let list = || sim.list_directory(thread, handle, None).expect("it is a directory");
    assert_eq!(names(&list())[2..], ["alpha.TXT", "Link", "sub", "Zeta"]);
    sim.set_information(thread, file, Setting::Disposition { delete: true }).expect("it can be set");
    assert_eq!(names(&list())[2..], ["alpha.TXT", "Link", "sub", "Zeta"], "its name goes with its handle");
    sim.close(thread, file).expect("it is open");
    assert_eq!(names(&list()).len(), 5);
}

#[test]
fn a_long_directory_takes_several_requests_which_filters_see() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let block = iopb(data);
        assert_eq!(block.minor_function, 1);
        // SAFETY: this is a query of a directory.
        let query = unsafe { block.parameters.query_directory };
        assert_eq!((query.length, query.file_information_class), (4096, 37));
        let restart = usize::from(block.operation_flags & 1);
        SEEN.set(SEEN.get() * 10 + 1 + restart);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::DirectoryControl, pre, None).start(driver)
    }
    SEEN.set(0);
    let machine = Machine::new(entry);
    for number in 0..50 {
        machine.sim.add_file(&format!(r"C:\dir\file{number:02}"), 1).expect("the volume is there");
    }
    let handle = open(&machine.sim, machine.thread, r"C:\dir");
    let listed = machine.sim.list_directory(machine.thread, handle, None).expect("it is a directory");
    assert_eq!((listed.len(), listed[51].name.as_str()), (52, "file49"));
    assert_eq!(SEEN.get(), 211, "the first restarts, the last finds nothing more");
    machine.expect_no_violation();
}

/// The entries in a buffer: distance to the next, and the name at an offset.
fn raw(buffer: Ptr<u8>, name_offset: usize, length_offset: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut at = buffer;
    loop {
        let bytes = at.byte_offset::<u32>(length_offset).read() as usize;
        let units: Vec<u16> =
            (0..bytes / 2).map(|index| at.byte_offset::<u16>(name_offset + 2 * index).read()).collect();
        all.push(String::from_utf16_lossy(&units));
        match at.cast::<u32>().read() {
            0 => return all,
            distance => {
                assert_eq!(distance % 8, 0, "entries are aligned");
                at = at.byte_offset(distance as usize);
            }
        }
    }
}

#[test]
fn a_driver_lists_a_directory_by_handle_in_every_form() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let text = SharedText::new(format!(r"{DEVICE}\dir"));
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
        // FILE_LIST_DIRECTORY | SYNCHRONIZE, FILE_DIRECTORY_FILE | FILE_SYNCHRONOUS_IO_NONALERT
        let open = [handle.ptr().address(), 0x10_0001, attributes.ptr().address(), at, 7, 0x21];
        assert_eq!(status("ZwOpenFile", &open), NtStatus::SUCCESS);
        let buffer = allocate(NON_PAGED, 1000);
        let query = |length: usize, class: usize, single: usize, restart: usize| {
            let arguments = [handle.get(), 0, 0, 0, at, buffer.address(), length, class, single, 0, restart];
            status("ZwQueryDirectoryFile", &arguments)
        };
        let all = [".", "..", "alpha.TXT", "Beta.txt", "sub"];
        for (class, name_offset, length_offset) in
            [(1, 64, 60), (2, 68, 60), (3, 94, 60), (12, 12, 8), (37, 104, 60), (38, 80, 60)]
        {
            assert_eq!(query(1000, class, 0, 1), NtStatus::SUCCESS);
            assert_eq!(raw(buffer.cast(), name_offset, length_offset), all, "class {class}");
            assert_eq!(query(1000, class, 0, 0), NtStatus::NO_MORE_FILES);
            assert_eq!(query(name_offset - 1, class, 0, 1), NtStatus::INFO_LENGTH_MISMATCH);
        }
        assert_eq!(query(1000, 5, 0, 1), NtStatus::INVALID_INFO_CLASS);
        for expected in all {
            assert_eq!(query(1000, 12, 1, usize::from(expected == ".")), NtStatus::SUCCESS);
            assert_eq!(raw(buffer.cast(), 12, 8), [expected]);
            assert_eq!(ended.get()[1], 12 + 2 * expected.len());
        }
        // The third does not fit beside the first two; alone it is cut off, and comes again.
        assert_eq!(query(40, 12, 0, 1), NtStatus::SUCCESS);
        assert_eq!(raw(buffer.cast(), 12, 8), [".", ".."]);
        assert_eq!(query(20, 12, 0, 0), NtStatus::BUFFER_OVERFLOW);
        assert_eq!(ended.get()[1], 20);
        assert_eq!(query(1000, 12, 0, 0), NtStatus::SUCCESS);
        assert_eq!(raw(buffer.cast(), 12, 8), all[2..]);
        // By flags: the first entry once more.
        let flags = [handle.get(), 0, 0, 0, at, buffer.address(), 1000, 12, 3, 0];
        assert_eq!(status("ZwQueryDirectoryFileEx", &flags), NtStatus::SUCCESS);
        assert_eq!(raw(buffer.cast(), 12, 8), ["."]);
        free(buffer, TAG);
        assert_eq!(status("ZwClose", &[handle.get()]), NtStatus::SUCCESS);
        Filter::default().start(driver)
    }
    let (sim, _, thread) = configured(Config::new(Windows::Win11_24H2));
    let handle = open(&sim, thread, r"C:\dir");
    populate(&sim);
    sim.close(thread, handle).expect("it is open");
    sim.load_native(driver::pointer(entry), "test").expect("it loads");
    assert_eq!(sim.violations(), []);
}

#[test]
fn a_filter_s_own_query_is_seen_by_those_below_alone() {
    extern "win64" fn own(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let RelatedObjects { instance, file_object, .. } = objects.read();
        let buffer = allocate(NON_PAGED, 500);
        let text = SharedText::new("b*".to_owned());
        let name = Shared::new(text.descriptor());
        let bytes = Shared::new(0u32);
        let query = [
            instance.address(),
            file_object.address(),
            buffer.address(),
            500,
            12,
            0,
            name.ptr().address(),
            1,
            bytes.ptr().address(),
        ];
        assert_eq!(status("FltQueryDirectoryFile", &query), NtStatus::SUCCESS);
        assert_eq!(raw(buffer.cast(), 12, 8), ["Beta.txt"]);
        assert_eq!(bytes.get(), 28);
        free(buffer, TAG);
        SEEN.set(SEEN.get() + 1);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::DirectoryControl, own, None).start(driver)
    }
    SEEN.set(0);
    let machine = Machine::new(entry);
    let handle = open(&machine.sim, machine.thread, r"C:\dir");
    populate(&machine.sim);
    let listed = machine.sim.query_directory(machine.thread, handle);
    assert_eq!(listed, Err(NtStatus::NO_MORE_FILES), "the filter has used up the file object's scan");
    assert_eq!(SEEN.get(), 1, "its own query it does not see");
    machine.expect_no_violation();
}
