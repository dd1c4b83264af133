//! Processes and threads: identity, reuse of numbers, notification.

use std::cell::Cell;
use std::sync::Arc;

use super::driver::{Filter, SEEN, nt, status};
use super::{Machine, PID, TID};
use crate::Windows;
use crate::abi::{
    CallbackData, FileNameInformation, FileObject, ProcessCreateInfo, Ptr, RelatedObjects, Shared,
};
use crate::io::request::KeptThread;
use crate::ke::Cpu;
use crate::kernel::Kernel;
use crate::ob::{Object, Objects, SYSTEM};
use crate::ps::routines::give;
use crate::rtl::read_unicode_string;
use crate::sim::{CreateSpec, Major, ProcessKind, ProcessSpec, SpecError, WriteSpec};
use crate::status::NtStatus;
use crate::verifier::Rule;

thread_local! {
    static CREATED: Cell<usize> = const { Cell::new(0) };
    static ENDED: Cell<usize> = const { Cell::new(0) };
    static IMAGE: Cell<usize> = const { Cell::new(0) };
}

extern "win64" fn notify(process: usize, pid: usize, info: Ptr<ProcessCreateInfo>) {
    assert_eq!(nt("PsGetProcessId", &[process]), pid);
    match info.non_null() {
        None => ENDED.set(pid),
        Some(info) => {
            let info = info.read();
            assert_eq!(info.size, 72);
            assert_eq!(info.parent_process_id, PID as usize);
            assert_eq!(info.creating_thread_id.thread, TID as usize);
            assert_eq!(read_unicode_string(info.image_file_name), r"\Device\HarddiskVolume3\child.exe");
            check_image(info.file_object);
            CREATED.set(pid);
        }
    }
}

/// The image is an open file as any other.
fn check_image(file: Ptr<FileObject>) {
    const NORMALIZED_DEFAULT: usize = 0x101;
    assert!(!file.read().fs_context.is_null());
    IMAGE.set(file.address());
    let name = Shared::new(Ptr::<FileNameInformation>::NULL);
    let arguments = [file.address(), 0, NORMALIZED_DEFAULT, name.ptr().address()];
    assert_eq!(status("FltGetFileNameInformationUnsafe", &arguments), NtStatus::SUCCESS);
    let text = name.get().byte_offset(std::mem::offset_of!(FileNameInformation, name));
    assert_eq!(read_unicode_string(text), r"\Device\HarddiskVolume3\child.exe");
    nt("FltReleaseFileNameInformation", &[name.get().address()]);
}

fn register(remove: usize) -> NtStatus {
    status("PsSetCreateProcessNotifyRoutineEx", &[notify as *const () as usize, remove])
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    assert_eq!(register(0), NtStatus::SUCCESS);
    assert_eq!(register(0), NtStatus::INVALID_PARAMETER, "it is registered already");
    Filter::default().unload(unload).start(driver)
}

extern "win64" fn unload(_: u32) -> u32 {
    assert_eq!(register(1), NtStatus::SUCCESS);
    super::driver::unregister(0)
}

#[test]
fn processes_are_announced_by_their_creator_and_when_they_end() {
    let machine = Machine::new(entry);
    let child = ProcessSpec::new(r"C:\child.exe").parent(PID).pid(2000);
    let child = machine.sim.add_process(child).expect("the PID is free");
    assert_eq!((CREATED.get(), ENDED.get()), (2000, 0));
    assert!(machine.sim.kernel_for_test().objects.file(Ptr::at(IMAGE.get())).is_none(), "it is closed again");
    machine.sim.exit_process(child).expect("the process runs");
    assert_eq!((CREATED.get(), ENDED.get()), (2000, 2000));
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_routine_left_registered_is_a_leak() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        register(0);
        Filter::default().start(driver)
    }
    let machine = Machine::new(entry);
    let report = machine.sim.unload(&machine.driver).expect("the driver unloads");
    assert_eq!(report.leaks.len(), 1, "{report:?}");
    machine.expect_violation(Rule::AfterUnload, "test filter unload");
}

