//! What changes a file without a write: settings, names, deletion, file system controls; and whose handle it is.

use std::sync::{Arc, Mutex};

use super::driver::{self, Filter, SEEN, SUCCESS_NO_CALLBACK, iopb};
use super::{Machine, PID, machine_without_driver};
use crate::abi::{CallbackData, Ptr, RelatedObjects, Shared};
use crate::sim::{
    CloneSpec, CreateOptions, CreateSpec, Disposition, FileSystem, Major, OffloadWriteSpec, Phase, Setting,
    VolumeSpec, WriteSpec,
};
use crate::status::NtStatus;
use crate::{Access, Handle, ProcessSpec, Sim, Thread, Windows};

extern "win64" fn pass(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    SUCCESS_NO_CALLBACK
}

/// A driver that sees everything.
extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    super::ALL_MAJORS
        .into_iter()
        .fold(Filter::default(), |filter, major| filter.on(major, pass, None))
        .unload(driver::unregister)
        .start(driver)
}

/// Each operation by major function and current PID.
fn watch(machine: &Machine) -> Arc<Mutex<Vec<(Major, u32)>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&seen);
    machine.sim.set_observer(Box::new(move |callback| {
        if callback.phase == Phase::Pre {
            into.lock().expect("no observer has panicked").push((callback.major, callback.current.pid));
        }
    }));
    seen
}

fn majors(seen: &Mutex<Vec<(Major, u32)>>) -> Vec<Major> {
    seen.lock().expect("no observer has panicked").drain(..).map(|(major, _)| major).collect()
}

fn exists(sim: &Sim, thread: Thread, path: &str) -> bool {
    match sim.create(thread, &CreateSpec::new(path).disposition(Disposition::Open)) {
        Ok(handle) => {
            sim.close(thread, handle).expect("it is open");
            true
        }
        Err(NtStatus::OBJECT_NAME_NOT_FOUND) => false,
        Err(other) => panic!("{other}"),
    }
}

fn open_for_delete(sim: &Sim, thread: Thread, path: &str) -> Handle {
    let spec = CreateSpec::new(path).access(Access::GENERIC_READ | Access::GENERIC_WRITE | Access::DELETE);
    sim.create(thread, &spec).expect("the file opens")
}

#[test]
fn a_setting_is_a_request_with_its_class_and_value() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        // SAFETY: this is a set-information.
        let set = unsafe { iopb(data).parameters.set_file_information };
        let value = set.info_buffer.cast::<usize>().read();
        SEEN.set(set.file_information_class as usize * 1_000_000 + value);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::SetInformation, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = open_for_delete(&machine.sim, machine.thread, r"C:\a");
    for (setting, class, value) in [
        (Setting::EndOfFile(5000), 20, 5000),
        (Setting::ValidDataLength(4000), 39, 4000),
        (Setting::Allocation(8192), 19, 8192),
        (Setting::Disposition { delete: true }, 13, 1),
        (Setting::DispositionEx { delete: true, posix: true }, 64, 3),
        (Setting::Basic, 4, 0),
    ] {
        assert_eq!(machine.sim.set_information(machine.thread, handle, setting), Ok(()), "{setting:?}");
        assert_eq!(SEEN.get(), class * 1_000_000 + value, "{setting:?}");
    }
    assert_eq!(machine.sim.query_size(machine.thread, handle), Ok(5000));
    machine.expect_no_violation();
}

#[test]
fn less_allocation_than_data_truncates_and_valid_data_only_grows() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    let handle = open_for_delete(&sim, thread, r"C:\a");
    let set = |setting| sim.set_information(thread, handle, setting);
    set(Setting::EndOfFile(5000)).expect("it can be set");
    assert_eq!(set(Setting::ValidDataLength(5001)), Err(NtStatus::INVALID_PARAMETER));
    set(Setting::ValidDataLength(4000)).expect("it can be set");
    assert_eq!(set(Setting::ValidDataLength(3999)), Err(NtStatus::INVALID_PARAMETER));
    set(Setting::Allocation(100)).expect("it can be set");
    assert_eq!(sim.query_size(thread, handle), Ok(100));
    let reader =
        sim.create(thread, &CreateSpec::new(r"C:\a").access(Access::GENERIC_READ)).expect("it opens");
    let refused = sim.set_information(thread, reader, Setting::EndOfFile(0));
    assert_eq!(refused, Err(NtStatus::ACCESS_DENIED));
}

