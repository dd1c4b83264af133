//! Contexts: exact reference counts, and cleanup when the last is gone.

use super::Machine;
use super::driver::{
    self, ATTACHED, CLEANUPS, CONTEXT_BYTES, FILTER, Filter, INSTANCE_CONTEXT, NON_PAGED_POOL_NX, Post, Pre,
    STREAM_CONTEXT, allocate_context, nt, status, target,
};
use crate::abi::{CallbackData, Ptr, RelatedObjects, Shared};
use crate::sim::{Access, CreateSpec, Major, Setting, VolumeSpec};
use crate::status::NtStatus;
use crate::verifier::Rule;

const REPLACE: usize = 0;
const KEEP: usize = 1;

extern "win64" fn pass(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
    driver::SUCCESS_WITH_CALLBACK
}

fn set_stream(objects: Ptr<RelatedObjects>, operation: usize, new: usize, old: usize) -> NtStatus {
    let (instance, file) = target(objects);
    status("FltSetStreamContext", &[instance, file.address(), operation, new, old])
}

fn get_stream(objects: Ptr<RelatedObjects>) -> (NtStatus, usize) {
    let (instance, file) = target(objects);
    let context = Shared::new(0usize);
    let status = status("FltGetStreamContext", &[instance, file.address(), context.ptr().address()]);
    (status, context.get())
}

fn release(context: usize) {
    nt("FltReleaseContext", &[context]);
}

/// A driver with this post-create callback.
macro_rules! machine {
    ($post:expr) => {{
        extern "win64" fn entry(driver: usize, _: usize) -> u32 {
            let post: Post = $post;
            Filter::default().on(Major::Create, pass as Pre, Some(post)).start(driver)
        }
        Machine::new(entry)
    }};
}

extern "win64" fn attach(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
    let context = allocate_context(STREAM_CONTEXT);
    let set = set_stream(objects, KEEP, context, 0);
    assert!(matches!(set, NtStatus::SUCCESS | NtStatus::FLT_CONTEXT_ALREADY_DEFINED), "{set}");
    release(context);
    let (status, found) = get_stream(objects);
    assert_eq!(status, NtStatus::SUCCESS);
    release(found);
    0
}

#[test]
fn a_stream_context_goes_with_the_last_file_object_of_its_stream() {
    let machine = machine!(attach);
    let first = machine.open(r"C:\a");
    let second = machine.open(r"C:\A");
    let other = machine.open(r"C:\a:stream");
    assert_eq!(CLEANUPS.get(), 1, "the context of the second open was not needed");
    machine.sim.close(machine.thread, first).expect("the handle is open");
    assert_eq!(CLEANUPS.get(), 1);
    machine.sim.close(machine.thread, second).expect("the handle is open");
    assert_eq!(CLEANUPS.get(), 2);
    machine.sim.close(machine.thread, other).expect("the handle is open");
    assert_eq!(CLEANUPS.get(), 3);
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn contexts_of_open_streams_go_when_the_filter_unregisters() {
    let machine = machine!(attach);
    machine.open(r"C:\a");
    assert_eq!(CLEANUPS.get(), 0);
    machine.unload_cleanly();
    assert_eq!(CLEANUPS.get(), 1);
    machine.expect_no_violation();
}

/// Regression: the teardown looked for open streams among the names of the volume.
#[test]
fn contexts_of_open_streams_without_a_name_go_when_the_filter_unregisters() {
    let machine = machine!(attach);
    machine.open(r"C:\a");
    let spec = CreateSpec::new(r"C:\a").access(Access::GENERIC_WRITE | Access::DELETE);
    let handle = machine.sim.create(machine.thread, &spec).expect("the file opens");
    let posix = Setting::DispositionEx { delete: true, posix: true };
    machine.sim.set_information(machine.thread, handle, posix).expect("it can be deleted");
    machine.sim.close(machine.thread, handle).expect("it is open");
    machine.unload_cleanly();
    assert_eq!(CLEANUPS.get(), 2);
    machine.expect_no_violation();
}

#[test]
fn a_context_released_too_often_is_reported() {
    extern "win64" fn post(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        let context = allocate_context(STREAM_CONTEXT);
        set_stream(objects, KEEP, context, 0);
        release(context);
        release(context);
        0
    }
    let machine = machine!(post);
    machine.open(r"C:\a");
    machine.expect_violation(Rule::ContextReference, "test post-create");
}

#[test]
fn a_context_used_after_its_end_is_reported() {
    extern "win64" fn post(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        let context = allocate_context(STREAM_CONTEXT);
        release(context);
        nt("FltReferenceContext", &[context]);
        0
    }
    let machine = machine!(post);
    machine.open(r"C:\a");
    machine.expect_violation(Rule::ContextReference, "test post-create");
}

#[test]
fn a_context_never_released_is_a_leak() {
    extern "win64" fn post(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        allocate_context(STREAM_CONTEXT);
        0
    }
    let machine = machine!(post);
    machine.open(r"C:\a");
    let report = machine.sim.unload(&machine.driver).expect("the driver unloads");
    let leaks: Vec<_> =
        report.leaks.iter().map(|leak| (leak.what, leak.which.as_str(), leak.bytes)).collect();
    assert_eq!(leaks, [("stream context", "TCxt", CONTEXT_BYTES)]);
    machine.expect_violation(Rule::ContextReference, "test filter unload");
}

#[test]
fn keeping_returns_the_old_context_and_replacing_exchanges_it() {
    extern "win64" fn post(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        let first = allocate_context(STREAM_CONTEXT);
        let second = allocate_context(STREAM_CONTEXT);
        let old = Shared::new(1usize);
        let old_at = old.ptr().address();
        assert_eq!(set_stream(objects, KEEP, first, old_at), NtStatus::SUCCESS);
        assert_eq!(old.get(), 0);
        assert_eq!(set_stream(objects, KEEP, second, old_at), NtStatus::FLT_CONTEXT_ALREADY_DEFINED);
        assert_eq!(old.get(), first);
        release(first);
        assert_eq!(set_stream(objects, REPLACE, first, 0), NtStatus::FLT_CONTEXT_ALREADY_LINKED);
        assert_eq!(set_stream(objects, REPLACE, second, old_at), NtStatus::SUCCESS);
        assert_eq!(old.get(), first);
        release(first);
        assert_eq!(CLEANUPS.get(), 0);
        release(first);
        assert_eq!(CLEANUPS.get(), 1);
        release(second);
        0
    }
    let machine = machine!(post);
    machine.open(r"C:\a");
    machine.expect_no_violation();
    machine.unload_cleanly();
    assert_eq!(CLEANUPS.get(), 2);
}

#[test]
fn a_stream_has_no_context_before_it_is_opened() {
    extern "win64" fn pre(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: Ptr<usize>) -> u32 {
        let context = allocate_context(STREAM_CONTEXT);
        assert_eq!(set_stream(objects, KEEP, context, 0), NtStatus::NOT_SUPPORTED);
        assert_eq!(get_stream(objects), (NtStatus::NOT_SUPPORTED, 0));
        release(context);
        driver::SUCCESS_NO_CALLBACK
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, pre, None).start(driver)
    }
    let machine = Machine::new(entry);
    machine.open(r"C:\a");
    machine.unload_cleanly();
    machine.expect_no_violation();
}

