//! Requests that filters send about a file, and the buffers of operations that they lock and swap.

use super::Machine;
use super::driver::{
    self, FINISHED_PROCESSING, Filter, SEEN, SUCCESS_NO_CALLBACK, SUCCESS_WITH_CALLBACK, nt, status,
};
use super::own_io::create;
use crate::abi::{CallbackData, IoParameterBlock, IoStatusBlock, Ptr, RelatedObjects, Shared};
use crate::sim::{CreateSpec, Major, WriteSpec};
use crate::status::NtStatus;
use crate::verifier::Rule;

type Data = Ptr<CallbackData>;
type Objects = Ptr<RelatedObjects>;

const SKIP_PAGING_IO: u32 = 1;
const STANDARD: usize = 5;
const INTERNAL: usize = 6;
const NAME: usize = 9;
const END_OF_FILE: usize = 20;

extern "win64" fn owe(_: Data, _: Objects, _: Ptr<usize>) -> u32 {
    SUCCESS_WITH_CALLBACK
}

fn query(objects: Objects, class: usize, buffer: usize, length: usize) -> NtStatus {
    let (instance, file) = driver::target(objects);
    status("FltQueryInformationFile", &[instance, file.address(), buffer, length, class, 0])
}

#[test]
fn a_filter_asks_about_the_file_that_was_opened() {
    extern "win64" fn post(_: Data, objects: Objects, _: usize, _: u32) -> u32 {
        let (instance, file) = driver::target(objects);
        let words = Shared::new([0u64; 40]);
        let buffer = words.ptr().address();
        assert_eq!(query(objects, STANDARD, buffer, 24), NtStatus::SUCCESS);
        assert_eq!(words.get()[1], 0, "it is empty");
        assert_eq!(query(objects, STANDARD, buffer, 23), NtStatus::INFO_LENGTH_MISMATCH);
        assert_eq!(query(objects, INTERNAL, buffer, 8), NtStatus::SUCCESS);
        assert_ne!(words.get()[0], 0);
        assert_eq!(query(objects, NAME, buffer, 6), NtStatus::BUFFER_OVERFLOW, "the name is cut off");
        assert_eq!(query(objects, NAME, buffer, 40), NtStatus::SUCCESS);
        assert_eq!(words.get()[0], 0x0061_005C_0000_0004, r"\a");
        let size = Shared::new(7000i64);
        let arguments = [instance, file.address(), size.ptr().address(), 8, END_OF_FILE];
        assert_eq!(status("FltSetInformationFile", &arguments), NtStatus::SUCCESS);
        assert_eq!(query(objects, STANDARD, buffer, 24), NtStatus::SUCCESS);
        assert_eq!(words.get()[1], 7000);
        let ended = Shared::new(IoStatusBlock { status: 1, information: 0 });
        let arguments = [instance, ended.ptr().address(), buffer, 320, 5];
        assert_eq!(status("FltQueryVolumeInformation", &arguments), NtStatus::SUCCESS);
        let of_file = [instance, file.address(), buffer, 320, 5, 0];
        assert_eq!(status("FltQueryVolumeInformationFile", &of_file), NtStatus::SUCCESS);
        assert_eq!(status("FltFlushBuffers", &[instance, file.address()]), NtStatus::SUCCESS);
        let reparse_point = [instance, file.address(), 0x0009_00A8, 0, 0, buffer, 64, 0];
        assert_eq!(status("FltFsControlFile", &reparse_point), NtStatus::NOT_A_REPARSE_POINT);
        let no_attributes = [instance, file.address(), buffer, 64, 0, 0, 0, 0, 1, 0];
        assert_eq!(status("FltQueryEaFile", &no_attributes), NtStatus::NO_EAS_ON_FILE);
        SEEN.set(SEEN.get() + 1);
        FINISHED_PROCESSING
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, owe, Some(post)).start(driver)
    }
    let machine = Machine::new(entry);
    let file = machine.open(r"C:\a");
    assert_eq!(SEEN.get(), 1);
    assert_eq!(machine.sim.query_size(machine.thread, file), Ok(7000));
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn nothing_is_asked_about_a_file_that_is_not_open() {
    extern "win64" fn pre(_: Data, objects: Objects, _: Ptr<usize>) -> u32 {
        let words = Shared::new([0u64; 3]);
        assert_eq!(query(objects, STANDARD, words.ptr().address(), 24), NtStatus::INVALID_PARAMETER);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    machine.open(r"C:\a");
    machine.expect_violation(Rule::InvalidParameter, "test pre-create");
}

/// Fails a create after it succeeded.
fn fail(data: Data) {
    let place = data.byte_offset::<IoStatusBlock>(std::mem::offset_of!(CallbackData, io_status));
    place.write(IoStatusBlock { status: NtStatus::ACCESS_DENIED.0, information: 0 });
}

#[test]
fn an_open_that_is_cancelled_fails_and_leaves_nothing_open() {
    extern "win64" fn post(data: Data, objects: Objects, _: usize, _: u32) -> u32 {
        let (instance, file) = driver::target(objects);
        nt("FltCancelFileOpen", &[instance, file.address()]);
        fail(data);
        FINISHED_PROCESSING
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, owe, Some(post)).start(driver)
    }
    let machine = Machine::new(entry);
    let opened = machine.sim.create(machine.thread, &CreateSpec::new(r"C:\a"));
    assert_eq!(opened.err(), Some(NtStatus::ACCESS_DENIED));
    machine.unload_cleanly();
    machine.expect_no_violation();
    // Nobody has it open any more: it can be mapped away, and opened again.
    machine.open(r"C:\a");
}

