//! Sections: what filters see of a file that is written to through memory.

use std::time::Duration;

use super::cache::{entry, other_process, watch};
use super::driver::{Filter, SEEN, SUCCESS_NO_CALLBACK, iopb};
use super::{Machine, PID};
use crate::abi::{CallbackData, Ptr, RelatedObjects};
use crate::sim::{CreateSpec, Disposition, Major, Protection, SectionSpec, Setting};
use crate::status::NtStatus;
use crate::{Access, Handle, Thread, View};

/// A file of 10,000 bytes.
fn open_file(machine: &Machine) -> Handle {
    machine.sim.add_file(r"C:\a", 10_000).expect("the volume is there");
    machine.open(r"C:\a")
}

fn map(machine: &Machine, thread: Thread, handle: Handle, protection: Protection) -> View {
    let spec = SectionSpec::new(protection);
    let section = machine.sim.create_section(thread, handle, &spec).expect("it can be mapped");
    let view = machine.sim.map_view(thread, section).expect("it is open");
    machine.sim.close_section(thread, section).expect("it is open");
    view
}

#[test]
fn the_creation_of_a_section_is_announced_with_its_protection() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        const FS_FILTER_OPERATION: u32 = 4;
        assert_eq!(data.read().flags, FS_FILTER_OPERATION);
        // SAFETY: these are the parameters of the operation.
        let section = unsafe { iopb(data).parameters.section_synchronization };
        assert_eq!(section.sync_type, 1, "SyncTypeCreateSection");
        SEEN.set(section.page_protection as usize);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::AcquireForSectionSynchronization, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = open_file(&machine);
    for (protection, number) in
        [(Protection::ReadOnly, 2), (Protection::ReadWrite, 4), (Protection::WriteCopy, 8)]
    {
        map(&machine, machine.thread, handle, protection);
        assert_eq!(SEEN.get(), number);
    }
    machine.expect_no_violation();
}

