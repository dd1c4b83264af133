//! Sending an operation through the filters of a volume and down to the file system.

mod answer;

use std::borrow::Cow;
use std::sync::Arc;

use self::answer::Waiter;
pub(crate) use self::answer::{Answer, Arrival, Pended, Submitted};
use super::instance::Instance;
use super::operation::{CopyOrigin, Kind, Operation};
use super::registration::OperationEntry;
use crate::abi::{
    CallbackData, IoParameterBlock, IoStatusBlock, ListEntry, Parameters, Ptr, RelatedObjects, Shared,
};
use crate::io::request::IoStatus;
use crate::io::{callback_data, file_object, irp};
use crate::ke::{Cpu, Entry, Frame};
use crate::ps::Thread;
use crate::sim::{Callback, CopySource, Major, Phase, ThreadFacts};
use crate::status::NtStatus;
use crate::verifier::Rule;
use crate::verifier::callback::{self, Before, PreReturn};

/// `FLT_POST_OPERATION_FLAGS` of an operation that is not being drained.
const POST_OPERATION_NO_FLAGS: usize = 0;

/// `FLTFL_OPERATION_REGISTRATION_*`
const SKIP_PAGING_IO: u32 = 0x1;
const SKIP_CACHED_IO: u32 = 0x2;
const SKIP_NON_DASD_IO: u32 = 0x4;
const SKIP_NON_CACHED_NON_PAGING_IO: u32 = 0x8;

/// A post-operation callback that is owed.
struct Owed {
    instance: Arc<Instance>,
    callback: Ptr,
    context: usize,
}

/// What a pre-operation callback decided.
enum Decision {
    Continue(Option<Owed>),
    /// The operation ends here.
    End(IoStatus),
}

/// An operation while it passes the filters, with the structures that they see.
struct Passage<'a> {
    cpu: &'a Cpu,
    operation: Arc<Operation>,
    data: Shared<CallbackData>,
    iopb: Shared<IoParameterBlock>,
    objects: Shared<RelatedObjects>,
}

