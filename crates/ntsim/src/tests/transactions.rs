//! Transactions, dismounts, and threads attached to other processes.

use super::cache::{Seen, entry, other_process, watch};
use super::driver::{self, Filter, SEEN, SUCCESS_NO_CALLBACK};
use super::{Machine, PID, machine_without_driver};
use crate::abi::{CallbackData, Ptr, RelatedObjects, Shared};
use crate::sim::{CreateSpec, Disposition, FileSystem, Major, Setting, VolumeSpec, WriteSpec};
use crate::status::NtStatus;
use crate::{Access, Windows};

#[test]
fn filters_see_the_transaction_that_a_file_was_opened_under() {
    extern "win64" fn pre(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        SEEN.set(objects.read().transaction.address());
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Write, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    let transaction = machine.sim.begin_transaction();
    let spec = CreateSpec::new(r"C:\a").transaction(transaction);
    let under = machine.sim.create(machine.thread, &spec).expect("it opens");
    let outside = machine.open(r"C:\b");
    machine.sim.write(machine.thread, under, &WriteSpec::at(0, 1)).expect("it can be written");
    assert_ne!(SEEN.get(), 0);
    machine.sim.write(machine.thread, outside, &WriteSpec::at(0, 1)).expect("it can be written");
    assert_eq!(SEEN.get(), 0);
}

#[test]
fn what_is_rolled_back_is_undone_and_what_is_committed_stays() {
    let machine = Machine::new(entry);
    let sim = &machine.sim;
    for commits in [false, true] {
        sim.add_file(r"C:\old", 10).expect("the volume is there");
        let transaction = sim.begin_transaction();
        let open = |path: &str| {
            let spec = CreateSpec::new(path).transaction(transaction);
            sim.create(machine.thread, &spec).expect("it opens")
        };
        let (old, new) = (open(r"C:\old"), open(r"C:\new"));
        sim.write(machine.thread, old, &WriteSpec::at(0, 5000)).expect("it can be written");
        sim.write(machine.thread, new, &WriteSpec::at(0, 5000)).expect("it can be written");
        let watched = watch(&machine);
        let ended = if commits { sim.commit(transaction) } else { sim.rollback(transaction) };
        ended.expect("it is active");
        assert_eq!(sim.rollback(transaction), Err(NtStatus::TRANSACTION_NOT_ACTIVE));
        let late = sim.write(machine.thread, old, &WriteSpec::at(0, 1));
        assert_eq!(late, Err(NtStatus::HANDLE_NO_LONGER_VALID));
        sim.lazy_write();
        let written = watched.take(|seen: &Seen| seen.major == Major::Write).len();
        assert_eq!(written, if commits { 2 } else { 0 }, "what was rolled back is never written");
        sim.close(machine.thread, old).expect("it is open");
        sim.close(machine.thread, new).expect("it is open");
        let again = sim.create(machine.thread, &CreateSpec::new(r"C:\old")).expect("it opens");
        assert_eq!(sim.query_size(machine.thread, again), Ok(if commits { 5000 } else { 10 }));
        let found = sim.create(machine.thread, &CreateSpec::new(r"C:\new").disposition(Disposition::Open));
        assert_eq!(found.is_ok(), commits);
    }
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn only_ntfs_has_transactions() {
    for (file_system, expected) in [
        (FileSystem::Ntfs, None),
        (FileSystem::Refs, Some(NtStatus::INVALID_DEVICE_REQUEST)),
        (FileSystem::Lanman, Some(NtStatus::TRANSACTIONS_UNSUPPORTED_REMOTE)),
    ] {
        let (sim, _, thread) = machine_without_driver(Windows::Win11_24H2);
        let spec = VolumeSpec::new(r"\Device\X").dos("X:").file_system(file_system);
        sim.add_volume(spec).expect("the names are free");
        let spec = CreateSpec::new(r"X:\a").transaction(sim.begin_transaction());
        assert_eq!(sim.create(thread, &spec).err(), expected, "{file_system:?}");
    }
}

#[test]
fn a_dismount_writes_what_is_dirty_detaches_filters_and_leaves_handles_to_be_closed() {
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 10)).expect("it can be written");
    let volume = CreateSpec::new(r"\\.\C:").access(Access::GENERIC_READ | Access::GENERIC_WRITE);
    let volume = machine.sim.create(machine.thread, &volume).expect("it opens");
    assert_eq!(machine.sim.dismount(machine.thread, handle), Err(NtStatus::INVALID_PARAMETER));
    let watched = watch(&machine);
    machine.sim.dismount(machine.thread, volume).expect("nobody refuses");
    let majors: Vec<_> = watched.majors().into_iter().map(|(major, _)| major).collect();
    assert_eq!(
        majors,
        [Major::FileSystemControl, Major::AcquireForCcFlush, Major::Write, Major::ReleaseForCcFlush]
    );
    let late = machine.sim.write(machine.thread, handle, &WriteSpec::at(0, 1));
    assert_eq!(late, Err(NtStatus::VOLUME_DISMOUNTED));
    let set = machine.sim.set_information(machine.thread, handle, Setting::EndOfFile(0));
    assert_eq!(set, Err(NtStatus::VOLUME_DISMOUNTED));
    let gone = machine.sim.create(machine.thread, &CreateSpec::new(r"C:\a"));
    assert_eq!(gone, Err(NtStatus::OBJECT_PATH_NOT_FOUND));
    machine.sim.close(machine.thread, handle).expect("it is open");
    machine.sim.close(machine.thread, volume).expect("it is open");
    assert_eq!(watched.majors(), [], "no filter is attached any more");
    machine.sim.add_volume(VolumeSpec::new(super::DEVICE).dos("C:")).expect("the names are free again");
    machine.open(r"C:\a");
    assert!(!watched.majors().is_empty(), "filters attach to a volume that is mounted");
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn an_attached_thread_s_requests_are_of_the_process_that_it_is_attached_to() {
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    let (_, other) = other_process(&machine, 2000);
    let process = machine.sim.process_by_pid(PID).expect("it runs");
    machine.sim.attach_thread(other, process).expect("both live");
    let requestors = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let into = std::sync::Arc::clone(&requestors);
    machine.sim.set_observer(Box::new(move |callback| {
        let thread = callback.thread.as_ref().map_or(0, |thread| thread.pid);
        into.lock().expect("no observer has panicked").push((thread, callback.requestor_pid));
    }));
    machine.sim.write(other, handle, &WriteSpec::at(0, 1)).expect("the handle is of the process attached to");
    machine.sim.detach_thread(other).expect("it lives");
    let refused = machine.sim.write(other, handle, &WriteSpec::at(0, 1));
    assert_eq!(refused, Err(NtStatus::INVALID_HANDLE));
    assert_eq!(*requestors.lock().expect("no observer has panicked"), [(2000, PID)]);
}

#[test]
fn a_driver_attaches_and_detaches_its_thread() {
    extern "win64" fn pre(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let process = Shared::new(Ptr::<()>::NULL);
        let found = driver::status("PsLookupProcessByProcessId", &[4, process.ptr().address()]);
        assert_eq!(found, NtStatus::SUCCESS);
        let state = Shared::new([0u64; 6]);
        let own = driver::nt("PsGetCurrentProcess", &[]);
        let own_id = driver::nt("PsGetCurrentProcessId", &[]);
        driver::nt("KeStackAttachProcess", &[process.get().address(), state.ptr().address()]);
        assert_eq!(driver::nt("PsGetCurrentProcess", &[]), process.get().address());
        assert_eq!(driver::nt("PsGetCurrentProcessId", &[]), own_id, "the owner's, wherever it is attached");
        driver::nt("KeUnstackDetachProcess", &[state.ptr().address()]);
        assert_eq!(driver::nt("PsGetCurrentProcess", &[]), own);
        driver::nt("ObfDereferenceObject", &[process.get().address()]);
        SEEN.set(1);
        SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, pre, None).start(driver)
    }
    SEEN.set(0);
    let machine = Machine::new(entry);
    machine.open(r"C:\a");
    assert_eq!(SEEN.get(), 1);
    machine.expect_no_violation();
}
