//! Contexts of volumes, files, stream handles and transactions, and those of all kinds at once.

use std::cell::RefCell;

use super::Machine;
use super::driver::{
    self, FILTER, Filter, INSTANCE_CONTEXT, NON_PAGED_POOL_NX, Post, Pre, STREAM_CONTEXT, allocate_context,
    nt, status, target,
};
use crate::abi::{CallbackData, Ptr, RelatedObjects, Shared};
use crate::sim::{Access, CreateSpec, Major, Setting, VolumeSpec};
use crate::status::NtStatus;
use crate::verifier::Rule;

const VOLUME_CONTEXT: u16 = 1;
const FILE_CONTEXT: u16 = 4;
const STREAM_HANDLE_CONTEXT: u16 = 0x10;
const TRANSACTION_CONTEXT: u16 = 0x20;
const MORE: [u16; 4] = [VOLUME_CONTEXT, FILE_CONTEXT, STREAM_HANDLE_CONTEXT, TRANSACTION_CONTEXT];

const REPLACE: usize = 0;
const KEEP: usize = 1;
/// `FLT_ALL_CONTEXTS`
const ALL: usize = 0x7F;

thread_local! {
    /// The kinds of contexts that were cleaned up.
    static CLEANED: RefCell<Vec<u16>> = const { RefCell::new(Vec::new()) };
}

extern "win64" fn note_cleanup(_: Ptr, kind: u16) {
    CLEANED.with_borrow_mut(|cleaned| cleaned.push(kind));
}

fn cleaned() -> Vec<u16> {
    CLEANED.with_borrow_mut(std::mem::take)
}

extern "win64" fn pass(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    driver::SUCCESS_WITH_CALLBACK
}

fn release(context: usize) {
    nt("FltReleaseContext", &[context]);
}

/// The first arguments of the routines of a kind, and its part of their names.
fn place(kind: u16, objects: Ptr<RelatedObjects>, sets: bool) -> (&'static str, Vec<usize>) {
    let (instance, file) = target(objects);
    let objects = objects.read();
    match kind {
        VOLUME_CONTEXT if sets => ("Volume", vec![objects.volume.address()]),
        VOLUME_CONTEXT => ("Volume", vec![objects.filter.address(), objects.volume.address()]),
        INSTANCE_CONTEXT => ("Instance", vec![instance]),
        FILE_CONTEXT => ("File", vec![instance, file.address()]),
        STREAM_CONTEXT => ("Stream", vec![instance, file.address()]),
        STREAM_HANDLE_CONTEXT => ("StreamHandle", vec![instance, file.address()]),
        _ => ("Transaction", vec![instance, objects.transaction.address()]),
    }
}

fn set(kind: u16, objects: Ptr<RelatedObjects>, operation: usize, new: usize, old: usize) -> NtStatus {
    let (name, mut arguments) = place(kind, objects, true);
    arguments.extend([operation, new, old]);
    status(&format!("FltSet{name}Context"), &arguments)
}

/// `FltGet…Context` or `FltDelete…Context`.
fn take(verb: &str, kind: u16, objects: Ptr<RelatedObjects>) -> (NtStatus, usize) {
    let (name, mut arguments) = place(kind, objects, false);
    let context = Shared::new(1usize);
    arguments.push(context.ptr().address());
    (status(&format!("Flt{verb}{name}Context"), &arguments), context.get())
}

/// Sets a new context of this kind, if there is none.
fn attach(kind: u16, objects: Ptr<RelatedObjects>) -> NtStatus {
    let context = allocate_context(kind);
    let set = set(kind, objects, KEEP, context, 0);
    release(context);
    set
}

/// Sets a context of each kind that there is no context of.
extern "win64" fn attach_all(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
    for kind in [INSTANCE_CONTEXT, STREAM_CONTEXT].into_iter().chain(MORE) {
        if kind != TRANSACTION_CONTEXT || !objects.read().transaction.is_null() {
            let set = attach(kind, objects);
            assert!(matches!(set, NtStatus::SUCCESS | NtStatus::FLT_CONTEXT_ALREADY_DEFINED), "{set}");
        }
    }
    cleaned();
    0
}

