//! The object manager's routines.

use super::{Object, Released};
use crate::abi::Ptr;
use crate::ex::work::{self, Queue};
use crate::exports::DataExport;
use crate::io;
use crate::ke::{Cpu, dispatcher};
use crate::mm;
use crate::sim::Mode;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `OBJ_KERNEL_HANDLE`
pub(crate) const OBJ_KERNEL_HANDLE: u32 = 0x200;
/// The attributes that are defined.
const OBJ_VALID_ATTRIBUTES: u32 = 0x0000_1FF2;

/// Whether an object is of the type that the driver named; NULL names none.
fn is_of_type(cpu: &Cpu, object: &Object, object_type: Ptr) -> bool {
    let cells = &cpu.kernel().cells;
    let expected = match object {
        Object::Process(_) => cells.get(DataExport::PsProcessType),
        Object::Thread(_) => cells.get(DataExport::PsThreadType),
        Object::File(_) => cells.get(DataExport::IoFileObjectType),
        Object::Token(_) => cells.get(DataExport::SeTokenObjectType),
        Object::Transaction(_) => cells.get(DataExport::TmTransactionObjectType),
        Object::Event(_) => cells.get(DataExport::ExEventObjectType),
        Object::Device(_) | Object::Key(_) | Object::Section(_) => 0,
    };
    object_type.is_null() || object_type.address() == expected
}

fn address_of(object: &Object) -> Ptr {
    match object {
        Object::Process(process) => process.ptr(),
        Object::Thread(thread) => thread.ptr(),
        Object::File(file) => file.ptr().cast(),
        Object::Token(token) => token.ptr(),
        Object::Device(volume) => volume.device(),
        Object::Transaction(transaction) => transaction.ptr(),
        Object::Key(key) => key.ptr(),
        Object::Section(section) => section.ptr(),
        Object::Event(event) => event.ptr(),
    }
}

/// `ObReferenceObjectByHandle`.
pub(crate) fn reference_object_by_handle(
    cpu: &Cpu,
    handle: usize,
    _access: u32,
    object_type: Ptr,
    mode: i8,
    object: Ptr<Ptr>,
    information: Ptr,
) -> NtStatus {
    // A program's handle, such as the source of a block clone, means something in the context of its process only.
    let process = cpu.thread().current_process();
    let of_program = cpu.kernel().file_handles.get(&process, handle as u64).map(Object::File);
    if mode != Mode::Kernel as i8 && of_program.is_none() {
        cpu.violation(Rule::InvalidParameter, "references a kernel handle with AccessMode UserMode");
        return NtStatus::ACCESS_DENIED;
    }
    if !information.is_null() {
        cpu.violation(Rule::InvalidParameter, "drivers set HandleInformation to NULL");
    }
    let Some(found) = of_program.or_else(|| cpu.kernel().handles.get(handle)) else {
        cpu.violation(Rule::ObjectReference, format!("references handle 0x{handle:X}, which is not open"));
        return NtStatus::INVALID_HANDLE;
    };
    if !is_of_type(cpu, &found, object_type) {
        return NtStatus::OBJECT_TYPE_MISMATCH;
    }
    let address = address_of(&found);
    if cpu.kernel().objects.reference(address, cpu.owner()).is_none() {
        return NtStatus::INVALID_HANDLE;
    }
    object.write(address);
    NtStatus::SUCCESS
}

/// `ObOpenObjectByPointer`.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn open_object_by_pointer(
    cpu: &Cpu,
    object: Ptr,
    attributes: u32,
    _state: Ptr,
    _access: u32,
    object_type: Ptr,
    _mode: i8,
    handle: Ptr<usize>,
) -> NtStatus {
    if attributes & !OBJ_VALID_ATTRIBUTES != 0 {
        return NtStatus::INVALID_PARAMETER;
    }
    if attributes & OBJ_KERNEL_HANDLE == 0 && !cpu.thread().process().is_system() {
        cpu.violation(
            Rule::InvalidParameter,
            "opens a handle without OBJ_KERNEL_HANDLE in the context of a user process",
        );
    }
    let Some(found) = cpu.kernel().objects.get(object) else {
        cpu.violation(Rule::ObjectReference, format!("opens {object:?}, which is no object (any more)"));
        return NtStatus::INVALID_PARAMETER;
    };
    if !is_of_type(cpu, &found, object_type) {
        return NtStatus::OBJECT_TYPE_MISMATCH;
    }
    if let Object::File(file) = &found {
        file.handle_opened();
    }
    // The handle keeps the object as a reference does.
    cpu.kernel().objects.reference(object, cpu.owner());
    handle.write(cpu.kernel().handles.open(found, cpu.owner()));
    NtStatus::SUCCESS
}

