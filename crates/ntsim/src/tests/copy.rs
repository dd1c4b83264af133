//! `CopyFile2` and `NtCopyFileChunk` as each Windows version does them.

use std::sync::{Arc, Mutex};

use super::driver::{Filter, SEEN, SUCCESS_NO_CALLBACK, nt, system_routine};
use super::{Machine, PID};
use crate::abi::{CallbackData, CopyInformation, Ptr, RelatedObjects, Shared};
use crate::sim::{ChunkSpec, CopyReport, CopySource, CopySpec, CreateOptions, CreateSpec, Major, Mode};
use crate::status::NtStatus;
use crate::{Access, Windows, io};

extern "win64" fn pass(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    SUCCESS_NO_CALLBACK
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    let majors =
        [Major::Create, Major::Read, Major::Write, Major::SetInformation, Major::Cleanup, Major::Close];
    majors.into_iter().fold(Filter::default(), |filter, major| filter.on(major, pass, None)).start(driver)
}

/// A callback in short: major function, current PID, PID of `Thread`, mode, offset, length, copy source.
type Seen = (Major, u32, u32, Mode, Option<i64>, Option<u32>, Option<CopySource>);

fn watch(machine: &Machine) -> Arc<Mutex<Vec<Seen>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    machine.sim.set_observer(Box::new(move |callback| {
        let thread = callback.thread.as_ref().map_or(0, |thread| thread.pid);
        into.lock().unwrap().push((
            callback.major,
            callback.current.pid,
            thread,
            callback.requestor_mode,
            callback.offset,
            callback.length,
            callback.copy_source.clone(),
        ));
    }));
    seen
}

fn transfers(seen: &Mutex<Vec<Seen>>) -> Vec<Seen> {
    let seen = seen.lock().unwrap();
    seen.iter().filter(|(major, ..)| matches!(major, Major::Read | Major::Write)).cloned().collect()
}

#[test]
fn since_22h2_the_caller_reads_and_a_system_worker_writes() {
    for windows in Windows::ALL.into_iter().filter(|windows| windows.has_kernel_copy()) {
        let machine = Machine::resident(windows, entry);
        let seen = watch(&machine);
        let copied = machine.sim.copy_file2(machine.thread, &CopySpec::new(r"C:\a", r"C:\b", 10).chunk(6));
        assert_eq!(copied, Ok(CopyReport { writes: 2, bytes: 10, cloned: 0 }));
        let source = |offset| Some(CopySource { path: r"\Device\HarddiskVolume3\a".to_owned(), offset });
        assert_eq!(
            transfers(&seen),
            [
                (Major::Read, PID, PID, Mode::Kernel, Some(0), Some(6), source(0)),
                (Major::Write, 4, PID, Mode::Kernel, Some(0), Some(6), source(0)),
                (Major::Read, PID, PID, Mode::Kernel, Some(6), Some(6), source(6)),
                (Major::Write, 4, PID, Mode::Kernel, Some(6), Some(4), source(6)),
            ],
            "{windows}"
        );
        machine.expect_no_violation();
    }
}

#[test]
fn before_22h2_the_caller_reads_and_writes_itself() {
    for windows in Windows::ALL.into_iter().filter(|windows| !windows.has_kernel_copy()) {
        let machine = Machine::of(windows, entry);
        let seen = watch(&machine);
        let copied = machine.sim.copy_file2(machine.thread, &CopySpec::new(r"C:\a", r"C:\b", 10).chunk(6));
        assert_eq!(copied, Ok(CopyReport { writes: 2, bytes: 10, cloned: 0 }));
        let writes: Vec<_> =
            transfers(&seen).into_iter().filter(|(major, ..)| *major == Major::Write).collect();
        assert_eq!(
            writes,
            [
                (Major::Write, PID, PID, Mode::User, Some(0), Some(6), None),
                (Major::Write, PID, PID, Mode::User, Some(6), Some(4), None),
            ],
            "{windows}"
        );
        let handle = machine.open(r"C:\c");
        let chunk = ChunkSpec {
            source: handle,
            destination: handle,
            source_offset: 0,
            destination_offset: 0,
            length: 1,
        };
        assert_eq!(machine.sim.copy_file_chunk(machine.thread, &chunk), Err(NtStatus::NOT_IMPLEMENTED));
    }
}

#[test]
fn everything_else_of_a_copy_happens_in_the_caller_s_thread() {
    let machine = Machine::resident(Windows::Win11_22H2, entry);
    let seen = watch(&machine);
    machine.sim.copy_file2(machine.thread, &CopySpec::new(r"C:\a", r"C:\b", 1)).expect("it can be copied");
    let rest: Vec<_> = seen.lock().unwrap().iter().map(|(major, current, ..)| (*major, *current)).collect();
    let steps = [
        Major::Create,
        Major::Create,
        Major::SetInformation,
        Major::Read,
        Major::Write,
        Major::SetInformation,
        Major::Cleanup,
        // The destination is closed when its dirty pages have been written.
        Major::Cleanup,
        Major::Close,
    ];
    let expected: Vec<_> =
        steps.into_iter().map(|major| (major, if major == Major::Write { 4 } else { PID })).collect();
    assert_eq!(rest, expected);
}