#[test]
fn a_deleted_file_goes_with_its_last_handle_unless_posix_semantics_are_asked_for() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    let other = sim.create(thread, &CreateSpec::new(r"C:\a")).expect("the file opens");
    let handle = open_for_delete(&sim, thread, r"C:\a");
    sim.set_information(thread, handle, Setting::Disposition { delete: true }).expect("it can be set");
    let again = sim.create(thread, &CreateSpec::new(r"C:\a"));
    assert_eq!(again, Err(NtStatus::DELETE_PENDING));
    sim.set_information(thread, handle, Setting::Disposition { delete: false }).expect("it can be set");
    sim.close(thread, handle).expect("it is open");
    assert!(exists(&sim, thread, r"C:\a"), "it was not to be deleted after all");
    let handle = open_for_delete(&sim, thread, r"C:\a");
    sim.set_information(thread, handle, Setting::DispositionEx { delete: true, posix: true })
        .expect("it can be set");
    sim.close(thread, handle).expect("it is open");
    assert!(!exists(&sim, thread, r"C:\a"), "the name goes although another handle is open");
    let spec = CreateSpec::new(r"C:\a").disposition(Disposition::Create);
    let successor = sim.create(thread, &spec).expect("the name is free");
    sim.close(thread, other).expect("it is open");
    sim.close(thread, successor).expect("it is open");
    assert!(exists(&sim, thread, r"C:\a"), "the successor is not taken along");
    let spec = CreateSpec::new(r"C:\a").options(CreateOptions::DELETE_ON_CLOSE);
    let handle = sim.create(thread, &spec).expect("the file opens");
    sim.close(thread, handle).expect("it is open");
    assert!(!exists(&sim, thread, r"C:\a"));
}

#[test]
fn a_hard_link_is_another_name_of_the_same_file() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    let handle = open_for_delete(&sim, thread, r"C:\a");
    sim.link(thread, handle, r"C:\b").expect("the name is free");
    assert_eq!(sim.link(thread, handle, r"C:\b"), Err(NtStatus::OBJECT_NAME_COLLISION));
    sim.write(thread, handle, &WriteSpec::at(0, 10)).expect("it can be written");
    let linked = sim.create(thread, &CreateSpec::new(r"C:\b")).expect("the file opens");
    assert_eq!(sim.query_size(thread, linked), Ok(10));
    sim.set_information(thread, handle, Setting::Disposition { delete: true }).expect("it can be set");
    sim.close(thread, linked).expect("it is open");
    sim.close(thread, handle).expect("it is open");
    assert!(!exists(&sim, thread, r"C:\a"), "the name it was opened by is deleted");
    assert!(exists(&sim, thread, r"C:\b"));
}

