//! Cached data reach the disk by paging writes: of the lazy writer, of a flush, of a write-through.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::driver::{self, Filter, SUCCESS_NO_CALLBACK};
use super::{ALL_MAJORS, Machine, PID};
use crate::abi::{CallbackData, Ptr, RelatedObjects, Shared};
use crate::sim::{
    CreateOptions, CreateSpec, LazyWriter, Major, MdlReadSpec, MdlWriteSpec, Mode, Phase, Protection,
    ReadSpec, SectionSpec, Setting, WriteSpec,
};
use crate::status::NtStatus;
use crate::{Handle, Process, ProcessSpec, Thread};

extern "win64" fn pass(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    SUCCESS_NO_CALLBACK
}

/// A driver that sees everything.
pub(super) extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    ALL_MAJORS
        .into_iter()
        .fold(Filter::default(), |filter, major| filter.on(major, pass, None))
        .unload(driver::unregister)
        .start(driver)
}

const PAGING: u32 = 0x0002;
const SYNCHRONOUS_PAGING: u32 = 0x0040;
const NO_CACHE: u32 = 0x0001;

/// An operation as a filter sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) major: Major,
    /// PID of the current process.
    pub(super) pid: u32,
    /// PID of `Thread`'s process.
    pub(super) thread: u32,
    pub(super) irp_flags: u32,
    pub(super) irql: u8,
    pub(super) mode: Mode,
    /// Offset and length.
    pub(super) place: Option<(i64, u32)>,
}

