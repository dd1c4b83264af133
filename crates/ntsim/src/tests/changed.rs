//! What a filter changes of an operation, the file system heeds (the page on `FltSetCallbackDataDirty`).

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Machine;
use super::driver::{self, Filter, SUCCESS_NO_CALLBACK, iopb, nt};
use crate::abi::{Address, CallbackData, IoParameterBlock, Ptr, RelatedObjects, Shared};
use crate::sim::{ChunkSpec, CreateOptions, MdlWriteSpec, Setting, WriteSpec};
use crate::status::NtStatus;
use crate::{CreateSpec, Disposition, Handle, Major, ReadSpec};

/// What the driver does to an operation.
type Change = fn(&mut IoParameterBlock);

thread_local! {
    /// Which major function the driver changes, and how.
    static CHANGES: Cell<Option<(Major, Change)>> = const { Cell::new(None) };
    /// What a change needs.
    static WITH: Cell<Address> = const { Cell::new(0) };
    /// What lower filters are told of the file.
    static FILE: Cell<Address> = const { Cell::new(0) };
}

extern "win64" fn change(data: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    let mut changed = iopb(data);
    FILE.set(objects.read().file_object.address());
    if let Some((major, change)) = CHANGES.get()
        && major as u8 == changed.major_function
    {
        change(&mut changed);
        data.read().iopb.write(changed);
        nt("FltSetCallbackDataDirty", &[data.address()]);
    }
    SUCCESS_NO_CALLBACK
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    super::ALL_MAJORS
        .into_iter()
        .fold(Filter::default(), |filter, major| filter.on(major, change, None))
        .start(driver)
}

/// Does something while the driver changes what belongs to a major function.
fn with<R>(major: Major, change: Change, work: impl FnOnce() -> R) -> R {
    CHANGES.set(Some((major, change)));
    let result = work();
    CHANGES.set(None);
    result
}

fn set_up() -> (Machine, Handle) {
    let machine = Machine::new(entry);
    let spec = CreateSpec::new(r"C:\a").options(CreateOptions::SYNCHRONOUS_IO_NONALERT);
    let spec =
        spec.access(crate::Access::GENERIC_READ | crate::Access::GENERIC_WRITE | crate::Access::DELETE);
    let handle = machine.sim.create(machine.thread, &spec).expect("the volume is there");
    (machine, handle)
}

fn size(machine: &Machine, handle: Handle) -> u64 {
    machine.sim.query_size(machine.thread, handle).expect("it is open")
}

#[test]
fn a_write_goes_where_and_is_as_long_as_the_filter_says() {
    let (machine, handle) = set_up();
    let Machine { sim, thread, .. } = &machine;
    let change: Change = |iopb| {
        iopb.parameters.write.byte_offset = 1000;
        iopb.parameters.write.length = 24;
    };
    assert_eq!(with(Major::Write, change, || sim.write(*thread, handle, &WriteSpec::at(0, 10))), Ok(24));
    assert_eq!(size(&machine, handle), 1024);
    let spec = MdlWriteSpec { offset: 0, length: 10, fast_io: false };
    let system = sim.system_thread();
    with(
        Major::Write,
        |iopb| iopb.parameters.write.byte_offset = 4086,
        || sim.mdl_write(system, handle, &spec),
    )
    .expect("it can be written");
    assert_eq!(size(&machine, handle), 4096);
    let read: Change = |iopb| iopb.parameters.read.length = 3;
    assert_eq!(with(Major::Read, read, || sim.read(*thread, handle, &ReadSpec::at(0, 10))), Ok(3));
    machine.expect_no_violation();
}

#[test]
fn a_copy_writes_where_the_filter_says() {
    let (machine, handle) = set_up();
    machine.sim.add_file(r"C:\source", 4096).expect("the volume is there");
    let source = machine.open(r"C:\source");
    let spec =
        ChunkSpec { source, destination: handle, source_offset: 0, destination_offset: 0, length: 4096 };
    let change: Change = |iopb| iopb.parameters.write.byte_offset = 4096;
    with(Major::Write, change, || machine.sim.copy_file_chunk(machine.thread, &spec))
        .expect("it can be copied");
    assert_eq!(size(&machine, handle), 8192);
}

#[test]
fn a_write_made_non_cached_leaves_nothing_for_the_lazy_writer() {
    const NOCACHE: u32 = 1;
    let (machine, handle) = set_up();
    let write = || machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 4096)).map(|_| ());
    let seen = Arc::new(AtomicBool::new(false));
    let into = Arc::clone(&seen);
    machine.sim.set_observer(Box::new(move |_| into.store(true, Ordering::Relaxed)));
    // Relaxed: the lazy writer has run when it is read.
    let dirty = || {
        seen.store(false, Ordering::Relaxed);
        machine.sim.lazy_write();
        seen.load(Ordering::Relaxed)
    };
    write().expect("it can be written");
    assert!(dirty());
    with(Major::Write, |iopb| iopb.irp_flags |= NOCACHE, write).expect("it can be written");
    assert!(!dirty());
}