/// Sends an operation through the filters of its volume, and waits until it is complete.
pub(crate) fn dispatch(
    cpu: &Cpu,
    operation: Operation,
    parameters: Parameters,
    target: impl FnOnce(&Cpu, &Arrival<'_>) -> Answer + Send + 'static,
) -> IoStatus {
    let instances = Arc::clone(&*operation.file.volume().instances.lock());
    let interested: Vec<_> = instances
        .iter()
        .filter_map(|instance| Some((instance, instance.filter().operation(operation.major)?)))
        .filter(|(instance, entry)| !instance.is_tearing_down() && !skips(entry, &operation))
        .collect();
    if interested.is_empty() {
        return arrive(cpu, &operation, parameters, target);
    }
    let passage = Passage::new(cpu, operation, parameters);
    let mut owed = Vec::new();
    let mut ended = None;
    for (instance, entry) in interested {
        match passage.pre(instance, entry) {
            Decision::Continue(post) => owed.extend(post),
            Decision::End(status) => {
                ended = Some(status);
                break;
            }
        }
    }
    let ended = ended.unwrap_or_else(|| arrive(cpu, &passage.operation, parameters, target));
    for owed in owed.into_iter().rev() {
        passage.post(&owed, ended);
    }
    ended
}

/// Sends an operation whose sender need not wait. `completion` is called last, and exactly once.
pub(crate) fn submit(
    cpu: &Cpu,
    operation: Operation,
    parameters: Parameters,
    target: impl FnOnce(&Cpu, &Arrival<'_>) -> Answer + Send + 'static,
    completion: impl FnOnce(&Cpu, IoStatus) + Send + 'static,
) -> Submitted {
    let ended = dispatch(cpu, operation, parameters, target);
    completion(cpu, ended);
    Submitted::Completed(ended)
}

/// The operation reaches the file system.
fn arrive(
    cpu: &Cpu,
    operation: &Operation,
    parameters: Parameters,
    target: impl FnOnce(&Cpu, &Arrival<'_>) -> Answer,
) -> IoStatus {
    let arrival = Arrival {
        parameters,
        irp_flags: operation.irp_flags,
        operation_flags: operation.operation_flags,
        minor: operation.minor,
        file: &operation.file,
        changed: false,
    };
    match target(cpu, &arrival) {
        Answer::Complete(ended) => ended,
        Answer::Pend(begin) => {
            let waiter = Arc::new(Waiter::default());
            let of_completion = Arc::clone(&waiter);
            let complete = Box::new(move |cpu: &Cpu, ended| of_completion.complete(cpu, ended));
            begin(cpu, Pended { complete });
            waiter.wait(cpu)
        }
    }
}

/// Whether a filter registered not to see such an operation.
fn skips(entry: &OperationEntry, operation: &Operation) -> bool {
    if !matches!(operation.major, Major::Read | Major::Write) {
        return false;
    }
    let paging = operation.irp_flags & irp::PAGING_IO != 0;
    let non_cached = operation.irp_flags & irp::NOCACHE != 0;
    let set = |flag: u32| entry.flags & flag != 0;
    set(SKIP_PAGING_IO) && paging
        || set(SKIP_CACHED_IO) && !non_cached
        || set(SKIP_NON_CACHED_NON_PAGING_IO) && non_cached && !paging
        || set(SKIP_NON_DASD_IO) && !operation.file.has(file_object::VOLUME_OPEN)
}

impl<'a> Passage<'a> {
    fn new(cpu: &'a Cpu, operation: Operation, parameters: Parameters) -> Self {
        let iopb = Shared::new(IoParameterBlock {
            irp_flags: operation.irp_flags,
            major_function: operation.major as u8,
            minor_function: operation.minor,
            operation_flags: operation.operation_flags,
            reserved: 0,
            target_file_object: operation.file.ptr(),
            target_instance: Ptr::NULL,
            parameters,
        });
        let data = Shared::new(CallbackData {
            flags: operation.callback_data_flags(),
            thread: operation.thread.as_ref().map_or(Ptr::NULL, |thread| thread.ptr()),
            iopb: iopb.ptr(),
            io_status: IoStatusBlock { status: 0, information: 0 },
            tag_data: Ptr::NULL,
            queue_links: ListEntry { flink: Ptr::NULL, blink: Ptr::NULL },
            queue_context: [Ptr::NULL; 2],
            requestor_mode: operation.mode as i8,
        });
        let objects = Shared::new(RelatedObjects {
            size: 0,
            transaction_context: 0,
            filter: Ptr::NULL,
            volume: Ptr::NULL,
            instance: Ptr::NULL,
            file_object: Ptr::NULL,
            transaction: Ptr::NULL,
        });
        let operation = Arc::new(operation);
        cpu.kernel().filters.begin(data.ptr().cast(), &operation);
        Self { cpu, operation, data, iopb, objects }
    }

    /// Calls a callback of the instance with the data, the related objects, and whatever follows.
    fn call(&self, instance: &Instance, entry: Entry, callback: Ptr, rest: &[usize]) -> u32 {
        self.iopb.update(|iopb| iopb.target_instance = instance.ptr());
        self.objects.set(instance.related_objects(self.operation.file.ptr()));
        let mut arguments = vec![self.data.ptr().address(), self.objects.ptr().address()];
        arguments.extend_from_slice(rest);
        let before = Before { data: self.data.get(), iopb: self.iopb.get() };
        let frame = self.frame(instance, entry);
        let result = self.cpu.call_driver(frame.clone(), callback, &arguments);
        let now = Before { data: self.data.get(), iopb: self.iopb.get() };
        if before.check(self.cpu, &frame, &now, false) {
            self.data.set(before.data);
            self.iopb.set(before.iopb);
        }
        u32::try_from(result & 0xFFFF_FFFF).expect("masked to 32 bits")
    }

    fn pre(&self, instance: &Arc<Instance>, entry: OperationEntry) -> Decision {
        let owed = |context| {
            Decision::Continue(Some(Owed { instance: Arc::clone(instance), callback: entry.post, context }))
        };
        if entry.pre.is_null() {
            // Without a pre-operation callback, the post-operation callback always comes.
            return if entry.post.is_null() { Decision::Continue(None) } else { owed(0) };
        }
        self.observe(instance, Phase::Pre, None);
        let context = Shared::new(0usize);
        let major = self.operation.major;
        let status = self.call(instance, Entry::Pre(major), entry.pre, &[context.ptr().address()]);
        let frame = self.frame(instance, Entry::Pre(major));
        let io_status = self.data.get().io_status;
        let ended = IoStatus::new(NtStatus(io_status.status), io_status.information);
        let returned =
            PreReturn { status, context: context.get(), has_post: !entry.post.is_null(), io_status: ended };
        callback::check_pre(self.cpu, &frame, &self.operation, &returned);
        match status {
            callback::PREOP_SUCCESS_WITH_CALLBACK | callback::PREOP_SYNCHRONIZE if returned.has_post => {
                owed(context.get())
            }
            callback::PREOP_PENDING => {
                self.cpu.violation_in(&frame, Rule::Pending, "pends what nothing here could ever complete");
                Decision::Continue(None)
            }
            callback::PREOP_DISALLOW_FASTIO if self.operation.kind == Kind::FastIo => {
                Decision::End(IoStatus::plain(NtStatus::FLT_DISALLOW_FAST_IO))
            }
            callback::PREOP_COMPLETE => Decision::End(ended),
            _ => Decision::Continue(None),
        }
    }

    fn post(&self, owed: &Owed, ended: IoStatus) {
        self.data.update(|data| {
            data.flags |= callback_data::POST_OPERATION;
            data.io_status = IoStatusBlock { status: ended.status.0, information: ended.information };
        });
        self.observe(&owed.instance, Phase::Post, Some(ended.status));
        let entry = Entry::Post(self.operation.major);
        let status =
            self.call(&owed.instance, entry, owed.callback, &[owed.context, POST_OPERATION_NO_FLAGS]);
        callback::check_post(self.cpu, &self.frame(&owed.instance, entry), status);
    }

    /// A call of one of the instance's callbacks.
    fn frame(&self, instance: &Instance, entry: Entry) -> Frame {
        Frame {
            driver: Arc::clone(instance.filter().driver()),
            entry,
            operation: Some(Arc::clone(&self.operation)),
        }
    }

    /// Shows the callback to whoever watches.
    fn observe(&self, instance: &Instance, phase: Phase, status: Option<NtStatus>) {
        let kernel = self.cpu.kernel();
        let mut observer = kernel.observer.lock();
        let Some(observer) = &mut *observer else { return };
        let operation = &self.operation;
        observer(&Callback {
            driver: Cow::Borrowed(instance.filter().driver().service()),
            phase,
            major: operation.major,
            minor: operation.minor,
            flags: self.data.get().flags,
            irp_flags: operation.irp_flags,
            irql: self.cpu.irql().0,
            time: kernel.clock.now(),
            current: facts(&self.cpu.thread()),
            thread: operation.thread.as_deref().map(facts),
            requestor_mode: operation.mode,
            requestor_pid: operation.requestor.as_ref().map_or(0, |process| process.pid()),
            file_object: operation.file.ptr().address() as u64,
            // SAFETY: the words cover the whole union, every bit of which was set with the parameters.
            parameters: unsafe { self.iopb.get().parameters.words },
            path: Cow::Borrowed(operation.file.path()),
            offset: operation.offset,
            length: operation.length,
            copy_source: operation.copy.as_ref().map(copy_source),
            status,
        });
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        self.cpu.kernel().filters.end(self.data.ptr().cast());
    }
}

fn facts(thread: &Thread) -> ThreadFacts {
    let process = thread.process();
    ThreadFacts { pid: process.pid(), tid: thread.tid(), image: process.image().as_str().to_owned() }
}

fn copy_source(origin: &CopyOrigin) -> CopySource {
    CopySource { path: origin.file.path().to_owned(), offset: origin.offset }
}
