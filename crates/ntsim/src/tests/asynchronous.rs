//! Requests that their callers do not wait for: copies in the kernel, and overlapped writes.

use super::cache::{Seen, Watched, entry, watch};
use super::{Machine, PID};
use crate::sim::{
    Act, ChunkSpec, CopyReport, CopySpec, CreateOptions, CreateSpec, FileSystem, FilterSpec, Major, Notice,
    Request, VolumeSpec, When, WriteSpec,
};
use crate::status::NtStatus;
use crate::{Access, Handle, Windows};

const SYSTEM: u32 = 4;

fn open(machine: &Machine, path: &str, options: CreateOptions) -> Handle {
    let spec = CreateSpec::new(path)
        .access(Access::GENERIC_READ | Access::GENERIC_WRITE | Access::DELETE)
        .options(options);
    machine.sim.create(machine.thread, &spec).expect("it opens")
}

fn synchronous(set: bool) -> CreateOptions {
    if set { CreateOptions::SYNCHRONOUS_IO_NONALERT } else { CreateOptions::empty() }
}

/// A machine, and a chunk from a file of 10 bytes with such handles.
fn chunk(source: bool, destination: bool) -> (Machine, ChunkSpec) {
    let machine = Machine::resident(Windows::Win11_24H2, entry);
    machine.sim.add_file(r"C:\a", 10).expect("the volume is there");
    let source = open(&machine, r"C:\a", synchronous(source));
    let destination = open(&machine, r"C:\b", synchronous(destination));
    let spec = ChunkSpec { source, destination, source_offset: 0, destination_offset: 0, length: 100 };
    (machine, spec)
}

fn transfers(watched: &Watched) -> Vec<(Major, u32, u32)> {
    let transfers = watched.take(|seen: &Seen| matches!(seen.major, Major::Read | Major::Write));
    transfers.into_iter().map(|seen| (seen.major, seen.pid, seen.thread)).collect()
}

const READ: (Major, u32, u32) = (Major::Read, PID, PID);
const WRITE: (Major, u32, u32) = (Major::Write, SYSTEM, PID);

#[test]
fn a_chunk_returns_where_its_handles_say_and_always_writes_in_a_system_worker() {
    for (source, destination, before_return) in [
        (true, true, vec![READ, WRITE]),
        (false, true, vec![READ, WRITE]),
        (true, false, vec![READ]),
        (false, false, vec![READ]),
    ] {
        let (machine, spec) = chunk(source, destination);
        let watched = watch(&machine);
        let request = machine.sim.start_copy_chunk(machine.thread, &spec).expect("it is valid");
        assert_eq!(transfers(&watched), before_return, "{source} {destination}");
        assert_eq!(machine.sim.request_result(request), Some(Ok(10)), "what the source holds");
        let rest: &[_] = if before_return.contains(&WRITE) { &[] } else { &[WRITE] };
        assert_eq!(transfers(&watched), rest, "{source} {destination}");
        assert_eq!(machine.sim.request_result(request), None, "it has been told");
        machine.expect_no_violation();
    }
}

#[test]
fn a_copy_goes_on_when_its_thread_or_process_has_ended() {
    for whole_process in [false, true] {
        for source_is_synchronous in [false, true] {
            let (machine, spec) = chunk(source_is_synchronous, false);
            let watched = watch(&machine);
            let request = machine.sim.start_copy_chunk(machine.thread, &spec).expect("it is valid");
            if whole_process {
                let process = machine.sim.process_by_pid(PID).expect("it runs");
                machine.sim.exit_process(process).expect("it runs");
            } else {
                machine.sim.exit_thread(machine.thread).expect("it runs");
            }
            assert_eq!(machine.sim.request_result(request), Some(Ok(10)));
            assert_eq!(transfers(&watched), [READ, WRITE], "Thread is still the caller's");
            machine.unload_cleanly();
            machine.expect_no_violation();
        }
    }
}

#[test]
fn a_source_that_is_renamed_in_between_is_read_before_and_written_after() {
    let (machine, spec) = chunk(false, false);
    let watched = watch(&machine);
    let request = machine.sim.start_copy_chunk(machine.thread, &spec).expect("it is valid");
    machine.sim.rename(machine.thread, spec.source, r"C:\elsewhere").expect("the name is free");
    assert_eq!(machine.sim.request_result(request), Some(Ok(10)));
    let majors: Vec<_> = watched.majors().into_iter().map(|(major, _)| major).collect();
    assert_eq!(majors, [Major::Read, Major::SetInformation, Major::Write]);
}

#[test]
fn handles_that_are_closed_in_between_leave_their_files_open_until_after_the_write() {
    let (machine, spec) = chunk(false, false);
    let watched = watch(&machine);
    let request = machine.sim.start_copy_chunk(machine.thread, &spec).expect("it is valid");
    machine.sim.close(machine.thread, spec.source).expect("it is open");
    assert_eq!(machine.sim.request_result(request), Some(Ok(10)));
    let majors: Vec<_> = watched.majors().into_iter().map(|(major, _)| major).collect();
    assert_eq!(majors, [Major::Read, Major::Cleanup, Major::Write, Major::Close]);
}

