//! What callbacks see of an operation, what they may answer, and fast I/O.

use std::sync::{Arc, Mutex};

use super::Machine;
use super::driver::{
    self, FINISHED_PROCESSING, Filter, SEEN, SUCCESS_NO_CALLBACK, SUCCESS_WITH_CALLBACK, iopb,
};
use crate::abi::{CallbackData, Ptr, RelatedObjects};
use crate::sim::{FastIo, Major, Mode, Outcome, Phase, WriteOffset, WriteSpec};
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::{Access, CreateSpec, Handle};

const SKIP_PAGING_IO: u32 = 1;

extern "win64" fn pass(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    SUCCESS_NO_CALLBACK
}

extern "win64" fn watch(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    SUCCESS_WITH_CALLBACK
}

extern "win64" fn finish(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
    FINISHED_PROCESSING
}

/// A driver with this pre-write callback, and perhaps a post-write callback.
macro_rules! machine {
    ($pre:expr, $post:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            let (pre, post): (driver::Pre, Option<driver::Post>) = ($pre, $post);
            Filter::default().on(Major::Write, pre, post).start(driver)
        }
        Machine::new(entry)
    }};
}

fn write(machine: &Machine, handle: Handle, spec: &WriteSpec) -> Result<u32, NtStatus> {
    machine.sim.write(machine.thread, handle, spec)
}

/// Has the machine note each callback in a few words.
fn note(machine: &Machine) -> Arc<Mutex<Vec<String>>> {
    let notes = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&notes);
    machine.sim.set_observer(Box::new(move |callback| {
        let kind = if callback.flags & 2 == 0 { "irp" } else { "fast" };
        let phase = match callback.phase {
            Phase::Pre => "pre".to_owned(),
            Phase::Post => {
                format!("post {}", callback.status.expect("a post-operation callback has a status"))
            }
        };
        into.lock().expect("no observer has panicked").push(format!("{kind} {phase}"));
    }));
    notes
}

#[test]
fn accepted_fast_io_is_one_operation() {
    let machine = machine!(watch, Some(finish));
    let handle = machine.open(r"C:\a");
    let notes = note(&machine);
    let spec = WriteSpec { fast_io: FastIo::Accepted, ..WriteSpec::at(0, 10) };
    assert_eq!(write(&machine, handle, &spec), Ok(10));
    assert_eq!(*notes.lock().unwrap(), ["fast pre", "fast post STATUS_SUCCESS (0x00000000)"]);
}

#[test]
fn refused_fast_io_is_retried_as_an_irp_unless_the_retry_is_played() {
    let machine = machine!(watch, Some(finish));
    let handle = machine.open(r"C:\a");
    let notes = note(&machine);
    let spec = WriteSpec { fast_io: FastIo::Refused, ..WriteSpec::at(0, 10) };
    assert_eq!(write(&machine, handle, &spec), Err(NtStatus::FLT_DISALLOW_FAST_IO));
    let refused = ["fast pre", "fast post STATUS_FLT_DISALLOW_FAST_IO (0xC01C0004)"];
    assert_eq!(*notes.lock().unwrap(), refused);
    notes.lock().unwrap().clear();
    let spec = WriteSpec { fast_io: FastIo::RefusedThenIrp, ..spec };
    assert_eq!(write(&machine, handle, &spec), Ok(10));
    assert_eq!(
        *notes.lock().unwrap(),
        [refused[0], refused[1], "irp pre", "irp post STATUS_SUCCESS (0x00000000)"]
    );
}

#[test]
fn fast_io_that_a_filter_disallows_never_reaches_the_file_system() {
    extern "win64" fn disallow(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        const FAST_IO_OPERATION: u32 = 2;
        const DISALLOW_FASTIO: u32 = 3;
        if data.read().flags & FAST_IO_OPERATION == 0 { SUCCESS_NO_CALLBACK } else { DISALLOW_FASTIO }
    }
    let machine = machine!(disallow, Some(finish));
    let handle = machine.open(r"C:\a");
    let notes = note(&machine);
    let spec = WriteSpec { fast_io: FastIo::Accepted, ..WriteSpec::at(0, 10) };
    assert_eq!(write(&machine, handle, &spec), Ok(10));
    assert_eq!(*notes.lock().unwrap(), ["fast pre", "irp pre"]);
    machine.expect_no_violation();
}