#[test]
fn a_pid_is_used_again_by_another_process() {
    let (sim, process, thread) = super::machine_without_driver(Windows::Win10_2004);
    let before = sim.process_info(process).expect("it is there");
    assert_eq!(sim.add_process(ProcessSpec::new("b.exe").pid(PID)), Err(SpecError::PidInUse(PID)));
    assert_eq!(sim.add_thread(process, Some(TID)), Err(SpecError::TidInUse(TID)));
    sim.exit_process(process).expect("it runs");
    assert_eq!(sim.exit_process(process), Err(SpecError::NoSuchProcess));
    assert_eq!(sim.exit_thread(thread), Err(SpecError::NoSuchThread));
    let again = sim.add_process(ProcessSpec::new("b.exe").pid(PID)).expect("the PID is free again");
    sim.add_thread(again, Some(TID)).expect("the TID is free again");
    let after = sim.process_info(again).expect("it is there");
    assert_ne!(before.start_key, after.start_key);
    assert_eq!(sim.process_by_pid(PID), Some(again));
    assert!(!sim.process_info(process).expect("the dead are remembered").alive);
}

#[test]
fn system_and_its_threads_cannot_be_ended() {
    let (sim, ..) = super::machine_without_driver(Windows::Win10_2004);
    assert!(matches!(sim.exit_process(sim.system()), Err(SpecError::NotYours(_))));
    assert!(matches!(sim.exit_thread(sim.system_thread()), Err(SpecError::NotYours(_))));
}

#[test]
fn a_process_that_is_gone_is_no_object_any_more() {
    extern "win64" fn keep(process: usize, _: usize, info: usize) {
        if info != 0 {
            SEEN.set(process);
        }
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        status("PsSetCreateProcessNotifyRoutineEx", &[keep as *const () as usize, 0]);
        Filter::default().unload(unload).start(driver)
    }
    extern "win64" fn unload(_: u32) -> u32 {
        assert_eq!(nt("PsGetProcessId", &[SEEN.get()]), 0);
        status("PsSetCreateProcessNotifyRoutineEx", &[keep as *const () as usize, 1]);
        super::driver::unregister(0)
    }
    let machine = Machine::new(entry);
    let child = machine.sim.add_process(ProcessSpec::new("a.exe")).expect("PIDs are free");
    machine.sim.exit_process(child).expect("it runs");
    machine.unload_cleanly();
    machine.expect_violation(Rule::Retained, "test filter unload");
}

/// Regression test: a process ended between being found by its PID and being referenced, and the driver got a pointer
/// without a reference, which broke rule 22.
#[test]
fn a_process_that_ends_while_it_is_looked_up_is_not_found() {
    let (sim, _, thread) = super::machine_without_driver(Windows::Win11_24H2);
    sim.add_process(ProcessSpec::new(r"C:\brief.exe").pid(5000)).expect("the PID is free");
    let given = Shared::new(Ptr::NULL);
    let status = sim.inside(thread, |cpu| {
        let Kernel { processes, objects, .. } = &**cpu.kernel();
        let found = processes.process_by_pid(5000).expect("it lives");
        processes.end_process(objects, &found);
        give(cpu, Some(found), given.ptr())
    });
    assert_eq!((status, given.get()), (NtStatus::INVALID_CID, Ptr::NULL));
}

/// Regression test: a thread that ended while a request of its was on its way, or while another request still kept it,
/// went with that; the driver's pointer to it then broke rule 22.
#[test]
fn a_request_keeps_a_thread_that_ends_meanwhile() {
    let (sim, _, thread) = super::machine_without_driver(Windows::Win11_24H2);
    let process = sim.add_process(ProcessSpec::new(r"C:\brief.exe").pid(5000)).expect("the PID is free");
    let brief = sim.add_thread(process, None).expect("there are numbers");
    sim.inside(thread, |cpu| {
        let Kernel { processes, objects, .. } = &**cpu.kernel();
        let brief = processes.thread(brief.0).expect("it lives");
        let is_there = || objects.thread(brief.ptr()).is_some();
        let first = KeptThread::new(cpu.kernel(), &brief);
        processes.end_thread(objects, &brief);
        assert!(is_there(), "a request keeps it");
        let second = KeptThread::new(cpu.kernel(), &brief);
        drop(first);
        assert!(is_there(), "another does");
        drop(second);
        assert!(!is_there());
        let third = KeptThread::new(cpu.kernel(), &brief);
        assert!(is_there(), "a request is made in its name afterwards");
        drop(third);
        assert!(!is_there());
    });
}

/// Regression test: an address of a thread that had gone and was kept once more was given to two new threads.
#[test]
fn an_address_is_free_once_however_often_its_thread_was_kept() {
    let objects = Objects::new(true);
    let (sim, _, thread) = super::machine_without_driver(Windows::Win11_24H2);
    let thread = sim.inside(thread, Cpu::thread);
    for _ in 0..2 {
        objects.keep(thread.ptr(), Object::Thread(Arc::clone(&thread)));
        objects.dereference(thread.ptr(), SYSTEM);
    }
    assert_eq!(objects.take_thread_address(), Some(thread.ptr()));
    assert_eq!(objects.take_thread_address(), None);
}