#[test]
fn new_routines_are_found_on_new_versions_only() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let copied = nt(
            "FltGetRoutineAddress",
            &[c"FltGetCopyInformationFromCallbackData".as_ptr().expose_provenance()],
        );
        let source = system_routine("IoCheckFileObjectOpenedAsCopySource");
        let destination = system_routine("IoCheckFileObjectOpenedAsCopyDestination");
        assert_ne!(system_routine("KeSetEvent"), 0);
        assert_ne!(system_routine("PsProcessType"), 0, "variables are exports too");
        assert_eq!(system_routine("FltGetRequestorProcess"), 0, "it is the Filter Manager's");
        assert_eq!(nt("FltGetRoutineAddress", &[c"KeSetEvent".as_ptr().expose_provenance()]), 0);
        SEEN.set([copied, source, destination].into_iter().filter(|address| *address != 0).count());
        Filter::default().start(driver)
    }
    for windows in Windows::ALL {
        Machine::of(windows, entry).expect_no_violation();
        assert_eq!(SEEN.get(), if windows >= Windows::Win11_22H2 { 3 } else { 0 }, "{windows}");
    }
}

#[test]
fn the_copy_information_is_there_for_copies_only() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let information =
            Shared::new(CopyInformation { source_file_object: Ptr::NULL, source_file_offset: -1 });
        let arguments = [data.address(), information.ptr().address()];
        let status = super::driver::status("FltGetCopyInformationFromCallbackData", &arguments);
        if status == NtStatus::SUCCESS {
            let source = information.get().source_file_object;
            assert_eq!(nt("IoCheckFileObjectOpenedAsCopySource", &[source.address()]) & 0xFF, 1);
            assert_eq!(nt("IoCheckFileObjectOpenedAsCopyDestination", &[source.address()]) & 0xFF, 0);
        }
        SEEN.set(status.0 as usize);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, pre, None).start(driver)
    }
    let machine = Machine::of(Windows::Win11_24H2, entry);
    machine.sim.copy_file2(machine.thread, &CopySpec::new(r"C:\a", r"C:\b", 1)).expect("it can be copied");
    assert_eq!(SEEN.get(), 0);
    let handle = machine.open(r"C:\c");
    let write = |fast_io| {
        let spec = crate::WriteSpec { fast_io, ..crate::WriteSpec::at(0, 1) };
        machine.sim.write(machine.thread, handle, &spec).expect("it can be written");
        NtStatus(u32::try_from(SEEN.get()).expect("it is a status"))
    };
    assert_eq!(write(crate::FastIo::No), NtStatus::NOT_FOUND);
    assert_eq!(write(crate::FastIo::Accepted), NtStatus::INVALID_PARAMETER);
}

#[test]
fn a_chunk_ends_with_the_source_and_fills_whole_sectors_past_the_cache() {
    let machine = Machine::of(Windows::Win11_24H2, entry);
    machine.sim.add_file(r"C:\a", 700).expect("the volume is there");
    let options = CreateOptions::SYNCHRONOUS_IO_NONALERT | CreateOptions::NO_INTERMEDIATE_BUFFERING;
    let source = CreateSpec::new(r"C:\a").access(Access::GENERIC_READ).disposition(crate::Disposition::Open);
    let source = machine.sim.create(machine.thread, &source).expect("it opens");
    let destination =
        machine.sim.create(machine.thread, &CreateSpec::new(r"C:\b").options(options)).expect("it opens");
    let chunk = ChunkSpec { source, destination, source_offset: 512, destination_offset: 512, length: 512 };
    let seen = watch(&machine);
    assert_eq!(machine.sim.copy_file_chunk(machine.thread, &chunk), Ok(188));
    let written: Vec<_> = transfers(&seen)
        .into_iter()
        .filter(|(major, ..)| *major == Major::Write)
        .map(|seen| seen.5)
        .collect();
    assert_eq!(written, [Some(io::volume::SECTOR_BYTES)]);
    let past_end = ChunkSpec { source_offset: 1024, ..chunk };
    assert_eq!(machine.sim.copy_file_chunk(machine.thread, &past_end), Err(NtStatus::END_OF_FILE));
    let unaligned = ChunkSpec { length: 100, ..chunk };
    assert_eq!(machine.sim.copy_file_chunk(machine.thread, &unaligned), Err(NtStatus::INVALID_PARAMETER));
    let backwards = ChunkSpec { source: destination, destination: source, ..chunk };
    assert_eq!(machine.sim.copy_file_chunk(machine.thread, &backwards), Err(NtStatus::ACCESS_DENIED));
}