#[test]
fn a_context_must_be_registered_with_its_size() {
    extern "win64" fn post(_: Ptr<CallbackData>, _: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        let context = Shared::new(0usize);
        for (kind, bytes) in [(usize::from(STREAM_CONTEXT), CONTEXT_BYTES + 1), (0x10, CONTEXT_BYTES)] {
            let arguments = [FILTER.get().address(), kind, bytes, NON_PAGED_POOL_NX, context.ptr().address()];
            let refused = status("FltAllocateContext", &arguments);
            assert_eq!(refused, NtStatus::FLT_CONTEXT_ALLOCATION_NOT_FOUND);
        }
        0
    }
    let machine = machine!(post);
    machine.open(r"C:\a");
    machine.expect_no_violation();
}

#[test]
fn an_instance_context_goes_with_its_instance() {
    extern "win64" fn post(_: Ptr<CallbackData>, objects: Ptr<RelatedObjects>, _: usize, _: u32) -> u32 {
        let (instance, _) = target(objects);
        let context = allocate_context(INSTANCE_CONTEXT);
        assert_eq!(status("FltSetInstanceContext", &[instance, KEEP, context, 0]), NtStatus::SUCCESS);
        release(context);
        0
    }
    let machine = machine!(post);
    machine.sim.add_volume(VolumeSpec::new(r"\Device\HarddiskVolume4")).expect("the name is free");
    assert_eq!(ATTACHED.get(), (2, 0));
    machine.open(r"C:\a");
    machine.unload_cleanly();
    assert_eq!((ATTACHED.get(), CLEANUPS.get()), ((2, 2), 1));
    machine.expect_no_violation();
}

#[test]
fn an_instance_that_does_not_attach_leaves_no_context() {
    extern "win64" fn refuse(objects: usize, _: u32, _: u32, _: u32) -> u32 {
        let (instance, _) = target(Ptr::at(objects));
        let context = allocate_context(INSTANCE_CONTEXT);
        assert_eq!(status("FltSetInstanceContext", &[instance, KEEP, context, 0]), NtStatus::SUCCESS);
        release(context);
        NtStatus::FLT_DO_NOT_ATTACH.0
    }
    extern "win64" fn entry(driver: usize, _: usize) -> u32 {
        Filter::default().on(Major::Create, pass, Some(attach)).instance_setup(refuse).start(driver)
    }
    let machine = Machine::new(entry);
    assert_eq!(CLEANUPS.get(), 1);
    machine.open(r"C:\a");
    assert_eq!(CLEANUPS.get(), 1, "there is no instance to be called");
    machine.unload_cleanly();
    assert_eq!(ATTACHED.get(), (0, 0));
    machine.expect_no_violation();
}
