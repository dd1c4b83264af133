//! Calling a driver's callbacks for an operation, and what they answer.

use std::mem::offset_of;
use std::sync::Arc;

use super::observe::observe;
use super::passage::Passage;
use super::table::Reason;
use crate::abi::{IoParameterBlock, Ptr, RelatedObjects};
use crate::fltmgr::dirty::DIRTY;
use crate::fltmgr::instance::Instance;
use crate::fltmgr::lock_buffer;
use crate::fltmgr::operation::Kind;
use crate::fltmgr::stack::Layer;
use crate::io::request::IoStatus;
use crate::ke::{Cpu, Entry, Frame};
use crate::sim::Phase;
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::verifier::callback::{self, Before, PreReturn};

/// `FLT_POST_OPERATION_FLAGS` of an operation that is not being drained.
const NO_FLAGS: usize = 0;
/// `FLTFL_POST_OPERATION_DRAINING`
const DRAINING: usize = 1;

/// Sees to it that an operation that has been put aside is resumed.
pub(in crate::fltmgr) type Begin = Box<dyn FnOnce(&Cpu)>;

/// What a filter decided about an operation on its way down.
pub(in crate::fltmgr) enum Verdict {
    /// It goes on.
    Pass,
    /// It goes on, and the filter is told how it ended.
    Owe { context: usize, synchronize: bool },
    /// It ends here.
    End(IoStatus),
    /// The filter carries it on later.
    Pend(Reason, Option<Begin>),
}

/// What a filter decided about an operation on its way up.
pub(in crate::fltmgr) enum Completed {
    Pass,
    /// The filter carries it on later.
    Pend(Reason, Option<Begin>),
}

/// Calls an instance's pre-operation callback. The instance is in use until its part of the operation is over.
pub(super) fn pre(cpu: &Cpu, passage: &mut Passage, instance: &Arc<Instance>) -> Verdict {
    let major = passage.operation.major;
    let Some(entry) = instance.filter().operation(major).filter(|_| instance.users.acquire()) else {
        return Verdict::Pass;
    };
    let has_post = !entry.post.is_null();
    let verdict = if entry.pre.is_null() {
        // Without a pre-operation callback, the post-operation callback always comes.
        if has_post { Verdict::Owe { context: 0, synchronize: false } } else { Verdict::Pass }
    } else {
        let name = instance.filter().driver().service();
        observe(cpu, passage, name, Phase::Pre);
        passage.context().write(0);
        let arguments = [passage.data().address(), passage.objects().address(), passage.context().address()];
        let status = call(cpu, passage, instance, Entry::Pre(major), entry.pre, &arguments);
        decide(cpu, passage, instance, status, has_post)
    };
    if matches!(verdict, Verdict::Pass | Verdict::End(_)) {
        instance.users.release(cpu);
    }
    verdict
}

/// What the pre-operation callback's status means.
fn decide(
    cpu: &Cpu,
    passage: &mut Passage,
    instance: &Arc<Instance>,
    status: u32,
    has_post: bool,
) -> Verdict {
    let context = passage.context().read();
    if status == callback::PREOP_SUCCESS_NO_CALLBACK && context == 0 {
        cpu.kernel().filters.operations.expect_no_resumption(cpu, passage);
        return Verdict::Pass;
    }
    let io_status = passage.read_status();
    let returned = PreReturn { status, context, has_post, io_status };
    let frame = frame(passage, instance, Entry::Pre(passage.operation.major));
    callback::check_pre(cpu, &frame, &passage.operation, &returned);
    let is_irp = passage.operation.kind == Kind::Irp;
    if status == callback::PREOP_PENDING && is_irp {
        return Verdict::Pend(Reason::Pre(Arc::clone(instance)), None);
    }
    cpu.kernel().filters.operations.expect_no_resumption(cpu, passage);
    match status {
        callback::PREOP_SUCCESS_WITH_CALLBACK | callback::PREOP_SYNCHRONIZE if has_post => {
            Verdict::Owe { context, synchronize: status == callback::PREOP_SYNCHRONIZE }
        }
        callback::PREOP_DISALLOW_FASTIO if passage.operation.kind == Kind::FastIo => {
            Verdict::End(IoStatus::plain(NtStatus::FLT_DISALLOW_FAST_IO))
        }
        callback::PREOP_COMPLETE => Verdict::End(io_status),
        _ => Verdict::Pass,
    }
}

