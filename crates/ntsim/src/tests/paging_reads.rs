//! Pages that are not in memory are read when they are touched (ntifs, `CcCopyRead`; and `IRP_MJ_READ` for paging I/O).

use super::cache::{Seen, Watched, entry, watch};
use super::driver::{Filter, SUCCESS_NO_CALLBACK, iopb, nt};
use super::{Machine, PID};
use crate::abi::{CallbackData, Ptr, RelatedObjects};
use crate::sim::{
    Access, CreateOptions, CreateSpec, Handle, Major, Protection, ReadSpec, SectionSpec, WriteSpec,
};
use crate::status::NtStatus;

const PAGING: u32 = 0x2;
/// `IRP_NOCACHE | IRP_PAGING_IO | IRP_SYNCHRONOUS_PAGING_IO`
const SYNCHRONOUS_PAGING_READ: u32 = 0x43;
const SYSTEM: u32 = 4;

/// A machine with a file of so many bytes that is not in memory.
fn set_up(bytes: u64) -> (Machine, Watched) {
    let machine = Machine::new(entry);
    machine.sim.add_file(r"C:\a", bytes).expect("the volume is there");
    let watched = watch(&machine);
    (machine, watched)
}

fn open(machine: &Machine, options: CreateOptions) -> Handle {
    let spec = CreateSpec::new(r"C:\a").access(Access::GENERIC_READ | Access::GENERIC_WRITE);
    let options = options | CreateOptions::SYNCHRONOUS_IO_NONALERT;
    machine.sim.create(machine.thread, &spec.options(options)).expect("the file opens")
}

fn read(machine: &Machine, handle: Handle, offset: i64, length: u32) -> Result<u32, NtStatus> {
    machine.sim.read(machine.thread, handle, &ReadSpec::at(offset, length))
}

/// The paging reads since the last time: PID of the process in whose context, offset and length.
fn paging_reads(watched: &Watched) -> Vec<(u32, i64, u32)> {
    let reads = watched.take(|seen: &Seen| seen.major == Major::Read && seen.irp_flags & PAGING != 0);
    let of = |seen: Seen| {
        assert_eq!((seen.irp_flags, seen.irql), (SYNCHRONOUS_PAGING_READ, 1));
        let (offset, length) = seen.place.expect("a read has a place");
        (seen.pid, offset, length)
    };
    reads.into_iter().map(of).collect()
}

#[test]
fn what_is_not_in_the_cache_is_read_by_its_reader_and_once() {
    let (machine, watched) = set_up(10_000);
    let handle = open(&machine, CreateOptions::empty());
    assert_eq!(read(&machine, handle, 5000, 100), Ok(100));
    assert_eq!(paging_reads(&watched), [(PID, 4096, 4096)]);
    assert_eq!(read(&machine, handle, 4096, 10), Ok(10));
    assert_eq!(paging_reads(&watched), []);
    assert_eq!(read(&machine, handle, 0, 10_000), Ok(10_000));
    assert_eq!(paging_reads(&watched), [(PID, 0, 4096), (PID, 8192, 4096)], "what was missing");
    machine.sim.close(machine.thread, handle).expect("it is open");
    let again = open(&machine, CreateOptions::empty());
    assert_eq!(read(&machine, again, 0, 1), Ok(1));
    assert_eq!(paging_reads(&watched), [(PID, 0, 4096)], "it left the cache with its last handle");
    machine.expect_no_violation();
}

#[test]
fn a_write_reads_only_pages_of_which_something_stays() {
    let (machine, watched) = set_up(20_000);
    let handle = open(&machine, CreateOptions::empty());
    let write = |offset, length| {
        machine.sim.write(machine.thread, handle, &WriteSpec::at(offset, length)).expect("it can be written");
        paging_reads(&watched)
    };
    assert_eq!(write(0, 4096), [], "a whole page");
    assert_eq!(write(5000, 10_000), [(PID, 4096, 4096), (PID, 12288, 4096)], "its first and its last");
    assert_eq!(write(5000, 10_000), []);
    assert_eq!(write(40_000, 10), [], "behind what has been written there are zeroes");
    assert_eq!(read(&machine, handle, 40_000, 10), Ok(10));
    assert_eq!(paging_reads(&watched), [], "what was written is in the cache");
}

#[test]
fn a_system_worker_reads_ahead_of_who_reads_sequentially() {
    let (machine, watched) = set_up(20_000);
    let handle = open(&machine, CreateOptions::SEQUENTIAL_ONLY);
    assert_eq!(read(&machine, handle, 0, 4096), Ok(4096));
    assert_eq!(paging_reads(&watched), [(PID, 0, 4096), (SYSTEM, 4096, 16_384)]);
    assert_eq!(read(&machine, handle, 4096, 10_000), Ok(10_000));
    assert_eq!(paging_reads(&watched), []);
    machine.sim.close(machine.thread, handle).expect("it is open");
    machine.unload_cleanly();
}

#[test]
fn a_view_s_page_faults_read() {
    let (machine, watched) = set_up(8192);
    let handle = open(&machine, CreateOptions::empty());
    let spec = SectionSpec::new(Protection::ReadWrite);
    let section = machine.sim.create_section(machine.thread, handle, &spec).expect("it is not empty");
    let view = machine.sim.map_view(machine.thread, section).expect("it can be mapped");
    machine.sim.dirty_view(machine.thread, view, 4096, 1).expect("it is mapped");
    assert_eq!(paging_reads(&watched), [(PID, 4096, 4096)]);
    machine.sim.dirty_view(machine.thread, view, 5000, 1).expect("it is mapped");
    assert_eq!(paging_reads(&watched), []);
}

#[test]
fn what_is_written_past_the_cache_is_read_again() {
    let (machine, watched) = set_up(8192);
    let cached = open(&machine, CreateOptions::empty());
    let past = open(&machine, CreateOptions::NO_INTERMEDIATE_BUFFERING);
    assert_eq!(read(&machine, cached, 0, 8192), Ok(8192));
    assert_eq!(read(&machine, past, 0, 4096), Ok(4096));
    assert_eq!(paging_reads(&watched), [(PID, 0, 8192)], "what goes past the cache is no paging I/O");
    machine.sim.write(machine.thread, past, &WriteSpec::at(0, 4096)).expect("it can be written");
    assert_eq!(read(&machine, cached, 0, 8192), Ok(8192));
    assert_eq!(paging_reads(&watched), [(PID, 0, 4096)]);
}

#[test]
fn a_paging_read_that_fails_fails_the_read() {
    extern "win64" fn refuse(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        const COMPLETE: u32 = 4;
        if iopb(data).irp_flags & PAGING == 0 {
            return SUCCESS_NO_CALLBACK;
        }
        assert!(nt("IoGetTopLevelIrp", &[]) > 0xFFFF, "the file system's own IRP");
        let place = data.byte_offset::<u32>(std::mem::offset_of!(CallbackData, io_status));
        place.write(NtStatus::DISK_FULL.0);
        COMPLETE
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Read, refuse, None).start(driver)
    }
    let machine = Machine::new(entry);
    machine.sim.add_file(r"C:\a", 10).expect("the volume is there");
    let handle = open(&machine, CreateOptions::empty());
    assert_eq!(read(&machine, handle, 0, 10), Err(NtStatus::DISK_FULL));
    machine.expect_no_violation();
}