pub(super) struct Watched {
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Watched {
    /// What has come since the last time, without what `keep` leaves out.
    pub(super) fn take(&self, keep: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        self.seen.lock().expect("no observer has panicked").drain(..).filter(keep).collect()
    }

    pub(super) fn majors(&self) -> Vec<(Major, u32)> {
        self.take(|_| true).into_iter().map(|seen| (seen.major, seen.pid)).collect()
    }

    /// Paging writes: PID, synchronous or not, offset and length.
    fn paging(&self) -> Vec<(u32, bool, i64, u32)> {
        let writes = self.take(|seen| seen.major == Major::Write && seen.irp_flags & PAGING != 0);
        let place = |seen: &Seen| seen.place.expect("a write has a place");
        writes
            .iter()
            .map(|seen| {
                assert_eq!((seen.irql, seen.mode, seen.thread), (1, Mode::Kernel, seen.pid), "{seen:?}");
                assert_ne!(seen.irp_flags & NO_CACHE, 0, "{seen:?}");
                (seen.pid, seen.irp_flags & SYNCHRONOUS_PAGING != 0, place(seen).0, place(seen).1)
            })
            .collect()
    }
}

pub(super) fn watch(machine: &Machine) -> Watched {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    machine.sim.set_observer(Box::new(move |callback| {
        if callback.phase == Phase::Pre {
            into.lock().expect("no observer has panicked").push(Seen {
                major: callback.major,
                pid: callback.current.pid,
                thread: callback.thread.as_ref().map_or(0, |thread| thread.pid),
                irp_flags: callback.irp_flags,
                irql: callback.irql,
                mode: callback.requestor_mode,
                place: callback.offset.zip(callback.length),
            });
        }
    }));
    Watched { seen }
}

pub(super) fn other_process(machine: &Machine, pid: u32) -> (Process, Thread) {
    let process = machine.sim.add_process(ProcessSpec::new("other.exe").pid(pid)).expect("the PID is free");
    (process, machine.sim.add_thread(process, None).expect("TIDs are free"))
}

fn write(machine: &Machine, handle: Handle, offset: i64, length: u32) {
    let written = machine.sim.write(machine.thread, handle, &WriteSpec::at(offset, length));
    assert_eq!(written, Ok(length));
}

#[test]
fn the_lazy_writer_writes_whole_dirty_pages_from_a_system_thread_within_seconds() {
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    write(&machine, handle, 100, 10);
    write(&machine, handle, 5000, 4000);
    write(&machine, handle, 100_000, 1);
    let watched = watch(&machine);
    machine.sim.advance(Duration::from_millis(999));
    assert_eq!(watched.paging(), []);
    machine.sim.advance(Duration::from_millis(1));
    assert_eq!(watched.paging(), [(4, false, 0, 12288), (4, false, 98304, 4096)]);
    machine.sim.advance(Duration::from_secs(10));
    assert_eq!(watched.paging(), [], "what has been written is clean");
    machine.expect_no_violation();
}

#[test]
fn the_lazy_writer_waits_for_the_harness_if_it_is_told_to() {
    let config = crate::Config::new(crate::Windows::Win11_24H2).lazy_writer(LazyWriter::OnRequest);
    let machine = Machine::with(config, entry);
    let handle = machine.open(r"C:\a");
    write(&machine, handle, 0, 1);
    let watched = watch(&machine);
    machine.sim.advance(Duration::from_secs(1000));
    assert_eq!(watched.paging(), []);
    machine.sim.lazy_write();
    assert_eq!(watched.paging(), [(4, false, 0, 4096)]);
}

#[test]
fn one_file_in_eight_is_written_at_a_time_the_oldest_first() {
    let machine = Machine::new(entry);
    for file in 0..17 {
        let handle = machine.open(&format!(r"C:\{file}"));
        write(&machine, handle, 0, 1);
    }
    let watched = watch(&machine);
    machine.sim.advance(Duration::from_secs(1));
    assert_eq!(watched.paging().len(), 3);
    machine.sim.advance(Duration::from_secs(1));
    assert_eq!(watched.paging().len(), 2);
    machine.sim.advance(Duration::from_mins(1));
    assert_eq!(watched.paging().len(), 12);
}

#[test]
fn top_level_irps_tell_who_writes() {
    static TOP_LEVEL: AtomicUsize = AtomicUsize::new(0);
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        if driver::iopb(data).irp_flags & PAGING != 0 {
            // Relaxed: the test reads it after the operation.
            TOP_LEVEL.store(driver::nt("IoGetTopLevelIrp", &[]), Ordering::Relaxed);
        } else {
            assert_eq!(driver::nt("IoGetTopLevelIrp", &[]), 0);
        }
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    let top_level = || TOP_LEVEL.load(Ordering::Relaxed);
    write(&machine, handle, 0, 1);
    machine.sim.lazy_write();
    assert_eq!(top_level(), 2, "FSRTL_CACHE_TOP_LEVEL_IRP");
    write(&machine, handle, 0, 1);
    machine.sim.flush(machine.thread, handle).expect("it can be flushed");
    assert!(top_level() > 0xFFFF, "the file system's own IRP");
    let section = machine
        .sim
        .create_section(machine.thread, handle, &SectionSpec::new(Protection::ReadWrite))
        .expect("it can be mapped");
    let view = machine.sim.map_view(machine.thread, section).expect("it is open");
    machine.sim.dirty_view(machine.thread, view, 0, 1).expect("it is mapped");
    machine.sim.modified_write();
    assert_eq!(top_level(), 3, "FSRTL_MOD_WRITE_TOP_LEVEL_IRP");
    write(&machine, handle, 0, 1);
    assert_eq!(driver_free_top_level(&machine), 0, "it is put back");
    machine.expect_no_violation();
}

fn driver_free_top_level(machine: &Machine) -> usize {
    let kernel = machine.sim.kernel_for_test();
    kernel.processes.thread(machine.thread.0).expect("it lives").io().top_level_irp()
}

#[test]
fn a_flush_writes_in_the_flusher_s_thread_whoever_wrote() {
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    let (_, flusher) = other_process(&machine, 2000);
    let own = machine.sim.create(flusher, &CreateSpec::new(r"C:\a")).expect("it opens");
    write(&machine, handle, 0, 10);
    let watched = watch(&machine);
    machine.sim.flush(flusher, own).expect("it can be flushed");
    let seen = watched.take(|_| true);
    let majors: Vec<_> = seen.iter().map(|seen| (seen.major, seen.pid)).collect();
    assert_eq!(
        majors,
        [
            (Major::FlushBuffers, 2000),
            (Major::AcquireForCcFlush, 2000),
            (Major::Write, 2000),
            (Major::ReleaseForCcFlush, 2000)
        ]
    );
    assert_eq!(seen[2].irp_flags, PAGING | SYNCHRONOUS_PAGING | NO_CACHE);
    machine.sim.flush(flusher, own).expect("it can be flushed");
    assert_eq!(watched.majors(), [(Major::FlushBuffers, 2000)], "nothing is dirty any more");
}

#[test]
fn a_write_through_writes_the_pages_within_the_write() {
    let machine = Machine::new(entry);
    let options = CreateOptions::SYNCHRONOUS_IO_NONALERT | CreateOptions::WRITE_THROUGH;
    let handle =
        machine.sim.create(machine.thread, &CreateSpec::new(r"C:\a").options(options)).expect("it opens");
    let watched = watch(&machine);
    write(&machine, handle, 0, 10);
    assert_eq!(watched.paging(), [(PID, true, 0, 4096)]);
    machine.sim.lazy_write();
    assert_eq!(watched.paging(), []);
}

#[test]
fn what_goes_past_the_cache_first_writes_what_is_in_it() {
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    write(&machine, handle, 0, 4096);
    write(&machine, handle, 8192, 4096);
    let watched = watch(&machine);
    let past = WriteSpec { non_cached: true, ..WriteSpec::at(0, 512) };
    machine.sim.write(machine.thread, handle, &past).expect("it can be written");
    assert_eq!(watched.paging(), [(PID, true, 0, 4096)]);
    let past = ReadSpec { non_cached: true, ..ReadSpec::at(8192, 512) };
    machine.sim.read(machine.thread, handle, &past).expect("it can be read");
    assert_eq!(watched.paging(), [(PID, true, 8192, 4096)]);
    machine.sim.lazy_write();
    assert_eq!(watched.paging(), []);
}

#[test]
fn a_file_object_is_closed_when_its_last_dirty_page_is_on_disk() {
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    write(&machine, handle, 0, 10);
    let watched = watch(&machine);
    machine.sim.close(machine.thread, handle).expect("it is open");
    assert_eq!(watched.majors(), [(Major::Cleanup, PID)]);
    machine.sim.lazy_write();
    assert_eq!(watched.majors(), [(Major::Write, 4), (Major::Close, 4)]);
    let handle = machine.open(r"C:\a");
    machine.sim.close(machine.thread, handle).expect("it is open");
    assert_eq!(watched.majors(), [(Major::Create, PID), (Major::Cleanup, PID), (Major::Close, PID)]);
    machine.unload_cleanly();
}

#[test]
fn paging_writes_go_by_the_file_object_that_cached_the_stream_first() {
    let machine = Machine::new(entry);
    let first = machine.open(r"C:\a");
    write(&machine, first, 0, 10);
    machine.sim.close(machine.thread, first).expect("it is open");
    let second = machine.open(r"C:\a");
    write(&machine, second, 4096, 10);
    let watched = watch(&machine);
    machine.sim.close(machine.thread, second).expect("it is open");
    let expected = [(Major::Cleanup, PID), (Major::Close, PID)];
    assert_eq!(watched.majors(), expected, "the second file object is not needed for the pages");
    machine.sim.lazy_write();
    assert_eq!(watched.majors(), [(Major::Write, 4), (Major::Close, 4)]);
}

#[test]
fn what_is_truncated_or_deleted_is_never_written() {
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    write(&machine, handle, 0, 20000);
    machine.sim.set_information(machine.thread, handle, Setting::EndOfFile(5000)).expect("it can be set");
    let watched = watch(&machine);
    machine.sim.lazy_write();
    assert_eq!(watched.paging(), [(4, false, 0, 8192)]);
    let options = CreateOptions::SYNCHRONOUS_IO_NONALERT | CreateOptions::DELETE_ON_CLOSE;
    let temporary =
        machine.sim.create(machine.thread, &CreateSpec::new(r"C:\t").options(options)).expect("it opens");
    write(&machine, temporary, 0, 20000);
    machine.sim.close(machine.thread, temporary).expect("it is open");
    machine.sim.lazy_write();
    assert_eq!(watched.paging(), []);
    let closes = |seen: &Seen| seen.major == Major::Close;
    assert_eq!(watched.take(closes).len(), 0, "it was closed before the lazy writer looked");
}

#[test]
fn a_paging_write_that_fails_stays_dirty_for_a_flush_and_is_lost_for_the_lazy_writer() {
    static REFUSE: AtomicUsize = AtomicUsize::new(1);
    extern "win64" fn refuse(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        const COMPLETE: u32 = 4;
        if driver::iopb(data).irp_flags & PAGING == 0 || REFUSE.load(Ordering::Relaxed) == 0 {
            return SUCCESS_NO_CALLBACK;
        }
        let mut changed = data.read();
        changed.io_status.status = NtStatus::DISK_FULL.0;
        data.write(changed);
        COMPLETE
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, refuse, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    write(&machine, handle, 0, 10);
    assert_eq!(machine.sim.flush(machine.thread, handle), Err(NtStatus::DISK_FULL));
    let watched = watch(&machine);
    // Relaxed: the operations that look at it follow.
    REFUSE.store(0, Ordering::Relaxed);
    machine.sim.flush(machine.thread, handle).expect("it can be flushed");
    assert_eq!(watched.paging().len(), 1);
    REFUSE.store(1, Ordering::Relaxed);
    write(&machine, handle, 0, 10);
    machine.sim.lazy_write();
    assert_eq!(watched.paging().len(), 1);
    REFUSE.store(0, Ordering::Relaxed);
    machine.sim.lazy_write();
    assert_eq!(watched.paging().len(), 0);
}

#[test]
fn an_mdl_write_is_prepared_and_completed() {
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    let worker = machine.sim.system_thread();
    let watched = watch(&machine);
    let spec = MdlWriteSpec { offset: 0, length: 4096, fast_io: true };
    assert_eq!(machine.sim.mdl_write(worker, handle, &spec), Ok(4096));
    assert_eq!(watched.majors(), [(Major::PrepareMdlWrite, 4), (Major::MdlWriteComplete, 4)]);
    let spec = MdlWriteSpec { offset: 8192, fast_io: false, ..spec };
    assert_eq!(machine.sim.mdl_write(worker, handle, &spec), Ok(4096));
    assert_eq!(watched.majors(), [(Major::Write, 4), (Major::Write, 4)]);
    machine.sim.lazy_write();
    assert_eq!(watched.paging(), [(4, false, 0, 4096), (4, false, 8192, 4096)]);
}

#[test]
fn an_mdl_read_is_prepared_and_completed() {
    let machine = Machine::new(entry);
    machine.sim.add_file(r"C:\a", 5000).expect("the volume is there");
    let handle = machine.open(r"C:\a");
    let worker = machine.sim.system_thread();
    let watched = watch(&machine);
    let spec = MdlReadSpec { offset: 4096, length: 4096, fast_io: true };
    assert_eq!(machine.sim.mdl_read(worker, handle, &spec), Ok(904), "up to the end of the file");
    let paging = (Major::Read, 4);
    assert_eq!(watched.majors(), [(Major::MdlRead, 4), paging, (Major::MdlReadComplete, 4)]);
    let spec = MdlReadSpec { fast_io: false, ..spec };
    assert_eq!(machine.sim.mdl_read(worker, handle, &spec), Ok(904));
    assert_eq!(watched.majors(), [(Major::Read, 4), (Major::Read, 4)], "prepared, and completed");
    let behind = MdlReadSpec { offset: 8192, ..spec };
    assert_eq!(machine.sim.mdl_read(worker, handle, &behind), Err(NtStatus::END_OF_FILE));
    machine.expect_no_violation();
}

#[test]
fn no_name_is_to_be_had_while_a_file_is_flushed() {
    static STATUS: AtomicUsize = AtomicUsize::new(0);
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        const OPENED_BY_DEFAULT: usize = 0x102;
        let name = Shared::new(Ptr::<()>::NULL);
        let arguments = [data.address(), OPENED_BY_DEFAULT, name.ptr().address()];
        // Relaxed: the test reads it after the operation.
        STATUS.store(driver::status("FltGetFileNameInformation", &arguments).0 as usize, Ordering::Relaxed);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::AcquireForCcFlush, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    write(&machine, handle, 0, 10);
    machine.sim.flush(machine.thread, handle).expect("it can be flushed");
    let refused = NtStatus::FLT_INVALID_NAME_REQUEST.0 as usize;
    assert_eq!(STATUS.load(Ordering::Relaxed), refused);
}