/// An instance carries on what it pended on the way down: `FltCompletePendedPreOperation` takes three of the statuses
/// (the page on `FltCompletePendedPreOperation`).
pub(super) fn pre_resumed(
    cpu: &Cpu,
    passage: &mut Passage,
    instance: &Arc<Instance>,
    status: u32,
    context: usize,
) -> Verdict {
    let entry = Entry::Pre(passage.operation.major);
    absorb(cpu, passage, instance, entry);
    let has_post =
        instance.filter().operation(passage.operation.major).is_some_and(|entry| !entry.post.is_null());
    let with_callback = status == callback::PREOP_SUCCESS_WITH_CALLBACK;
    let report = |rule, detail: &str| {
        cpu.violation_in(&frame(passage, instance, entry), rule, detail);
    };
    if context != 0 && !with_callback {
        report(Rule::CompletionContext, "completes what it pended with a completion context but no callback");
    }
    match status {
        callback::PREOP_SUCCESS_WITH_CALLBACK if has_post => {
            return Verdict::Owe { context, synchronize: false };
        }
        callback::PREOP_SUCCESS_WITH_CALLBACK => {
            report(Rule::PostOperationRegistered, "asks for a post-operation callback that is not there");
        }
        callback::PREOP_COMPLETE => {
            let ended = passage.read_status();
            callback::check_completion(cpu, &frame(passage, instance, entry), &passage.operation, ended);
            instance.users.release(cpu);
            return Verdict::End(ended);
        }
        callback::PREOP_SUCCESS_NO_CALLBACK => {}
        _ => {
            let name = callback::preop_name(status);
            report(Rule::Pending, &format!("completes what it pended with {name}"));
        }
    }
    instance.users.release(cpu);
    Verdict::Pass
}

/// Calls an instance's post-operation callback.
pub(super) fn post(cpu: &Cpu, passage: &mut Passage, instance: &Arc<Instance>, context: usize) -> Completed {
    let status = call_post(cpu, passage, instance, context, NO_FLAGS);
    if status == callback::POSTOP_FINISHED_PROCESSING {
        finish_post(cpu, passage, instance);
        return Completed::Pass;
    }
    let entry = Entry::Post(passage.operation.major);
    callback::check_post(cpu, &frame(passage, instance, entry), status);
    let is_irp = passage.operation.kind == Kind::Irp;
    if status == callback::POSTOP_MORE_PROCESSING_REQUIRED {
        if is_irp {
            return Completed::Pend(Reason::Post(Arc::clone(instance)), None);
        }
        let detail = "returns FLT_POSTOP_MORE_PROCESSING_REQUIRED for an operation that is no IRP";
        cpu.violation_in(&frame(passage, instance, entry), Rule::PostOperationStatus, detail);
    }
    finish_post(cpu, passage, instance);
    Completed::Pass
}

/// A layer carries on what it pended on the way up.
pub(super) fn post_resumed(cpu: &Cpu, passage: &mut Passage, layer: &Layer) {
    if let Layer::Driver(instance) = layer {
        absorb(cpu, passage, instance, Entry::Post(passage.operation.major));
        passage.read_status();
        cpu.kernel().filters.buffer_lists.post_operation_ended(cpu, passage.key(), instance.ptr());
        instance.users.release(cpu);
    }
}

fn finish_post(cpu: &Cpu, passage: &mut Passage, instance: &Arc<Instance>) {
    passage.read_status();
    cpu.kernel().filters.buffer_lists.post_operation_ended(cpu, passage.key(), instance.ptr());
    cpu.kernel().filters.operations.expect_no_resumption(cpu, passage);
    instance.users.release(cpu);
}

/// Calls a post-operation callback before the operation is over, because its instance is torn down.
pub(super) fn drain(cpu: &Cpu, passage: &mut Passage, instance: &Arc<Instance>, context: usize) {
    let status = call_post(cpu, passage, instance, context, DRAINING);
    if status != callback::POSTOP_FINISHED_PROCESSING {
        let frame = frame(passage, instance, Entry::Draining(passage.operation.major));
        cpu.violation_in(&frame, Rule::Draining, format!("returns {status} while it is drained"));
    }
    instance.users.release(cpu);
}

