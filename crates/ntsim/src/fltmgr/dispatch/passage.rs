//! An operation while it passes the filters, with the structures that they see.

use std::mem::offset_of;
use std::sync::Arc;

use super::answer::{Arrival, Completion, Target, Waiter};
use super::meeting::Meeting;
use crate::abi::{
    Address, CallbackData, IoParameterBlock, IoStatusBlock, ListEntry, Parameters, Ptr, RelatedObjects,
    Shared,
};
use crate::fltmgr::operation::Operation;
use crate::fltmgr::stack::Layer;
use crate::io::callback_data;
use crate::io::file::File;
use crate::io::request::IoStatus;
use crate::ke::Cpu;
use crate::ob::SYSTEM;
use crate::status::NtStatus;
use crate::verifier::callback::Before;

/// What filters see of an operation, in one piece of memory.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Memory {
    data: CallbackData,
    iopb: IoParameterBlock,
    objects: RelatedObjects,
    context: usize,
}

/// A post-operation callback that is owed to a layer.
pub(super) struct Owed {
    pub(super) layer: Layer,
    /// The completion context.
    pub(super) context: usize,
    /// Where the thread waits in which the callback must come, if it must come in a certain one.
    pub(super) meeting: Option<Arc<Meeting>>,
    /// Whether it has come already, because the instance is torn down.
    pub(super) drained: bool,
}

/// The parameters before a filter changed them.
struct Change {
    /// Callbacks owed at the time: those of the filters above, which are to see the old parameters.
    owed: usize,
    iopb: IoParameterBlock,
}

/// Who sent an operation, and learns how it ended.
pub(super) enum Sender {
    /// The thread in which it still is.
    Here,
    /// A thread that waits for it.
    Waiter(Arc<Waiter>),
    /// Nobody waits.
    Completion(Completion),
}

/// An operation while it passes the filters. It is owned by whoever has it: the thread that carries it on, or the list of
/// those that pend.
pub(crate) struct Passage {
    pub(super) operation: Arc<Operation>,
    memory: Shared<Memory>,
    /// What the memory holds unless a filter changed it.
    pub(super) known: Before,
    pub(super) layers: Arc<[Layer]>,
    /// The next layer on the way down.
    pub(super) next: usize,
    pub(super) owed: Vec<Owed>,
    changes: Vec<Change>,
    /// The file that a filter put in the place of the operation's own.
    pub(super) redirected: Option<Arc<File>>,
    /// The file system's part, if the operation left its sender's thread before it got there.
    pub(super) target: Option<Target>,
    pub(super) sender: Sender,
    /// Whether the objects of its thread are kept for it.
    keeps_thread: bool,
}

impl Passage {
    pub(super) fn new(
        operation: Operation,
        parameters: Parameters,
        layers: Arc<[Layer]>,
        first: usize,
        sender: Sender,
    ) -> Self {
        let iopb = IoParameterBlock {
            irp_flags: operation.irp_flags,
            major_function: operation.major as u8,
            minor_function: operation.minor,
            operation_flags: operation.operation_flags,
            reserved: 0,
            target_file_object: operation.file.ptr(),
            target_instance: Ptr::NULL,
            parameters,
        };
        let data = CallbackData {
            flags: operation.callback_data_flags(),
            thread: operation.thread.as_ref().map_or(Ptr::NULL, |thread| thread.ptr()),
            iopb: Ptr::NULL,
            io_status: IoStatusBlock { status: 0, information: 0 },
            tag_data: Ptr::NULL,
            queue_links: ListEntry { flink: Ptr::NULL, blink: Ptr::NULL },
            queue_context: [Ptr::NULL; 2],
            requestor_mode: operation.mode as i8,
        };
        let objects = RelatedObjects {
            size: 0,
            transaction_context: 0,
            filter: Ptr::NULL,
            volume: Ptr::NULL,
            instance: Ptr::NULL,
            file_object: Ptr::NULL,
            transaction: Ptr::NULL,
        };
        let memory = Shared::new(Memory { data, iopb, objects, context: 0 });
        let known = Before {
            data: CallbackData { iopb: memory.ptr().byte_offset(offset_of!(Memory, iopb)), ..data },
            iopb,
        };
        let passage = Self {
            operation: Arc::new(operation),
            memory,
            known,
            layers,
            next: first,
            owed: Vec::new(),
            changes: Vec::new(),
            redirected: None,
            target: None,
            sender,
            keeps_thread: false,
        };
        passage.data().write(known.data);
        passage
    }

