//! Sections that a filter makes to look at data, and their contexts (fltkernel, `FltCreateSectionForDataScan`).

use std::cell::Cell;

use super::Machine;
use super::driver::{CLEANUPS, Filter, SUCCESS_NO_CALLBACK, allocate_context, nt, status, target};
use crate::abi::{Address, CallbackData, Ptr, RelatedObjects, Shared};
use crate::sim::{CreateOptions, CreateSpec, Major, Setting};
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::{FileSystem, VolumeSpec};

const SECTION_CONTEXT: u16 = 0x40;
const READ_ONLY: usize = 2;
const SEC_COMMIT: usize = 0x0800_0000;

/// What the driver made: context, handle and section.
type Made = (Address, Address, Address);

thread_local! {
    static MADE: Cell<Made> = const { Cell::new((0, 0, 0)) };
    static STATUS: Cell<NtStatus> = const { Cell::new(NtStatus::SUCCESS) };
    static REGISTERS: Cell<bool> = const { Cell::new(true) };
    static PROTECTION: Cell<usize> = const { Cell::new(READ_ONLY) };
}

fn create(objects: Ptr<RelatedObjects>) -> (NtStatus, Made, i64) {
    let (instance, file) = target(objects);
    let context = allocate_context(SECTION_CONTEXT);
    let (handle, section, size) = (Shared::new(0usize), Shared::new(0usize), Shared::new(0i64));
    let out = [handle.ptr().address(), section.ptr().address(), size.ptr().address()];
    let arguments = [instance, file.address(), context, 4, 0, 0, PROTECTION.get(), SEC_COMMIT, 0];
    let created = status("FltCreateSectionForDataScan", &[&arguments[..], &out].concat());
    if created != NtStatus::SUCCESS {
        nt("FltReleaseContext", &[context]);
    }
    (created, (context, handle.get(), section.get()), size.get())
}

/// Before a flush a section is made, before the next setting it is closed.
extern "win64" fn make(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    let (created, made, size) = create(objects);
    STATUS.set(created);
    if created == NtStatus::SUCCESS {
        assert_eq!(size, 5000);
        assert_eq!(create(objects).0, NtStatus::FLT_CONTEXT_ALREADY_DEFINED, "one for each instance");
        let (instance, file) = target(objects);
        let found = Shared::new(0usize);
        let arguments = [instance, file.address(), found.ptr().address()];
        assert_eq!(status("FltGetSectionContext", &arguments), NtStatus::SUCCESS);
        assert_eq!(found.get(), made.0);
        nt("FltReleaseContext", &[found.get()]);
        MADE.set(made);
    }
    SUCCESS_NO_CALLBACK
}

extern "win64" fn done(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    let (context, handle, section) = MADE.replace((0, 0, 0));
    if context != 0 {
        nt("ZwClose", &[handle]);
        nt("ObfDereferenceObject", &[section]);
        assert_eq!(status("FltCloseSectionForDataScan", &[context]), NtStatus::SUCCESS);
        assert_eq!(status("FltCloseSectionForDataScan", &[context]), NtStatus::NOT_FOUND);
        nt("FltReleaseContext", &[context]);
    }
    SUCCESS_NO_CALLBACK
}

extern "win64" fn setup(objects: usize, _: u32, _: u32, _: u32) -> u32 {
    if REGISTERS.get() {
        let instance = Ptr::<RelatedObjects>::at(objects).read().instance.address();
        STATUS.set(status("FltRegisterForDataScan", &[instance]));
    }
    0
}

extern "win64" fn entry(driver: usize, _: usize) -> u32 {
    let filter = Filter::default().with_contexts(&[SECTION_CONTEXT]).instance_setup(setup);
    filter.on(Major::FlushBuffers, make, None).on(Major::QueryInformation, done, None).start(driver)
}

/// What the driver is answered that makes a section of a file of so many bytes.
fn answer(bytes: u64) -> NtStatus {
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    let size = machine.sim.set_information(machine.thread, handle, Setting::EndOfFile(bytes));
    size.expect("it can be set");
    machine.sim.flush(machine.thread, handle).expect("it can be flushed");
    STATUS.get()
}

#[test]
fn a_section_keeps_its_file_open_and_its_context_until_it_is_closed() {
    let machine = Machine::new(entry);
    machine.sim.add_file(r"C:\a", 5000).expect("the volume is there");
    let (handle, other) = (machine.open(r"C:\a"), machine.open(r"C:\a"));
    machine.sim.flush(machine.thread, handle).expect("it can be flushed");
    assert_eq!(STATUS.get(), NtStatus::SUCCESS);
    let truncated = machine.sim.set_information(machine.thread, handle, Setting::EndOfFile(0));
    assert_eq!(truncated, Err(NtStatus::USER_MAPPED_FILE));
    CLEANUPS.set(0);
    machine.sim.close(machine.thread, handle).expect("it is open");
    machine.sim.query_size(machine.thread, other).expect("it is open");
    assert_eq!(CLEANUPS.get(), 1);
    let truncated = machine.sim.set_information(machine.thread, other, Setting::EndOfFile(0));
    truncated.expect("nothing is mapped any more");
    machine.sim.close(machine.thread, other).expect("it is open");
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn what_is_wrong_is_told_as_documented() {
    assert_eq!(answer(0), NtStatus::END_OF_FILE);
    PROTECTION.set(0x40);
    assert_eq!(answer(5000), NtStatus::INVALID_PARAMETER_8);
    PROTECTION.set(READ_ONLY);
    REGISTERS.set(false);
    assert_eq!(answer(5000), NtStatus::INVALID_PARAMETER, "it did not register");
    REGISTERS.set(true);
    let machine = Machine::new(entry);
    let directory = CreateSpec::new(r"C:\dir").options(CreateOptions::DIRECTORY_FILE);
    let handle = machine.sim.create(machine.thread, &directory).expect("it can be made");
    machine.sim.flush(machine.thread, handle).expect("it can be flushed");
    assert_eq!(STATUS.get(), NtStatus::FILE_IS_A_DIRECTORY);
    let network = VolumeSpec::new(r"\Device\Mup").file_system(FileSystem::Lanman);
    machine.sim.add_volume(network).expect("the name is free");
    assert_eq!(STATUS.get(), NtStatus::NOT_SUPPORTED, "a redirector");
}

#[test]
fn a_section_s_context_is_not_deleted() {
    extern "win64" fn delete(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        nt("FltDeleteContext", &[MADE.get().0]);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let filter = Filter::default().with_contexts(&[SECTION_CONTEXT]).instance_setup(setup);
        filter.on(Major::FlushBuffers, make, None).on(Major::Write, delete, None).start(driver)
    }
    let machine = Machine::new(entry);
    machine.sim.add_file(r"C:\a", 5000).expect("the volume is there");
    let handle = machine.open(r"C:\a");
    machine.sim.flush(machine.thread, handle).expect("it can be flushed");
    machine.sim.write(machine.thread, handle, &crate::WriteSpec::at(0, 1)).expect("it can be written");
    machine.expect_violation(Rule::ContextReference, "test pre-write");
}