#[test]
fn a_filter_that_skips_paging_io_sees_none() {
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on_with_flags(Major::Write, SKIP_PAGING_IO, pass, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    let notes = note(&machine);
    let spec = WriteSpec { paging: true, mode: Mode::Kernel, ..WriteSpec::at(0, 4096) };
    assert_eq!(machine.sim.write(machine.sim.system_thread(), handle, &spec), Ok(4096));
    assert!(notes.lock().unwrap().is_empty());
    assert_eq!(write(&machine, handle, &WriteSpec::at(0, 10)), Ok(10));
    assert_eq!(*notes.lock().unwrap(), ["irp pre"]);
}

#[test]
fn paging_io_comes_at_apc_level() {
    extern "win64" fn pre(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        SEEN.set(driver::nt("KeGetCurrentIrql", &[]) & 0xFF);
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre, None);
    let handle = machine.open(r"C:\a");
    let spec = WriteSpec { paging: true, synchronous_paging: true, ..WriteSpec::at(0, 4096) };
    assert_eq!(write(&machine, handle, &spec), Ok(4096));
    assert_eq!(SEEN.get(), 1);
    assert_eq!(write(&machine, handle, &WriteSpec::at(0, 10)), Ok(10));
    assert_eq!(SEEN.get(), 0);
}

#[test]
fn the_parameters_are_those_of_the_request() {
    extern "win64" fn pre(data: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let iopb = iopb(data);
        // SAFETY: this is a write.
        let write = unsafe { iopb.parameters.write };
        assert_eq!((write.byte_offset, write.length), (5000, 77));
        assert_eq!(iopb.irp_flags, 0x0A05, "write, deferred completion, synchronous, non-cached");
        assert_eq!(iopb.operation_flags, 4, "write-through");
        assert_eq!(iopb.major_function, 4);
        assert_eq!(iopb.target_file_object, objects.read().file_object);
        assert_eq!(data.read().flags, 1 | 0x1_0000, "an IRP that a filter generated");
        assert_eq!(data.read().requestor_mode, 1);
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre, None);
    let handle = machine.open(r"C:\a");
    let spec =
        WriteSpec { non_cached: true, write_through: true, generated: true, ..WriteSpec::at(5000, 77) };
    assert_eq!(write(&machine, handle, &spec), Ok(77));
    machine.expect_no_violation();
}

#[test]
fn special_offsets_reach_the_filters_as_the_io_manager_leaves_them() {
    extern "win64" fn pre(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        // SAFETY: this is a write.
        let write = unsafe { iopb(data).parameters.write };
        SEEN.set(usize::from_ne_bytes(write.byte_offset.to_ne_bytes()));
        SUCCESS_NO_CALLBACK
    }
    let seen = || SEEN.get().cast_signed();
    let machine = machine!(pre, None);
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle, &WriteSpec::at(100, 20)), Ok(20));
    assert_eq!(write(&machine, handle, &WriteSpec::new(WriteOffset::FilePointer, 5)), Ok(5));
    assert_eq!(seen(), 120, "the file pointer of a synchronous handle is put in its place");
    assert_eq!(write(&machine, handle, &WriteSpec::new(WriteOffset::EndOfFile, 5)), Ok(5));
    assert_eq!(seen(), -1);
    let generated = WriteSpec { generated: true, ..WriteSpec::new(WriteOffset::FilePointer, 5) };
    assert_eq!(write(&machine, handle, &generated), Ok(5));
    assert_eq!(seen(), -2);
    let append = CreateSpec::new(r"C:\b").access(Access::APPEND_DATA);
    let handle = machine.sim.create(machine.thread, &append).expect("the file opens");
    assert_eq!(write(&machine, handle, &WriteSpec::at(100, 20)), Ok(20));
    assert_eq!(seen(), -1, "a handle that may only append does so wherever it is told to write");
}