#[test]
fn a_read_that_fails_is_followed_by_no_write() {
    let (machine, spec) = chunk(false, false);
    let watched = watch(&machine);
    let past_end = ChunkSpec { source_offset: 10, ..spec };
    let request = machine.sim.start_copy_chunk(machine.thread, &past_end).expect("it is valid");
    assert_eq!(machine.sim.request_result(request), Some(Err(NtStatus::END_OF_FILE)));
    assert_eq!(transfers(&watched), [READ]);
}

#[test]
fn an_asynchronous_write_past_the_cache_is_padded_and_completed_elsewhere() {
    let machine = Machine::new(entry);
    machine.sim.add_file(r"C:\a", 700).expect("the volume is there");
    let source = open(&machine, r"C:\a", CreateOptions::empty());
    let destination = open(&machine, r"C:\b", CreateOptions::NO_INTERMEDIATE_BUFFERING);
    let spec = ChunkSpec { source, destination, source_offset: 512, destination_offset: 512, length: 512 };
    let watched = watch(&machine);
    assert_eq!(machine.sim.copy_file_chunk(machine.thread, &spec), Ok(188));
    let writes = watched.take(|seen| seen.major == Major::Write);
    assert_eq!(writes[0].place, Some((512, 512)));
    assert_eq!(machine.sim.query_size(machine.thread, destination), Ok(1024));
}

/// A write that a filter above holds back, so that it can outlive its thread.
fn held_write(notice: Notice, act: Act) -> (Machine, Watched, Request) {
    let machine = Machine::new(entry);
    machine
        .sim
        .add_filter(FilterSpec::new("above", "390000").act(When::every(Major::Write), act))
        .expect("the altitude is free");
    let handle = open(&machine, r"C:\a", CreateOptions::empty());
    let watched = watch(&machine);
    let request =
        machine.sim.start_write(machine.thread, handle, &WriteSpec::at(0, 10), notice).expect("it is valid");
    (machine, watched, request)
}

#[test]
fn a_write_for_a_completion_port_outlives_its_process() {
    let (machine, watched, request) = held_write(Notice::Port, Act::Hold);
    let process = machine.sim.process_by_pid(PID).expect("it runs");
    machine.sim.exit_process(process).expect("it runs");
    machine.sim.release_held();
    assert_eq!(machine.sim.request_result(request), Some(Ok(10)));
    let of_driver = watched.take(|seen| seen.major == Major::Write);
    assert!(of_driver.iter().any(|seen| seen.thread == PID && seen.pid != PID), "{of_driver:?}");
    machine.expect_no_violation();
}

#[test]
fn a_thread_does_not_end_before_its_overlapped_writes() {
    for (notice, act, ended) in [
        (Notice::Event, Act::Repost, Ok(10)),
        (Notice::Apc, Act::Repost, Ok(10)),
        // What can be cancelled is.
        (Notice::Event, Act::Hold, Err(NtStatus::CANCELLED)),
        (Notice::Apc, Act::Hold, Err(NtStatus::CANCELLED)),
    ] {
        let (machine, _, request) = held_write(notice, act);
        machine.sim.exit_thread(machine.thread).expect("it runs");
        let kernel = machine.sim.kernel_for_test();
        assert_eq!(kernel.in_flight.take_result(request.0), Some(ended), "{notice:?}: it is complete");
        machine.expect_no_violation();
    }
}

#[test]
fn a_synchronous_handle_takes_no_asynchronous_write() {
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    let refused = machine.sim.start_write(machine.thread, handle, &WriteSpec::at(0, 1), Notice::Event);
    assert_eq!(refused, Err(NtStatus::INVALID_PARAMETER));
}

#[test]
fn on_refs_a_copy_is_a_clone_since_24h2_and_within_a_volume() {
    for windows in Windows::ALL {
        let machine = Machine::of(windows, entry);
        for (device, dos) in [(r"\Device\X", "X:"), (r"\Device\Y", "Y:")] {
            let spec = VolumeSpec::new(device).dos(dos).file_system(FileSystem::Refs);
            machine.sim.add_volume(spec).expect("the names are free");
        }
        let watched = watch(&machine);
        let copied = machine.sim.copy_file2(machine.thread, &CopySpec::new(r"X:\a", r"X:\b", 10_000));
        let clones = windows >= Windows::Win11_24H2;
        let written = CopyReport { writes: 1, bytes: 10_000, cloned: 0 };
        let expected = if clones { CopyReport { writes: 0, bytes: 0, cloned: 10_000 } } else { written };
        assert_eq!(copied, Ok(expected), "{windows}");
        let majors = watched.majors();
        assert_eq!(majors.contains(&(Major::FileSystemControl, PID)), clones, "{windows}");
        assert_eq!(majors.iter().any(|(major, _)| *major == Major::Write), !clones, "{windows}");
        let copied = machine.sim.copy_file2(machine.thread, &CopySpec::new(r"X:\a", r"Y:\b", 10_000));
        assert_eq!(copied, Ok(written), "{windows}");
    }
}