#[test]
fn an_open_is_cancelled_only_in_its_post_operation_callback() {
    extern "win64" fn pre(_: Data, objects: Objects, _: Ptr<usize>) -> u32 {
        let (instance, file) = driver::target(objects);
        nt("FltCancelFileOpen", &[instance, file.address()]);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, SKIP_PAGING_IO, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let file = machine.open(r"C:\a");
    machine.sim.write(machine.thread, file, &WriteSpec::at(0, 10)).expect("it can be written");
    machine.expect_violation(Rule::InvalidParameter, "test pre-write");
}

fn parameters(data: Data) -> Ptr<u64> {
    data.read().iopb.byte_offset(std::mem::offset_of!(IoParameterBlock, parameters))
}

#[test]
fn a_locked_buffer_has_a_list_for_as_long_as_the_operation_takes() {
    extern "win64" fn pre(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
        let places = Shared::new([Ptr::<usize>::NULL; 3]);
        let at = |index: usize| places.ptr().cast::<usize>().offset(index).address();
        let arguments = [data.address(), at(0), at(1), at(2), 0];
        assert_eq!(status("FltDecodeParameters", &arguments), NtStatus::SUCCESS);
        let [list, buffer, length] = places.get();
        assert_eq!(length.cast::<u32>().read(), 5000);
        assert_eq!((list.read(), buffer.read() != 0), (0, true));
        assert_eq!(status("FltLockUserBuffer", &[data.address()]), NtStatus::SUCCESS);
        let locked = list.read();
        assert_eq!(status("FltLockUserBuffer", &[data.address()]), NtStatus::SUCCESS, "once more");
        assert_eq!(list.read(), locked);
        let mapped = nt("MmMapLockedPagesSpecifyCache", &[locked, 0, 1, 0, 0, 16]);
        assert_eq!(Ptr::<u8>::at(mapped).read_slice(5000), [0; 5000]);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, SKIP_PAGING_IO, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let file = machine.open(r"C:\a");
    assert_eq!(machine.sim.write(machine.thread, file, &WriteSpec::at(0, 5000)), Ok(5000));
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn an_operation_without_a_list_cannot_be_locked() {
    extern "win64" fn pre(data: Data, _: Objects, _: Ptr<usize>) -> u32 {
        assert_eq!(status("FltLockUserBuffer", &[data.address()]), NtStatus::INVALID_PARAMETER);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Cleanup, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let file = machine.open(r"C:\a");
    machine.sim.close(machine.thread, file).expect("it is open");
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn the_list_of_a_swapped_buffer_is_freed_unless_it_is_retained() {
    extern "win64" fn pre(data: Data, _: Objects, context: Ptr<usize>) -> u32 {
        let buffer = driver::allocate(driver::NON_PAGED, 16);
        let list = nt("IoAllocateMdl", &[buffer.address(), 16, 0, 0, 0]);
        nt("MmBuildMdlForNonPagedPool", &[list]);
        let words = parameters(data);
        words.offset(3).write(buffer.address() as u64);
        words.offset(4).write(list as u64);
        nt("FltSetCallbackDataDirty", &[data.address()]);
        context.write(buffer.address());
        SUCCESS_WITH_CALLBACK
    }
    extern "win64" fn post(data: Data, _: Objects, context: usize, _: u32) -> u32 {
        assert_eq!(parameters(data).offset(4).read(), 0, "those are seen that were passed in");
        let list = nt("FltGetSwappedBufferMdlAddress", &[data.address()]);
        assert_ne!(list, 0);
        SEEN.set(SEEN.get() + 1);
        if SEEN.get() == 2 {
            nt("FltRetainSwappedBufferMdlAddress", &[data.address()]);
            nt("IoFreeMdl", &[list]);
        }
        driver::free(Ptr::at(context), driver::TAG);
        FINISHED_PROCESSING
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, SKIP_PAGING_IO, pre, Some(post)).start(driver)
    }
    let machine = Machine::new(entry);
    let file = machine.open(r"C:\a");
    for _ in 0..2 {
        machine.sim.write(machine.thread, file, &WriteSpec::at(0, 16)).expect("it can be written");
    }
    assert_eq!(SEEN.get(), 2);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_file_is_asked_about_and_changed_by_handle() {
    extern "win64" fn pre(_: Data, objects: Objects, _: Ptr<usize>) -> u32 {
        let (handle, file) = create(objects.read().instance, r"\Device\HarddiskVolume3\log");
        let (size, ended) = (Shared::new(700i64), Shared::new(IoStatusBlock { status: 1, information: 0 }));
        let ended_at = ended.ptr().address();
        let arguments = [handle, ended_at, size.ptr().address(), 8, END_OF_FILE];
        assert_eq!(status("ZwSetInformationFile", &arguments), NtStatus::SUCCESS);
        let words = Shared::new([0i64; 3]);
        let arguments = [handle, ended_at, words.ptr().address(), 24, STANDARD];
        assert_eq!(status("ZwQueryInformationFile", &arguments), NtStatus::SUCCESS);
        assert_eq!((words.get()[1], ended.get().information), (700, 24));
        nt("ObfDereferenceObject", &[file.address()]);
        assert_eq!(status("ZwClose", &[handle]), NtStatus::SUCCESS);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, SKIP_PAGING_IO, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let file = machine.open(r"C:\a");
    machine.sim.write(machine.thread, file, &WriteSpec::at(0, 10)).expect("it can be written");
    machine.unload_cleanly();
    machine.expect_no_violation();
}