/// `ZwWaitForSingleObject`.
pub(crate) fn wait_for_single_object(cpu: &Cpu, handle: usize, alertable: u8, timeout: Ptr<i64>) -> NtStatus {
    /// `KWAIT_REASON`
    const EXECUTIVE: u32 = 0;
    let object = match cpu.kernel().handles.get(handle) {
        Some(Object::Thread(thread)) => thread.ptr(),
        Some(Object::Event(event)) => event.ptr(),
        Some(_) => return NtStatus::OBJECT_TYPE_MISMATCH,
        None => {
            cpu.violation(Rule::ObjectReference, format!("waits for handle 0x{handle:X}, which is not open"));
            return NtStatus::INVALID_HANDLE;
        }
    };
    dispatcher::wait_for_single_object(cpu, object, EXECUTIVE, Mode::Kernel as i8, alertable, timeout)
}

/// `ZwClose`.
pub(crate) fn close(cpu: &Cpu, handle: usize) -> NtStatus {
    let Some(object) = cpu.kernel().handles.close(handle) else {
        cpu.violation(Rule::ObjectReference, format!("closes handle 0x{handle:X}, which is not open"));
        return NtStatus::INVALID_HANDLE;
    };
    if let Object::File(file) = &object {
        io::close::handle_closed(cpu, file);
    }
    release(cpu, address_of(&object));
    NtStatus::SUCCESS
}

/// `ObfReferenceObject`.
pub(crate) fn reference_object(cpu: &Cpu, object: Ptr) -> usize {
    cpu.kernel().objects.reference(object, cpu.owner()).unwrap_or_else(|| {
        cpu.violation(Rule::ObjectReference, format!("references {object:?}, which is no object (any more)"));
        0
    })
}

/// `ObfDereferenceObject`.
pub(crate) fn dereference_object(cpu: &Cpu, object: Ptr) -> usize {
    release(cpu, object)
}

/// Takes a reference away and deletes what nobody needs any more.
fn release(cpu: &Cpu, object: Ptr) -> usize {
    release_of(cpu, object, cpu.owner())
}

fn release_of(cpu: &Cpu, object: Ptr, owner: u64) -> usize {
    match cpu.kernel().objects.dereference(object, owner) {
        Released::Kept(references) => references,
        Released::Gone(Object::File(file)) => {
            io::close::delete(cpu, &file);
            0
        }
        Released::Gone(Object::Section(section)) => {
            mm::data_scan::gone(cpu, &section);
            0
        }
        Released::Gone(_) => 0,
        Released::NotHeld(object) => {
            cpu.violation(
                Rule::ObjectReference,
                format!("dereferences {} more often than it referenced it", object.describe()),
            );
            0
        }
        Released::Unknown => {
            cpu.violation(
                Rule::ObjectReference,
                format!("dereferences {object:?}, which is no object (any more)"),
            );
            0
        }
    }
}

/// `ObReferenceObjectByHandleWithTag`: tags tell references apart in a debugger only.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn reference_object_by_handle_with_tag(
    cpu: &Cpu,
    handle: usize,
    access: u32,
    object_type: Ptr,
    mode: i8,
    _tag: u32,
    object: Ptr<Ptr>,
    information: Ptr,
) -> NtStatus {
    reference_object_by_handle(cpu, handle, access, object_type, mode, object, information)
}

/// `ObReferenceObjectByPointer`.
pub(crate) fn reference_object_by_pointer(
    cpu: &Cpu,
    object: Ptr,
    _access: u32,
    object_type: Ptr,
    _mode: i8,
) -> NtStatus {
    match cpu.kernel().objects.get(object) {
        Some(found) if !is_of_type(cpu, &found, object_type) => return NtStatus::OBJECT_TYPE_MISMATCH,
        _ => {}
    }
    reference_object(cpu, object);
    NtStatus::SUCCESS
}

/// `ObReferenceObjectByPointerWithTag`.
pub(crate) fn reference_object_by_pointer_with_tag(
    cpu: &Cpu,
    object: Ptr,
    access: u32,
    object_type: Ptr,
    mode: i8,
    _tag: u32,
) -> NtStatus {
    reference_object_by_pointer(cpu, object, access, object_type, mode)
}

/// `ObfReferenceObjectWithTag`.
pub(crate) fn reference_object_with_tag(cpu: &Cpu, object: Ptr, _tag: u32) -> usize {
    reference_object(cpu, object)
}

/// `ObfDereferenceObjectWithTag`.
pub(crate) fn dereference_object_with_tag(cpu: &Cpu, object: Ptr, _tag: u32) -> usize {
    dereference_object(cpu, object)
}

/// `ObDereferenceObjectDeferDelete`: if it was the last reference, the object goes in a System worker.
pub(crate) fn dereference_object_later(cpu: &Cpu, object: Ptr) {
    let frame = cpu.owner();
    let last = cpu.kernel().objects.get(object);
    match last {
        Some(Object::File(_) | Object::Section(_)) => {
            work::queue(cpu, Queue::Delayed, move |cpu| {
                release_of(cpu, object, frame);
            });
        }
        _ => {
            release(cpu, object);
        }
    }
}