/// A driver with this post-create callback.
macro_rules! machine {
    ($post:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            let post: Post = $post;
            Filter::default()
                .with_contexts(&MORE)
                .cleaning_up(note_cleanup)
                .on(Major::Create, pass as Pre, Some(post))
                .start(driver)
        }
        Machine::new(entry)
    }};
}

#[test]
fn each_kind_is_set_kept_replaced_found_and_deleted_with_exact_references() {
    extern "win64" fn post(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        for kind in [INSTANCE_CONTEXT, STREAM_CONTEXT].into_iter().chain(MORE) {
            let (first, second) = (allocate_context(kind), allocate_context(kind));
            let old = Shared::new(1usize);
            let old_at = old.ptr().address();
            assert_eq!(take("Get", kind, objects), (NtStatus::NOT_FOUND, 0), "{kind}");
            assert_eq!(take("Delete", kind, objects), (NtStatus::NOT_FOUND, 0));
            assert_eq!(set(kind, objects, KEEP, first, old_at), NtStatus::SUCCESS);
            assert_eq!(old.get(), 0);
            assert_eq!(set(kind, objects, REPLACE, first, 0), NtStatus::FLT_CONTEXT_ALREADY_LINKED);
            assert_eq!(set(kind, objects, KEEP, second, old_at), NtStatus::FLT_CONTEXT_ALREADY_DEFINED);
            assert_eq!(old.get(), first);
            release(first);
            assert_eq!(set(kind, objects, REPLACE, second, 0), NtStatus::SUCCESS);
            assert!(cleaned().is_empty());
            release(first);
            assert_eq!(cleaned(), [kind], "nothing needs the one that was replaced");
            assert_eq!(take("Get", kind, objects), (NtStatus::SUCCESS, second));
            release(second);
            assert_eq!(take("Delete", kind, objects), (NtStatus::SUCCESS, second));
            release(second);
            assert!(cleaned().is_empty());
            assert_eq!(set(kind, objects, KEEP, second, 0), NtStatus::SUCCESS, "it can be set again");
            nt("FltDeleteContext", &[second]);
            assert!(cleaned().is_empty());
            assert_eq!(take("Get", kind, objects), (NtStatus::NOT_FOUND, 0));
            release(second);
            assert_eq!(cleaned(), [kind]);
        }
        0
    }
    let machine = machine!(post);
    let transaction = machine.sim.begin_transaction();
    let spec = CreateSpec::new(r"C:\a").transaction(transaction);
    machine.sim.create(machine.thread, &spec).expect("it opens");
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn each_context_goes_with_its_object() {
    let machine = machine!(attach_all);
    let transaction = machine.sim.begin_transaction();
    let spec = CreateSpec::new(r"C:\a").transaction(transaction);
    let under = machine.sim.create(machine.thread, &spec).expect("it opens");
    let again = machine.open(r"C:\a");
    let stream = machine.open(r"C:\a:s");
    let close = |handle| machine.sim.close(machine.thread, handle).expect("it is open");
    close(again);
    assert_eq!(cleaned(), [STREAM_HANDLE_CONTEXT]);
    machine.sim.commit(transaction).expect("it is active");
    assert_eq!(cleaned(), [TRANSACTION_CONTEXT]);
    close(under);
    assert_eq!(cleaned(), [STREAM_HANDLE_CONTEXT, STREAM_CONTEXT], "another stream of the file is open");
    close(stream);
    assert_eq!(cleaned(), [STREAM_HANDLE_CONTEXT, STREAM_CONTEXT, FILE_CONTEXT]);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn what_is_set_goes_with_the_filter() {
    let machine = machine!(attach_all);
    let transaction = machine.sim.begin_transaction();
    let spec = CreateSpec::new(r"C:\a").transaction(transaction);
    machine.sim.create(machine.thread, &spec).expect("it opens");
    machine
        .sim
        .add_volume(VolumeSpec::new(r"\Device\HarddiskVolume4").dos("E:"))
        .expect("the names are free");
    assert!(cleaned().is_empty());
    machine.unload_cleanly();
    let expected = [
        STREAM_HANDLE_CONTEXT,
        STREAM_CONTEXT,
        FILE_CONTEXT,
        TRANSACTION_CONTEXT,
        INSTANCE_CONTEXT,
        VOLUME_CONTEXT,
    ];
    assert_eq!(cleaned(), expected);
    machine.expect_no_violation();
}

#[test]
fn a_volume_context_goes_with_its_volume_and_nothing_is_set_while_it_goes() {
    extern "win64" fn setup(objects: usize, _: u32, _: u32, _: u32) -> u32 {
        assert_eq!(attach(VOLUME_CONTEXT, Ptr::at(objects)), NtStatus::SUCCESS);
        0
    }
    extern "win64" fn late(objects: Ptr<RelatedObjects>, _: u32) {
        assert!(cleaned().is_empty());
        for kind in [INSTANCE_CONTEXT, VOLUME_CONTEXT] {
            assert_eq!(attach(kind, objects), NtStatus::FLT_DELETING_OBJECT);
            assert_eq!(take("Delete", kind, objects).0, NtStatus::FLT_DELETING_OBJECT);
        }
        assert_eq!(cleaned(), [INSTANCE_CONTEXT, VOLUME_CONTEXT], "those that were not set");
        driver::SEEN.set(1);
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let filter = Filter::default().with_contexts(&MORE).cleaning_up(note_cleanup);
        filter.on(Major::Write, pass, None).instance_setup(setup).teardown_start(late).start(driver)
    }
    let machine = Machine::new(entry);
    let volume = CreateSpec::new(r"\\.\C:").access(Access::GENERIC_READ | Access::GENERIC_WRITE);
    let volume = machine.sim.create(machine.thread, &volume).expect("it opens");
    machine.sim.dismount(machine.thread, volume).expect("nobody refuses");
    assert_eq!(driver::SEEN.get(), 1);
    assert_eq!(cleaned(), [VOLUME_CONTEXT]);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_file_context_is_shared_by_streams_of_a_renamed_and_of_a_deleted_file() {
    let machine = machine!(attach_all);
    let access = Access::GENERIC_WRITE | Access::DELETE;
    let open =
        |path| machine.sim.create(machine.thread, &CreateSpec::new(path).access(access)).expect("it opens");
    let close = |handle| machine.sim.close(machine.thread, handle).expect("it is open");
    let file = open(r"C:\a");
    machine.sim.rename(machine.thread, file, r"C:\b").expect("the name is free");
    let stream = open(r"C:\b:s");
    let other = open(r"C:\a");
    let posix = Setting::DispositionEx { delete: true, posix: true };
    machine.sim.set_information(machine.thread, file, posix).expect("it can be deleted");
    close(file);
    assert_eq!(cleaned(), [STREAM_HANDLE_CONTEXT, STREAM_CONTEXT]);
    close(stream);
    assert_eq!(cleaned(), [STREAM_HANDLE_CONTEXT, STREAM_CONTEXT, FILE_CONTEXT]);
    close(other);
    assert_eq!(cleaned(), [STREAM_HANDLE_CONTEXT, STREAM_CONTEXT, FILE_CONTEXT], "it is a file of its own");
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn file_objects_take_contexts_from_the_open_to_the_close() {
    extern "win64" fn pre(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let (instance, file) = target(objects);
        for kind in [FILE_CONTEXT, STREAM_CONTEXT, STREAM_HANDLE_CONTEXT] {
            assert_eq!(attach(kind, objects), NtStatus::NOT_SUPPORTED);
            assert_eq!(take("Get", kind, objects), (NtStatus::NOT_SUPPORTED, 0));
            assert_eq!(take("Delete", kind, objects), (NtStatus::NOT_SUPPORTED, 0));
        }
        supported(instance, file.address(), 0);
        driver::SUCCESS_WITH_CALLBACK
    }
    extern "win64" fn post(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        let (instance, file) = target(objects);
        supported(instance, file.address(), 1);
        assert_eq!(attach(STREAM_HANDLE_CONTEXT, objects), NtStatus::SUCCESS);
        0
    }
    extern "win64" fn close(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let (status, context) = take("Get", STREAM_HANDLE_CONTEXT, objects);
        assert_eq!(status, NtStatus::SUCCESS);
        release(context);
        driver::SUCCESS_NO_CALLBACK
    }
    fn supported(instance: usize, file: usize, expected: usize) {
        let low = |result: usize| result & 0xFF;
        for name in
            ["FltSupportsFileContexts", "FltSupportsStreamContexts", "FltSupportsStreamHandleContexts"]
        {
            assert_eq!(low(nt(name, &[file])), expected, "{name}");
        }
        assert_eq!(low(nt("FltSupportsFileContextsEx", &[file, instance])), expected);
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        let filter = Filter::default().with_contexts(&MORE).cleaning_up(note_cleanup);
        filter.on(Major::Create, pre, Some(post)).on(Major::Close, close, None).start(driver)
    }
    let machine = Machine::new(entry);
    let handle = machine.open(r"C:\a");
    cleaned();
    machine.sim.close(machine.thread, handle).expect("it is open");
    assert_eq!(cleaned(), [STREAM_HANDLE_CONTEXT]);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn all_contexts_are_got_and_released_at_once() {
    extern "win64" fn post(data: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        attach_all(data, objects, 0, 0);
        let contexts = Shared::new([1usize; 7]);
        let place = contexts.ptr().address();
        nt("FltGetContexts", &[objects.address(), ALL, place]);
        let found = contexts.get();
        assert!(found[..5].iter().all(|context| *context > 1), "{found:?}");
        assert_eq!(found[5..], [0, 1], "there is no transaction, and the structure has six members");
        nt("FltReleaseContexts", &[place]);
        assert_eq!(contexts.get(), [0, 0, 0, 0, 0, 0, 1]);
        let some = usize::from(STREAM_CONTEXT | VOLUME_CONTEXT);
        assert_eq!(status("FltGetContextsEx", &[objects.address(), some, 56, place]), NtStatus::SUCCESS);
        assert_eq!(contexts.get(), [found[0], 0, 0, found[3], 0, 0, 0]);
        nt("FltReleaseContextsEx", &[56, place]);
        0
    }
    let machine = machine!(post);
    machine.open(r"C:\a");
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_volume_context_is_never_paged() {
    extern "win64" fn post(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        let context = Shared::new(0usize);
        for (kind, pool, expected) in [
            (VOLUME_CONTEXT, 1, NtStatus::FLT_MUST_BE_NONPAGED_POOL),
            (VOLUME_CONTEXT, NON_PAGED_POOL_NX, NtStatus::SUCCESS),
            (FILE_CONTEXT, 1, NtStatus::SUCCESS),
        ] {
            let filter = FILTER.get().address();
            let arguments = [filter, usize::from(kind), driver::CONTEXT_BYTES, pool, context.ptr().address()];
            assert_eq!(status("FltAllocateContext", &arguments), expected);
            if expected == NtStatus::SUCCESS {
                release(context.get());
            }
        }
        0
    }
    let machine = machine!(post);
    machine.open(r"C:\a");
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn contexts_are_not_touched_above_apc_level() {
    extern "win64" fn post(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        nt("KfRaiseIrql", &[2]);
        assert_eq!(take("Get", STREAM_HANDLE_CONTEXT, objects).0, NtStatus::NOT_FOUND);
        nt("KeLowerIrql", &[0]);
        0
    }
    let machine = machine!(post);
    machine.open(r"C:\a");
    machine.expect_violation(Rule::ContextInPostOperation, "test post-create");
}