#[test]
fn another_target_file_is_the_one_that_is_written_and_that_lower_filters_see() {
    const BELOW: &str = "below";
    let (machine, handle) = set_up();
    let other = machine.open(r"C:\other");
    machine.sim.write(machine.thread, other, &WriteSpec::at(0, 1)).expect("it can be written");
    WITH.set(FILE.get());
    machine.sim.set_altitude(BELOW, "1000").expect("it is an altitude");
    let below = machine.sim.load_native(driver::pointer(entry_below), BELOW).expect("it loads");
    let change: Change = |iopb| iopb.target_file_object = Ptr::at(WITH.get());
    with(Major::Write, change, || machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 50)))
        .expect("it can be written");
    assert_eq!((size(&machine, handle), size(&machine, other)), (0, 50));
    assert_eq!(SEEN_BELOW.get(), WITH.get());
    machine.sim.unload(&below).expect("it unloads");
}

thread_local! {
    static SEEN_BELOW: Cell<Address> = const { Cell::new(0) };
}

extern "win64" fn entry_below(driver: usize, _: usize) -> u32 {
    extern "win64" fn see(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        SEEN_BELOW.set(objects.read().file_object.address());
        SUCCESS_NO_CALLBACK
    }
    Filter::default().on(Major::Write, see, None).start(driver)
}

#[test]
fn a_create_has_the_disposition_that_the_filter_says() {
    let (machine, _) = set_up();
    let spec = CreateSpec::new(r"C:\new").disposition(Disposition::OpenIf);
    let open: Change = |iopb| {
        // SAFETY: this is a create.
        let options = unsafe { iopb.parameters.create }.options;
        iopb.parameters.create.options = options & 0x00FF_FFFF | (Disposition::Open as u32) << 24;
    };
    let opened = with(Major::Create, open, || machine.sim.create(machine.thread, &spec));
    assert_eq!(opened, Err(NtStatus::OBJECT_NAME_NOT_FOUND));
}

#[test]
fn what_a_buffer_says_is_set() {
    let (machine, handle) = set_up();
    let set = |setting| machine.sim.set_information(machine.thread, handle, setting);
    let buffer = Shared::new(77i64);
    WITH.set(buffer.ptr().address());
    let another: Change = |iopb| iopb.parameters.set_file_information.info_buffer = Ptr::at(WITH.get());
    with(Major::SetInformation, another, || set(Setting::EndOfFile(10))).expect("it can be set");
    assert_eq!(size(&machine, handle), 77);
    let short: Change = |iopb| iopb.parameters.set_file_information.length = 2;
    let refused = with(Major::SetInformation, short, || set(Setting::EndOfFile(10)));
    assert_eq!(refused, Err(NtStatus::INFO_LENGTH_MISMATCH));
    // The name's last letter.
    let rename: Change = |iopb| {
        // SAFETY: this is a request to set information.
        let buffer = unsafe { iopb.parameters.set_file_information }.info_buffer;
        let bytes = buffer.byte_offset::<u32>(16).read() as usize;
        buffer.byte_offset::<u16>(20 + bytes - 2).write(u16::from(b'z'));
    };
    let renamed = with(Major::SetInformation, rename, || machine.sim.rename(machine.thread, handle, r"C:\b"));
    renamed.expect("the name is free");
    let spec = CreateSpec::new(r"C:\z").disposition(Disposition::Open);
    machine.sim.create(machine.thread, &spec).expect("it has the name that the filter gave it");
}

#[test]
fn a_control_does_what_its_buffer_says() {
    let (machine, handle) = set_up();
    machine.sim.set_information(machine.thread, handle, Setting::EndOfFile(8192)).expect("it can be set");
    let backwards: Change = |iopb| {
        // SAFETY: this is a file system control.
        let buffer = unsafe { iopb.parameters.file_system_control }.system_buffer;
        buffer.cast::<[i64; 2]>().write([100, 0]);
    };
    let zeroed =
        with(Major::FileSystemControl, backwards, || machine.sim.zero_data(machine.thread, handle, 0, 100));
    assert_eq!(zeroed, Err(NtStatus::INVALID_PARAMETER));
}

#[test]
fn a_size_is_told_in_the_buffer_that_the_filter_gave() {
    let (machine, handle) = set_up();
    machine.sim.set_information(machine.thread, handle, Setting::EndOfFile(9)).expect("it can be set");
    let buffer = Shared::new([0i64; 3]);
    WITH.set(buffer.ptr().address());
    let another: Change = |iopb| iopb.parameters.query_file_information.info_buffer = Ptr::at(WITH.get());
    let told = with(Major::QueryInformation, another, || size(&machine, handle));
    assert_eq!((told, buffer.get()[1]), (0, 9), "nobody copied it back");
}