#[test]
fn what_is_played_ends_as_it_did() {
    let machine = machine!(watch, Some(finish));
    let handle = machine.open(r"C:\a");
    let spec = WriteSpec { outcome: Outcome::Given(NtStatus::DISK_FULL), ..WriteSpec::at(0, 10) };
    assert_eq!(write(&machine, handle, &spec), Err(NtStatus::DISK_FULL));
    let open = CreateSpec::new(r"C:\never\made").disposition(crate::Disposition::Open);
    assert_eq!(machine.sim.create(machine.thread, &open), Err(NtStatus::OBJECT_NAME_NOT_FOUND));
    let open = open.outcome(Outcome::Given(NtStatus::SUCCESS));
    assert!(machine.sim.create(machine.thread, &open).is_ok());
}

#[test]
fn a_handle_is_its_process_s_own() {
    let machine = machine!(pass, None);
    let handle = machine.open(r"C:\a");
    let other = machine.sim.add_process(crate::ProcessSpec::new("other.exe")).expect("PIDs are free");
    let thread = machine.sim.add_thread(other, None).expect("TIDs are free");
    assert_eq!(machine.sim.write(thread, handle, &WriteSpec::at(0, 1)), Err(NtStatus::INVALID_HANDLE));
    let reader = CreateSpec::new(r"C:\a").access(Access::GENERIC_READ);
    let reader = machine.sim.create(machine.thread, &reader).expect("the file opens");
    assert_eq!(write(&machine, reader, &WriteSpec::at(0, 1)), Err(NtStatus::ACCESS_DENIED));
}

/// A driver whose pre-write callback returns this status breaks a rule.
macro_rules! status_test {
    ($name:ident, $status:literal, $post:expr, $rule:ident) => {
        #[test]
        fn $name() {
            extern "win64" fn pre(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
                $status
            }
            let machine = machine!(pre, $post);
            let handle = machine.open(r"C:\a");
            assert_eq!(write(&machine, handle, &WriteSpec::at(0, 10)), Ok(10));
            machine.expect_violation(Rule::$rule, "test pre-write");
        }
    };
}

status_test!(an_unknown_status_is_reported, 7, None, PreOperationStatus);
status_test!(pending_what_nobody_completes_is_reported, 2, None, Pending);
status_test!(disallowing_fast_io_for_an_irp_is_reported, 3, None, DisallowFastIo);
status_test!(query_open_s_status_is_reported, 6, None, DisallowFsFilterIo);
status_test!(asking_for_a_callback_that_is_not_there_is_reported, 0, None, PostOperationRegistered);
status_test!(synchronizing_without_a_callback_is_reported, 5, None, PostOperationRegistered);

#[test]
fn a_completed_operation_goes_no_further() {
    extern "win64" fn complete(data: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        const COMPLETE: u32 = 4;
        let mut changed = data.read();
        changed.io_status.status = NtStatus::ACCESS_DENIED.0;
        data.write(changed);
        COMPLETE
    }
    let machine = machine!(complete, None);
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle, &WriteSpec::at(0, 10)), Err(NtStatus::ACCESS_DENIED));
    machine.expect_no_violation();
}

#[test]
fn a_completion_context_without_a_callback_is_reported() {
    extern "win64" fn pre(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, context: Ptr<usize>) -> u32 {
        context.write(1);
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre, Some(finish));
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle, &WriteSpec::at(0, 10)), Ok(10));
    machine.expect_violation(Rule::CompletionContext, "test pre-write");
}

#[test]
fn a_completion_context_reaches_the_callback() {
    extern "win64" fn pre(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, context: Ptr<usize>) -> u32 {
        context.write(42);
        SUCCESS_WITH_CALLBACK
    }
    extern "win64" fn post(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, context: usize, _: u32) -> u32 {
        SEEN.set(context);
        FINISHED_PROCESSING
    }
    let machine = machine!(pre, Some(post));
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle, &WriteSpec::at(0, 10)), Ok(10));
    assert_eq!(SEEN.get(), 42);
    machine.expect_no_violation();
}

#[test]
fn an_unknown_post_operation_status_is_reported() {
    extern "win64" fn post(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        9
    }
    let machine = machine!(watch, Some(post));
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle, &WriteSpec::at(0, 10)), Ok(10));
    machine.expect_violation(Rule::PostOperationStatus, "test post-write");
}