#[test]
fn file_systems_differ_in_what_they_can() {
    for (file_system, streams, links, clones, zeroes, offload) in [
        (FileSystem::Ntfs, true, true, false, true, true),
        (FileSystem::Refs, true, true, true, true, false),
        (FileSystem::Fat, false, false, false, false, false),
        (FileSystem::ExFat, false, false, false, false, false),
        (FileSystem::Lanman, true, true, true, true, true),
    ] {
        let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
        let spec = VolumeSpec::new(r"\Device\X").dos("X:").file_system(file_system);
        sim.add_volume(spec).expect("the names are free");
        let source = sim.create(thread, &CreateSpec::new(r"X:\a")).expect("the file opens");
        sim.set_information(thread, source, Setting::EndOfFile(8192)).expect("it can be set");
        let stream = sim.create(thread, &CreateSpec::new(r"X:\a:s"));
        assert_eq!(stream.is_ok(), streams, "{file_system:?}");
        assert_eq!(sim.link(thread, source, r"X:\b").is_ok(), links, "{file_system:?}");
        let target = sim.create(thread, &CreateSpec::new(r"X:\c")).expect("the file opens");
        sim.set_information(thread, target, Setting::EndOfFile(8192)).expect("it can be set");
        let clone = CloneSpec { source, source_offset: 0, target_offset: 0, length: 4096, extended: false };
        assert_eq!(sim.duplicate_extents(thread, target, &clone).is_ok(), clones, "{file_system:?}");
        assert_eq!(sim.zero_data(thread, target, 0, 100).is_ok(), zeroes, "{file_system:?}");
        assert_eq!(sim.offload_read(thread, source, 0, 100).is_ok(), offload, "{file_system:?}");
    }
}

#[test]
fn a_block_clone_names_its_source_by_handle_and_takes_whole_clusters() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        // SAFETY: this is a buffered file system control.
        let control = unsafe { iopb(data).parameters.file_system_control };
        assert!(matches!(
            (control.fs_control_code, control.input_buffer_length),
            (0x98344, 32) | (0x983E8, 48)
        ));
        let offset = if control.fs_control_code == 0x98344 { 0 } else { 8 };
        let handle = control.system_buffer.byte_offset::<usize>(offset).read();
        let file_type = Ptr::<usize>::at(driver::system_routine("IoFileObjectType")).read();
        let source = Shared::new(Ptr::<()>::NULL);
        let user_mode = 1;
        let arguments = [handle, 0, file_type, user_mode, source.ptr().address(), 0];
        let found = driver::status("ObReferenceObjectByHandle", &arguments);
        assert_eq!(found, NtStatus::SUCCESS, "the source's handle means something in its process");
        driver::nt("ObfDereferenceObject", &[source.get().address()]);
        SEEN.set(control.fs_control_code as usize);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::FileSystemControl, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let sim = &machine.sim;
    let spec = VolumeSpec::new(r"\Device\X").dos("X:").file_system(FileSystem::Refs);
    sim.add_volume(spec).expect("the names are free");
    let open = |path: &str, size| {
        let handle = sim.create(machine.thread, &CreateSpec::new(path)).expect("the file opens");
        sim.set_information(machine.thread, handle, Setting::EndOfFile(size)).expect("it can be set");
        handle
    };
    let (source, target) = (open(r"X:\a", 5000), open(r"X:\b", 5000));
    let clone = |source_offset, length, extended| {
        let spec = CloneSpec { source, source_offset, target_offset: source_offset, length, extended };
        sim.duplicate_extents(machine.thread, target, &spec)
    };
    assert_eq!(clone(0, 4096, false), Ok(()));
    assert_eq!(SEEN.get(), 0x98344);
    assert_eq!(clone(4096, 904, true), Ok(()), "the last cluster may be part of one");
    assert_eq!(SEEN.get(), 0x983E8);
    assert_eq!(clone(100, 4096, false), Err(NtStatus::INVALID_PARAMETER));
    assert_eq!(clone(4096, 8192, false), Err(NtStatus::END_OF_FILE));
    machine.expect_no_violation();
}

#[test]
fn an_offload_token_stands_for_what_was_read() {
    let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
    sim.add_file(r"C:\a", 5000).expect("the volume is there");
    sim.add_file(r"C:\b", 5000).expect("the volume is there");
    let source = sim.create(thread, &CreateSpec::new(r"C:\a")).expect("the file opens");
    let target = sim.create(thread, &CreateSpec::new(r"C:\b")).expect("the file opens");
    let token = sim.offload_read(thread, source, 4096, 4096).expect("it can be read");
    assert_eq!(token.length, 904);
    let spec = OffloadWriteSpec { token, token_offset: 0, offset: 0, length: 904 };
    assert_eq!(sim.offload_write(thread, target, &spec), Ok(904));
    let spec = OffloadWriteSpec { length: 905, ..spec };
    assert_eq!(sim.offload_write(thread, target, &spec), Err(NtStatus::INVALID_PARAMETER));
    let spec = OffloadWriteSpec { length: 900, offset: 4101, ..spec };
    assert_eq!(sim.offload_write(thread, target, &spec), Err(NtStatus::INVALID_PARAMETER));
}