fn call_post(
    cpu: &Cpu,
    passage: &mut Passage,
    instance: &Arc<Instance>,
    context: usize,
    flags: usize,
) -> u32 {
    let major = passage.operation.major;
    let Some(registered) = instance.filter().operation(major) else {
        return callback::POSTOP_FINISHED_PROCESSING;
    };
    let name = instance.filter().driver().service();
    observe(cpu, passage, name, Phase::Post);
    let entry = if flags == DRAINING { Entry::Draining(major) } else { Entry::Post(major) };
    let arguments = [passage.data().address(), passage.objects().address(), context, flags];
    call(cpu, passage, instance, entry, registered.post, &arguments)
}

/// Calls a callback of the instance.
fn call(
    cpu: &Cpu,
    passage: &mut Passage,
    instance: &Arc<Instance>,
    entry: Entry,
    function: Ptr,
    arguments: &[usize],
) -> u32 {
    passage.known.iopb.target_instance = instance.ptr();
    let target = passage.iopb().byte_offset::<Ptr>(offset_of!(IoParameterBlock, target_instance));
    target.write(instance.ptr());
    let file = passage.file();
    let transaction = file.transaction().map_or(Ptr::NULL, |transaction| transaction.ptr());
    passage.objects().write(RelatedObjects { transaction, ..instance.related_objects(file.ptr()) });
    let result = cpu.call_driver(frame(passage, instance, entry), function, arguments);
    absorb(cpu, passage, instance, entry);
    u32::try_from(result & 0xFFFF_FFFF).expect("masked to 32 bits")
}

/// A call of one of the instance's callbacks.
fn frame(passage: &Passage, instance: &Instance, entry: Entry) -> Frame {
    Frame {
        driver: Arc::clone(instance.filter().driver()),
        entry,
        operation: Some(Arc::clone(&passage.operation)),
    }
}

/// Notices what a filter changed, and lets it stand if it said so.
fn absorb(cpu: &Cpu, passage: &mut Passage, instance: &Arc<Instance>, entry: Entry) {
    let now = Before { data: passage.data().read(), iopb: passage.iopb().read() };
    if is_same(&passage.known, &now) {
        return;
    }
    let dirty = now.data.flags & DIRTY != 0;
    let known = passage.known;
    let frame = frame(passage, instance, entry);
    let put_back = known.check(cpu, &frame, &now, dirty);
    let accepted = !put_back && super::redirect::redirect(cpu, passage, instance, &frame, &now.iopb);
    let mut data = now.data;
    data.flags = known.data.flags;
    data.iopb = known.data.iopb;
    data.thread = known.data.thread;
    data.requestor_mode = known.data.requestor_mode;
    data.tag_data = if accepted { now.data.tag_data } else { known.data.tag_data };
    passage.data().write(data);
    passage.known.data.tag_data = data.tag_data;
    if accepted {
        if passage.is_on_its_way_down() {
            let parameters = (&known.iopb.parameters, &now.iopb.parameters);
            lock_buffer::note_swap(cpu, passage.operation.major, passage.key(), instance.ptr(), parameters);
        }
        passage.change(now.iopb);
    } else {
        passage.iopb().write(known.iopb);
    }
}

/// Whether nothing has changed that filters may not change as they like.
fn is_same(known: &Before, now: &Before) -> bool {
    let words = |iopb: &IoParameterBlock| {
        // SAFETY: the words cover the whole union, every bit of which was set with the parameters.
        unsafe { iopb.parameters.words }
    };
    let (data, iopb) = (&known.data, &known.iopb);
    data.flags == now.data.flags
        && data.thread == now.data.thread
        && data.iopb == now.data.iopb
        && data.tag_data == now.data.tag_data
        && data.requestor_mode == now.data.requestor_mode
        && iopb.irp_flags == now.iopb.irp_flags
        && iopb.major_function == now.iopb.major_function
        && iopb.minor_function == now.iopb.minor_function
        && iopb.operation_flags == now.iopb.operation_flags
        && iopb.target_file_object == now.iopb.target_file_object
        && iopb.target_instance == now.iopb.target_instance
        && words(iopb) == words(&now.iopb)
}