/// Each field of the callback data that a filter may not change, and how a test changes it.
macro_rules! change_test {
    ($name:ident, $rule:ident, $field:literal, |$data:ident, $iopb:ident| $change:expr) => {
        #[test]
        fn $name() {
            extern "win64" fn pre(at: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
                let mut $data = at.read();
                let mut $iopb = $data.iopb.read();
                $change;
                let to = $data.iopb;
                to.write($iopb);
                at.write($data);
                SUCCESS_NO_CALLBACK
            }
            let machine = machine!(pre, None);
            let handle = machine.open(r"C:\a");
            assert_eq!(write(&machine, handle, &WriteSpec::at(0, 10)), Ok(10));
            machine.expect_violation(Rule::$rule, "test pre-write");
            let detail = &machine.sim.violations()[0].detail;
            assert!(detail.contains(concat!("changes ", $field)), "{detail}");
        }
    };
}

change_test!(a_changed_thread_is_reported, RequestorUnchanged, "Thread", |data, _iopb| data.thread =
    Ptr::NULL);
change_test!(a_changed_mode_is_reported, RequestorUnchanged, "RequestorMode", |data, _iopb| data
    .requestor_mode =
    0);
change_test!(changed_flags_are_reported, CallbackDataUnchanged, "Flags", |data, _iopb| data.flags = 0);
change_test!(changed_irp_flags_are_reported, CallbackDataUnchanged, "Iopb->IrpFlags", |_data, iopb| iopb
    .irp_flags =
    0);
change_test!(a_changed_file_is_reported, CallbackDataUnchanged, "Iopb->TargetFileObject", |_data, iopb| {
    iopb.target_file_object = Ptr::NULL;
});
change_test!(changed_parameters_are_reported, CallbackDataUnchanged, "Iopb->Parameters", |_data, iopb| {
    iopb.parameters.words = [0; 6];
});

#[test]
fn returning_at_another_irql_is_reported() {
    extern "win64" fn pre(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        driver::nt("KeRaiseIrqlToDpcLevel", &[]);
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre, None);
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle, &WriteSpec::at(0, 10)), Ok(10));
    machine.expect_violation(Rule::IrqlReturn, "test pre-write");
}

#[test]
fn returning_in_a_critical_region_is_reported() {
    extern "win64" fn pre(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        driver::nt("KeEnterCriticalRegion", &[]);
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre, None);
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle, &WriteSpec::at(0, 10)), Ok(10));
    machine.expect_violation(Rule::IrqlReturn, "test pre-write");
}

#[test]
fn lowering_upwards_and_raising_downwards_is_reported() {
    extern "win64" fn pre(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        driver::nt("KeLowerIrql", &[2]);
        driver::nt("KfRaiseIrql", &[0]);
        SUCCESS_NO_CALLBACK
    }
    let machine = machine!(pre, None);
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle, &WriteSpec::at(0, 10)), Ok(10));
    assert_eq!(machine.broken(), [Rule::IrqlChange, Rule::IrqlChange]);
}

#[test]
fn filters_are_called_downwards_and_their_completions_upwards() {
    /// Each callback adds its digit to what has been seen.
    macro_rules! filter {
        ($entry:ident, $pre:literal, $post:literal) => {
            extern "win64" fn $entry(driver: usize, _: usize) -> u32 {
                extern "win64" fn pre(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
                    SEEN.set(SEEN.get() * 10 + $pre);
                    SUCCESS_WITH_CALLBACK
                }
                extern "win64" fn post(
                    _: Ptr<CallbackData>,
                    _: Ptr<RelatedObjects>,
                    _: usize,
                    _: u32,
                ) -> u32 {
                    SEEN.set(SEEN.get() * 10 + $post);
                    FINISHED_PROCESSING
                }
                Filter::default().on(Major::Write, pre, Some(post)).start(driver)
            }
        };
    }
    filter!(upper, 1, 4);
    filter!(lower, 2, 3);
    let machine = Machine::new(upper);
    machine.sim.load_native(driver::pointer(lower), "lower").expect("the driver loads");
    let handle = machine.open(r"C:\a");
    assert_eq!(write(&machine, handle, &WriteSpec::at(0, 10)), Ok(10));
    assert_eq!(SEEN.get(), 1234);
}
