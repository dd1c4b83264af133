//! Callback data that filters put together themselves, and operations that they send once more.

use std::mem::offset_of;
use std::sync::Arc;

use crate::abi::{
    CallbackData, FileObject, IoParameterBlock, IoStatusBlock, ListEntry, Parameters, Ptr, Shared,
};
use crate::fltmgr::instance::Instance;
use crate::fltmgr::operation::{Kind, Operation};
use crate::fltmgr::{Altitude, Submitted};
use crate::io;
use crate::io::driver::Driver;
use crate::io::file::File;
use crate::io::own::{self, OwnTransfer};
use crate::io::request::IoStatus;
use crate::ke::{Cpu, Entry, Frame};
use crate::sim::{Leak, Major, Mode};
use crate::status::NtStatus;
use crate::util::{AddressMap, Lock};
use crate::verifier::Rule;

/// Callback data with its parameters.
#[repr(C)]
#[derive(Clone, Copy)]
struct Memory {
    data: CallbackData,
    iopb: IoParameterBlock,
}

/// Callback data that a filter has allocated.
pub(super) struct OwnData {
    memory: Shared<Memory>,
    instance: Arc<Instance>,
    file: Arc<File>,
    owner: u64,
    /// It is on its way.
    sent: bool,
}

impl OwnData {
    fn new(instance: &Arc<Instance>, file: &Arc<File>, owner: u64, thread: Ptr) -> Self {
        let memory = Shared::new(blank(instance, file, thread));
        let data = memory.ptr().cast::<CallbackData>();
        let iopb = data.byte_offset::<Ptr>(offset_of!(CallbackData, iopb));
        iopb.write(memory.ptr().byte_offset(offset_of!(Memory, iopb)));
        Self { memory, instance: Arc::clone(instance), file: Arc::clone(file), owner, sent: false }
    }

    /// Its address.
    pub(super) fn ptr(&self) -> Ptr<CallbackData> {
        self.memory.ptr().cast()
    }
}

/// Callback data without an operation.
fn blank(instance: &Instance, file: &File, thread: Ptr) -> Memory {
    let data = CallbackData {
        flags: io::callback_data::IRP_OPERATION | io::callback_data::GENERATED_IO,
        thread,
        iopb: Ptr::NULL,
        io_status: IoStatusBlock { status: 0, information: 0 },
        tag_data: Ptr::NULL,
        queue_links: ListEntry { flink: Ptr::NULL, blink: Ptr::NULL },
        queue_context: [Ptr::NULL; 2],
        requestor_mode: Mode::Kernel as i8,
    };
    let iopb = IoParameterBlock {
        irp_flags: 0,
        major_function: 0,
        minor_function: 0,
        operation_flags: 0,
        reserved: 0,
        target_file_object: file.ptr(),
        target_instance: instance.ptr(),
        parameters: Parameters { words: [0; 6] },
    };
    Memory { data, iopb }
}

/// Callback data that tells how a filter's own transfer ended.
pub(super) fn completed(instance: &Arc<Instance>, own: &OwnTransfer, ended: IoStatus) -> OwnData {
    let data = OwnData::new(instance, &own.file, 0, Ptr::NULL);
    write_status(data.ptr(), ended);
    let major = data.ptr().read().iopb.byte_offset::<u8>(offset_of!(IoParameterBlock, major_function));
    major.write(own.major as u8);
    data
}

fn write_status(data: Ptr<CallbackData>, ended: IoStatus) {
    let block = data.byte_offset::<IoStatusBlock>(offset_of!(CallbackData, io_status));
    block.write(IoStatusBlock { status: ended.status.0, information: ended.information });
}

/// The callback data that filters have allocated.
#[derive(Default)]
pub(crate) struct OwnDataTable {
    table: Lock<AddressMap<OwnData>>,
}