#[test]
fn a_filter_can_refuse_a_section() {
    extern "win64" fn refuse(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let mut changed = data.read();
        changed.io_status.status = NtStatus::ACCESS_DENIED.0;
        data.write(changed);
        4
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::AcquireForSectionSynchronization, refuse, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = open_file(&machine);
    let spec = SectionSpec::new(Protection::ReadWrite);
    assert_eq!(machine.sim.create_section(machine.thread, handle, &spec), Err(NtStatus::ACCESS_DENIED));
}

#[test]
fn two_processes_write_through_views_and_a_third_flushes() {
    let machine = Machine::resident(crate::Windows::Win11_24H2, entry);
    let handle = open_file(&machine);
    let (_, second) = other_process(&machine, 2000);
    let (_, third) = other_process(&machine, 3000);
    let open = |thread| machine.sim.create(thread, &CreateSpec::new(r"C:\a")).expect("it opens");
    let (other, flusher) = (open(second), open(third));
    let watched = watch(&machine);
    let view = map(&machine, machine.thread, handle, Protection::ReadWrite);
    let others = map(&machine, second, other, Protection::ReadWrite);
    let section_operations =
        [Major::AcquireForSectionSynchronization, Major::ReleaseForSectionSynchronization];
    let of = |pid| section_operations.map(|major| (major, pid));
    assert_eq!(watched.majors(), [of(PID), of(2000)].concat());
    machine.sim.dirty_view(machine.thread, view, 0, 100).expect("it is mapped");
    machine.sim.dirty_view(second, others, 5000, 100).expect("it is mapped");
    assert_eq!(watched.majors(), [], "a write to memory is no operation");
    machine.sim.flush(third, flusher).expect("it can be flushed");
    assert_eq!(
        watched.majors(),
        [
            (Major::FlushBuffers, 3000),
            (Major::AcquireForCcFlush, 3000),
            (Major::Write, 3000),
            (Major::ReleaseForCcFlush, 3000)
        ]
    );
    machine.sim.dirty_view(second, others, 5000, 100).expect("it is mapped");
    machine.sim.flush_view(machine.thread, view, 0, 10_000).expect("it is mapped");
    assert_eq!(
        watched.majors(),
        [(Major::AcquireForCcFlush, PID), (Major::Write, PID), (Major::ReleaseForCcFlush, PID)],
        "the flusher writes what another wrote"
    );
    machine.expect_no_violation();
}

#[test]
fn the_modified_page_writer_writes_when_the_process_is_gone_and_then_the_file_is_closed() {
    let machine = Machine::new(entry);
    let handle = open_file(&machine);
    let view = map(&machine, machine.thread, handle, Protection::ReadWrite);
    machine.sim.dirty_view(machine.thread, view, 0, 100).expect("it is mapped");
    let process = machine.sim.process_by_pid(PID).expect("it runs");
    let watched = watch(&machine);
    machine.sim.exit_process(process).expect("it runs");
    assert_eq!(watched.majors(), [(Major::Cleanup, PID)]);
    machine.sim.advance(Duration::from_secs(10));
    assert_eq!(watched.majors(), [], "the lazy writer does not care for views");
    machine.sim.advance(Duration::from_mins(5));
    assert_eq!(
        watched.majors(),
        [
            (Major::AcquireForModifiedPageWriter, 4),
            (Major::Write, 4),
            (Major::ReleaseForModifiedPageWriter, 4),
            (Major::Close, 4)
        ]
    );
    machine.expect_no_violation();
}

#[test]
fn a_section_may_extend_its_file() {
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\empty");
    let map = |spec| machine.sim.create_section(machine.thread, handle, &spec);
    let read_write = SectionSpec::new(Protection::ReadWrite);
    assert_eq!(map(read_write), Err(NtStatus::MAPPED_FILE_SIZE_ZERO));
    assert_eq!(map(SectionSpec::new(Protection::ReadOnly).size(10)), Err(NtStatus::SECTION_TOO_BIG));
    let watched = watch(&machine);
    map(read_write.size(10_000)).expect("it can be mapped");
    assert!(watched.majors().contains(&(Major::SetInformation, PID)));
    assert_eq!(machine.sim.query_size(machine.thread, handle), Ok(10_000));
}

#[test]
fn protection_and_bounds_hold() {
    let machine = Machine::new(entry);
    let handle = open_file(&machine);
    let reader = CreateSpec::new(r"C:\a").access(Access::GENERIC_READ);
    let reader = machine.sim.create(machine.thread, &reader).expect("it opens");
    let spec = SectionSpec::new(Protection::ReadWrite);
    assert_eq!(machine.sim.create_section(machine.thread, reader, &spec), Err(NtStatus::ACCESS_DENIED));
    let read_only = map(&machine, machine.thread, handle, Protection::ReadOnly);
    let dirtied = machine.sim.dirty_view(machine.thread, read_only, 0, 1);
    assert_eq!(dirtied, Err(NtStatus::ACCESS_VIOLATION));
    let own_copy = map(&machine, machine.thread, handle, Protection::WriteCopy);
    machine.sim.dirty_view(machine.thread, own_copy, 0, 1).expect("it is mapped");
    let view = map(&machine, machine.thread, handle, Protection::ReadWrite);
    let past_end = machine.sim.dirty_view(machine.thread, view, 9_999, 2);
    assert_eq!(past_end, Err(NtStatus::ACCESS_VIOLATION));
    let watched = watch(&machine);
    machine.sim.modified_write();
    assert_eq!(watched.majors(), [], "a copy on write is the process's own");
    let (_, other) = other_process(&machine, 2000);
    assert_eq!(machine.sim.dirty_view(other, view, 0, 1), Err(NtStatus::NOT_MAPPED_VIEW));
    let truncated = machine.sim.set_information(machine.thread, handle, Setting::EndOfFile(10));
    assert_eq!(truncated, Err(NtStatus::USER_MAPPED_FILE));
    let overwritten = CreateSpec::new(r"C:\a").disposition(Disposition::OverwriteIf);
    assert_eq!(machine.sim.create(machine.thread, &overwritten), Err(NtStatus::USER_MAPPED_FILE));
    for view in [read_only, own_copy, view] {
        machine.sim.unmap_view(machine.thread, view).expect("it is mapped");
    }
    machine.sim.set_information(machine.thread, handle, Setting::EndOfFile(10)).expect("nothing is mapped");
    machine.unload_cleanly();
}

#[test]
fn a_section_of_another_process_keeps_the_file_open() {
    let machine = Machine::new(entry);
    let handle = open_file(&machine);
    let spec = SectionSpec::new(Protection::ReadWrite);
    let section = machine.sim.create_section(machine.thread, handle, &spec).expect("it can be mapped");
    let (other, thread) = other_process(&machine, 2000);
    let given = machine.sim.duplicate_section(machine.thread, section, other).expect("it is open");
    let watched = watch(&machine);
    machine.sim.close(machine.thread, handle).expect("it is open");
    machine.sim.close_section(machine.thread, section).expect("it is open");
    assert_eq!(watched.majors(), [(Major::Cleanup, PID)]);
    machine.sim.close_section(thread, given).expect("it is open");
    assert_eq!(watched.majors(), [(Major::Close, 2000)]);
}