#[test]
fn requests_that_change_nothing_reach_the_filters_too() {
    let machine = Machine::new(entry);
    let seen = watch(&machine);
    let handle = machine.open(r"C:\a");
    machine.sim.lock(machine.thread, handle, 0, 10).expect("it can be locked");
    machine.sim.unlock(machine.thread, handle, 0, 10).expect("it is locked");
    machine.sim.flush(machine.thread, handle).expect("it can be flushed");
    machine.sim.query_size(machine.thread, handle).expect("it is open");
    machine.sim.fs_control(machine.thread, handle, 0x900C4).expect("nobody refuses");
    let listed = machine.sim.query_directory(machine.thread, handle);
    assert_eq!(listed, Err(NtStatus::INVALID_PARAMETER), "it is a file");
    let expected = [
        Major::Create,
        Major::LockControl,
        Major::LockControl,
        Major::FlushBuffers,
        Major::QueryInformation,
        Major::FileSystemControl,
        Major::DirectoryControl,
    ];
    assert_eq!(majors(&seen), expected);
}

#[test]
fn a_file_object_is_cleaned_up_with_the_last_handle_of_any_process() {
    let machine = Machine::new(entry);
    let child = machine.sim.add_process(ProcessSpec::new("child.exe")).expect("PIDs are free");
    let thread = machine.sim.add_thread(child, None).expect("TIDs are free");
    let parent = machine.sim.process_by_pid(PID).expect("it runs");
    let handle = machine.open(r"C:\a");
    machine.sim.inherit_handle(parent, handle, child).expect("it is open");
    let duplicate = machine.sim.duplicate_handle(machine.thread, handle, child).expect("it is open");
    let seen = watch(&machine);
    for handle in [handle, duplicate] {
        assert_eq!(machine.sim.write(thread, handle, &WriteSpec::at(0, 1)), Ok(1));
    }
    let foreign = machine.sim.write(machine.thread, duplicate, &WriteSpec::at(0, 1));
    assert_eq!(foreign, Err(NtStatus::INVALID_HANDLE), "the duplicate is the other process's");
    machine.sim.close(machine.thread, handle).expect("it is open");
    machine.sim.close(thread, duplicate).expect("it is open");
    assert_eq!(majors(&seen), [Major::Write, Major::Write]);
    machine.sim.exit_process(child).expect("it runs");
    assert_eq!(majors(&seen).first(), Some(&Major::Cleanup), "the inherited handle was the last");
}

#[test]
fn an_impersonating_thread_opens_with_its_client_s_token() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        // SAFETY: this is a create.
        let create = unsafe { iopb(data).parameters.create };
        let subject = create.security_context.read().access_state.read().subject_security_context;
        SEEN.set(subject.impersonation_level as usize);
        assert_eq!(subject.client_token.is_null(), subject.impersonation_level == 0);
        assert_ne!(subject.client_token, subject.primary_token);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    machine.open(r"C:\a");
    assert_eq!(SEEN.get(), 0);
    let client = machine.sim.add_process(ProcessSpec::new("client.exe")).expect("PIDs are free");
    machine.sim.impersonate(machine.thread, client).expect("both live");
    machine.open(r"C:\a");
    assert_eq!(SEEN.get(), 2);
    machine.sim.revert(machine.thread).expect("it lives");
    machine.open(r"C:\a");
    assert_eq!(SEEN.get(), 0);
}