impl OwnDataTable {
    /// What a filter that is gone did not free.
    pub(in crate::fltmgr) fn leaks(&self, driver: &Arc<Driver>) -> Vec<Leak> {
        let mut count = 0;
        self.table.lock().retain(|_, data| {
            count += usize::from(data.owner == driver.id());
            data.owner != driver.id()
        });
        let leak = Leak::new("callback data", "not freed", count);
        if count == 0 { Vec::new() } else { vec![leak] }
    }
}

/// `FltAllocateCallbackData`.
pub(crate) fn allocate(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    data: Ptr<Ptr<CallbackData>>,
) -> NtStatus {
    let (instance, file) = match super::sender(cpu, instance, file) {
        Ok(sender) => sender,
        Err(status) => return status,
    };
    let own = OwnData::new(&instance, &file, cpu.owner(), cpu.thread().ptr());
    data.write(own.ptr());
    cpu.kernel().filters.own_data.table.lock().insert(own.ptr().address(), own);
    NtStatus::SUCCESS
}

/// `FltAllocateCallbackDataEx`, whose flags only say what to allocate along.
pub(crate) fn allocate_ex(
    cpu: &Cpu,
    instance: Ptr,
    file: Ptr<FileObject>,
    _flags: u32,
    data: Ptr<Ptr<CallbackData>>,
) -> NtStatus {
    allocate(cpu, instance, file, data)
}

/// What is wrong with a filter's use of callback data.
fn complain(cpu: &Cpu, data: Ptr<CallbackData>, known: bool) {
    let what = if known { "is on its way" } else { "is no callback data of a filter's (any more)" };
    cpu.violation(Rule::ObjectReference, format!("{data:?} {what}"));
}

/// `FltFreeCallbackData`.
pub(crate) fn free(cpu: &Cpu, data: Ptr<CallbackData>) {
    let mut table = cpu.kernel().filters.own_data.table.lock();
    let sent = table.get(&data.address()).map(|own| own.sent);
    let freed = if sent == Some(false) { table.remove(&data.address()) } else { None };
    drop(table);
    if freed.is_none() {
        complain(cpu, data, sent.is_some());
    }
}

/// `FltReuseCallbackData`: it is as it was when it was allocated.
pub(crate) fn reuse(cpu: &Cpu, data: Ptr<CallbackData>) {
    let table = cpu.kernel().filters.own_data.table.lock();
    let found = table.get(&data.address()).filter(|own| !own.sent);
    let again = found.map(|own| blank(&own.instance, &own.file, cpu.thread().ptr()));
    drop(table);
    let Some(mut memory) = again else {
        complain(cpu, data, false);
        return;
    };
    memory.data.iopb = data.byte_offset(offset_of!(Memory, iopb));
    data.cast::<Memory>().write(memory);
}

/// Takes callback data on its way.
fn begin(cpu: &Cpu, data: Ptr<CallbackData>) -> Option<(Arc<Instance>, Arc<File>)> {
    let mut table = cpu.kernel().filters.own_data.table.lock();
    let known = table.contains_key(&data.address());
    let found = table.get_mut(&data.address()).filter(|own| !own.sent).map(|own| {
        own.sent = true;
        (Arc::clone(&own.instance), Arc::clone(&own.file))
    });
    drop(table);
    if found.is_none() {
        complain(cpu, data, known);
    }
    found
}

fn end(cpu: &Cpu, data: Ptr<CallbackData>, ended: IoStatus) {
    write_status(data, ended);
    if let Some(own) = cpu.kernel().filters.own_data.table.lock().get_mut(&data.address()) {
        own.sent = false;
    }
}