#[test]
fn a_driver_learns_who_a_process_is() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let found = Shared::new(0usize);
        assert_eq!(
            status("PsLookupProcessByProcessId", &[12345, found.ptr().address()]),
            NtStatus::INVALID_CID
        );
        assert_eq!(
            status("PsLookupProcessByProcessId", &[PID as usize, found.ptr().address()]),
            NtStatus::SUCCESS
        );
        let process = found.get();
        assert_eq!(nt("PsGetProcessId", &[process]), PID as usize);

        let name = Shared::new(0usize);
        assert_eq!(status("SeLocateProcessImageName", &[process, name.ptr().address()]), NtStatus::SUCCESS);
        assert_eq!(read_unicode_string(Ptr::at(name.get())), r"\Device\HarddiskVolume3\app.exe");
        nt("ExFreePoolWithTag", &[name.get(), 0]);

        let token = nt("PsReferencePrimaryToken", &[process]);
        let user = Shared::new(Ptr::<Ptr<u8>>::NULL);
        assert_eq!(status("SeQueryInformationToken", &[token, 1, user.ptr().address()]), NtStatus::SUCCESS);
        let sid = user.get().read().read_slice(12);
        assert_eq!(sid, [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0]);
        nt("ExFreePoolWithTag", &[user.get().address(), 0]);
        let session = Shared::new(7u32);
        assert_eq!(status("SeQuerySessionIdToken", &[token, session.ptr().address()]), NtStatus::SUCCESS);
        assert_eq!(session.get(), 0);
        nt("PsDereferencePrimaryToken", &[token]);
        nt("ObfDereferenceObject", &[process]);
        Filter::default().start(driver)
    }
    let machine = Machine::new(entry);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn kernel_processes_are_told_from_user_processes() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let current = nt("PsGetCurrentThread", &[]);
        assert_eq!(nt("PsIsSystemThread", &[current]) & 0xFF, 1, "DriverEntry runs in System");
        Filter::default().start(driver)
    }
    let machine = Machine::new(entry);
    let registry = ProcessSpec::new("Registry").kind(ProcessKind::Minimal);
    let registry = machine.sim.add_process(registry).expect("PIDs are free");
    assert_eq!(machine.sim.process_info(registry).expect("it is there").image, "Registry");
}

#[test]
fn a_pending_write_keeps_its_thread_and_process() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let process = nt("IoThreadToProcess", &[data.read().thread.address()]);
        SEEN.set(nt("PsGetProcessId", &[process]));
        assert_eq!(nt("PsGetCurrentProcessId", &[]), 4);
        super::driver::SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    machine.sim.exit_thread(machine.thread).expect("it runs");
    let write = |spec| machine.sim.write(machine.thread, handle, &spec);
    assert_eq!(write(WriteSpec::at(0, 1)), Err(NtStatus::INVALID_CID), "the dead issue nothing");
    let reposted = WriteSpec { executor: Some(machine.sim.system_thread()), ..WriteSpec::at(0, 1) };
    assert_eq!(write(reposted), Ok(1));
    assert_eq!(SEEN.get(), PID as usize);
    machine.expect_no_violation();
}

#[test]
fn a_write_may_have_a_process_without_a_thread() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        assert!(data.read().thread.is_null());
        SEEN.set(nt("FltGetRequestorProcess", &[data.address()]));
        super::driver::SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    let process = machine.sim.process_by_pid(PID);
    for (requestor, expected) in [(None, false), (process, true)] {
        let spec = WriteSpec { thread_null: true, requestor, ..WriteSpec::at(0, 1) };
        assert_eq!(machine.sim.write(machine.thread, handle, &spec), Ok(1));
        assert_eq!(SEEN.get() != 0, expected);
    }
}

#[test]
fn a_name_too_long_for_windows_is_refused() {
    let (sim, _, thread) = super::machine_without_driver(Windows::Win10_2004);
    let long = format!(r"C:\{}", "x".repeat(40_000));
    assert!(matches!(sim.add_process(ProcessSpec::new(&long)), Err(SpecError::BadName(..))));
    assert_eq!(sim.create(thread, &CreateSpec::new(&long)), Err(NtStatus::OBJECT_NAME_INVALID));
}