    pub(in crate::fltmgr) fn operation(&self) -> &Operation {
        &self.operation
    }

    /// The file that the next to see the operation finds as its target.
    pub(super) fn file(&self) -> &Arc<File> {
        let own = &self.operation.file;
        let target = self.known.iopb.target_file_object;
        self.redirected.as_ref().filter(|file| file.ptr() == target).unwrap_or(own)
    }

    pub(super) fn is_on_its_way_down(&self) -> bool {
        self.known.data.flags & callback_data::POST_OPERATION == 0
    }

    pub(super) fn data(&self) -> Ptr<CallbackData> {
        self.memory.ptr().byte_offset(offset_of!(Memory, data))
    }

    /// By which the operation is known.
    pub(in crate::fltmgr) fn key(&self) -> Address {
        self.data().address()
    }

    pub(super) fn iopb(&self) -> Ptr<IoParameterBlock> {
        self.memory.ptr().byte_offset(offset_of!(Memory, iopb))
    }

    pub(super) fn objects(&self) -> Ptr<RelatedObjects> {
        self.memory.ptr().byte_offset(offset_of!(Memory, objects))
    }

    /// Where a pre-operation callback stores its completion context.
    pub(super) fn context(&self) -> Ptr<usize> {
        self.memory.ptr().byte_offset(offset_of!(Memory, context))
    }

    /// Reads `IoStatus`, which filters are free to change.
    pub(super) fn read_status(&mut self) -> IoStatus {
        let block = self.data().read().io_status;
        self.known.data.io_status = block;
        IoStatus::new(NtStatus(block.status), block.information)
    }

    pub(super) fn ended(&self) -> IoStatus {
        let block = self.known.data.io_status;
        IoStatus::new(NtStatus(block.status), block.information)
    }

    /// The operation has ended so, and goes up again.
    pub(super) fn end(&mut self, ended: IoStatus) {
        self.known.data.io_status = IoStatusBlock { status: ended.status.0, information: ended.information };
        self.known.data.flags |= callback_data::POST_OPERATION;
        self.data().write(self.known.data);
    }

    /// The parameters have changed: those below are to see them, those above are not.
    pub(super) fn change(&mut self, to: IoParameterBlock) {
        if self.is_on_its_way_down() {
            self.changes.push(Change { owed: self.owed.len(), iopb: self.known.iopb });
        }
        self.known.iopb = to;
    }

    /// Puts back the parameters that the filter saw to which this many callbacks were owed before.
    pub(super) fn restore(&mut self, owed: usize) {
        while let Some(change) = self.changes.pop_if(|change| change.owed >= owed) {
            self.known.iopb = change.iopb;
            self.iopb().write(change.iopb);
        }
    }

    /// The operation as it arrives at the file system.
    pub(super) fn arrival(&self) -> Arrival<'_> {
        let iopb = &self.known.iopb;
        Arrival {
            parameters: iopb.parameters,
            irp_flags: iopb.irp_flags,
            operation_flags: iopb.operation_flags,
            changed_irp_flags: iopb.irp_flags ^ self.operation.irp_flags,
            changed_operation_flags: iopb.operation_flags ^ self.operation.operation_flags,
            file: self.file(),
            process: self.operation.process(),
            operation: &self.operation,
        }
    }

    /// A request that outlives its sender's wait keeps the thread, and through it the process.
    pub(super) fn keep_thread(&mut self, cpu: &Cpu) {
        let Some(thread) = self.operation.thread.as_ref().filter(|_| !self.keeps_thread) else { return };
        self.keeps_thread = true;
        let process = thread.process();
        for object in [thread.ptr(), process.ptr(), process.token().ptr()] {
            cpu.kernel().objects.reference(object, SYSTEM);
        }
    }

    /// What [`Passage::keep_thread`] kept is no longer needed.
    pub(super) fn let_thread_go(&mut self, cpu: &Cpu) {
        let Some(thread) = self.operation.thread.as_ref().filter(|_| self.keeps_thread) else { return };
        self.keeps_thread = false;
        let process = thread.process();
        for object in [thread.ptr(), process.ptr(), process.token().ptr()] {
            cpu.kernel().objects.dereference(object, SYSTEM);
        }
    }
}