/// The request that callback data describes.
fn request(
    cpu: &Cpu,
    data: Ptr<CallbackData>,
    below: Altitude,
    flags: u32,
) -> Result<(Operation, Parameters), NtStatus> {
    let described = data.read();
    let iopb = described.iopb.read();
    let Some(major) = Major::of(iopb.major_function) else {
        let detail = format!("sends major function 0x{:02X}, which is none here", iopb.major_function);
        cpu.violation(Rule::InvalidParameter, detail);
        return Err(NtStatus::INVALID_DEVICE_REQUEST);
    };
    let Some(file) = cpu.kernel().objects.file(iopb.target_file_object.cast()) else {
        let detail = format!("{:?} is no file object (any more)", iopb.target_file_object);
        cpu.violation(Rule::ObjectReference, detail);
        return Err(NtStatus::INVALID_PARAMETER);
    };
    let thread = cpu.kernel().objects.thread(described.thread).or_else(|| Some(cpu.thread()));
    // SAFETY: the fields of both are integers at the same places.
    let transfer = unsafe { iopb.parameters.write };
    let is_transfer = matches!(major, Major::Read | Major::Write);
    let operation = Operation {
        minor: iopb.minor_function,
        irp_flags: iopb.irp_flags,
        operation_flags: iopb.operation_flags,
        data_flags: flags,
        mode: if described.requestor_mode == Mode::Kernel as i8 { Mode::Kernel } else { Mode::User },
        below: Some(below),
        offset: is_transfer.then_some(transfer.byte_offset),
        length: is_transfer.then_some(transfer.length),
        ..Operation::new(major, Kind::Irp, file, thread)
    };
    Ok((operation, iopb.parameters))
}

/// `FltPerformSynchronousIo`; how it ended is in the callback data.
pub(crate) fn perform_synchronous(cpu: &Cpu, data: Ptr<CallbackData>) {
    crate::ex::push_lock::check_call_out(cpu);
    let Some((instance, _file)) = begin(cpu, data) else { return };
    let flags = io::callback_data::GENERATED_IO;
    let ended = match request(cpu, data, instance.altitude(), flags) {
        Ok((operation, parameters)) => own::perform(cpu, operation, parameters),
        Err(status) => IoStatus::plain(status),
    };
    end(cpu, data, ended);
}

/// `FltPerformAsynchronousIo`: the callback comes when it is complete, wherever that is.
pub(crate) fn perform_asynchronous(
    cpu: &Cpu,
    data: Ptr<CallbackData>,
    callback: Ptr,
    context: usize,
) -> NtStatus {
    let Some(driver) = cpu.driver() else { return NtStatus::INVALID_PARAMETER };
    let Some((instance, _file)) = begin(cpu, data) else { return NtStatus::INVALID_PARAMETER };
    let (operation, parameters) =
        match request(cpu, data, instance.altitude(), io::callback_data::GENERATED_IO) {
            Ok((operation, parameters)) => {
                (Operation { own_data: Some(data.address()), ..operation }, parameters)
            }
            Err(status) => {
                end(cpu, data, IoStatus::plain(status));
                return status;
            }
        };
    let submitted = own::submit(cpu, operation, parameters, move |cpu, ended| {
        end(cpu, data, ended);
        let frame = Frame { driver, entry: Entry::AsyncCompletion, operation: None };
        cpu.call_driver(frame, callback, &[data.address(), context]);
    });
    match submitted {
        Submitted::Completed(ended) => ended.status,
        Submitted::Pending => NtStatus::PENDING,
    }
}

/// `FltReissueSynchronousIo`: those below see the operation of a callback once more, marked so; how it ended is in its
/// callback data.
pub(crate) fn reissue_synchronous(cpu: &Cpu, instance: Ptr, data: Ptr<CallbackData>) {
    let filters = &cpu.kernel().filters;
    let Some(instance) = filters.instance(cpu, instance) else { return };
    let Some(original) = filters.operation(cpu, data.cast()) else { return };
    if original.kind != Kind::Irp {
        cpu.violation(Rule::InvalidParameter, "reissues an operation that is no IRP");
        write_status(data, IoStatus::plain(NtStatus::INVALID_PARAMETER));
        return;
    }
    let flags = original.data_flags | io::callback_data::REISSUED_IO;
    let ended = match request(cpu, data, instance.altitude(), flags) {
        Ok((operation, parameters)) => {
            let operation = Operation {
                requestor: original.requestor.clone(),
                thread: original.thread.clone(),
                copy: original.copy.clone(),
                ..operation
            };
            own::perform(cpu, operation, parameters)
        }
        Err(status) => IoStatus::plain(status),
    };
    write_status(data, ended);
}
