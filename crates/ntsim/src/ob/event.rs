//! Events that have handles (ntifs, `ZwCreateEvent`; wdm, `IoCreateNotificationEvent`): kernel objects with a type, perhaps a name.

use std::ffi::c_void;
use std::sync::Arc;

use super::{HandleTable, Object};
use crate::abi::{KernelEvent, ObjectAttributes, Ptr, Shared, UnicodeString};
use crate::ke::{Cpu, event};
use crate::rtl::read_unicode_string;
use crate::status::NtStatus;
use crate::util::Lock;
use crate::verifier::Rule;

use super::routines::OBJ_KERNEL_HANDLE;

/// `OBJ_OPENIF`
const OBJ_OPENIF: u32 = 0x80;
/// `EVENT_TYPE`
const NOTIFICATION_EVENT: u32 = 0;
const SYNCHRONIZATION_EVENT: u32 = 1;

/// An event that the system keeps the memory of.
pub(crate) struct EventObject {
    event: Shared<KernelEvent>,
    name: Option<String>,
}

impl EventObject {
    pub(crate) fn ptr(&self) -> Ptr {
        self.event.ptr().cast()
    }

    pub(crate) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

/// The events of one kernel that have names.
#[derive(Default)]
pub(crate) struct NamedEvents {
    events: Lock<Vec<std::sync::Weak<EventObject>>>,
}

impl NamedEvents {
    fn find(&self, name: &str) -> Option<Arc<EventObject>> {
        let mut events = self.events.lock();
        events.retain(|event| event.strong_count() > 0);
        events
            .iter()
            .filter_map(std::sync::Weak::upgrade)
            .find(|event| event.name().eq_ignore_ascii_case(name))
    }
}

fn make(cpu: &Cpu, kind: u32, state: u8, name: Option<String>) -> Arc<EventObject> {
    // SAFETY: every field of a `KernelEvent` is an integer or an address: all zeroes are valid.
    let event = Shared::new(unsafe { std::mem::zeroed::<KernelEvent>() });
    event::initialize_event(cpu, event.ptr(), kind, state);
    let made = Arc::new(EventObject { event, name });
    let kernel = cpu.kernel();
    kernel.objects.insert(made.ptr().address(), Object::Event(Arc::clone(&made)));
    if made.name.is_some() {
        kernel.named_events.events.lock().push(Arc::downgrade(&made));
    }
    made
}

/// Opens a handle, which keeps the object as a reference does.
fn open_handle(cpu: &Cpu, event: &Arc<EventObject>) -> usize {
    let kernel = cpu.kernel();
    let (objects, handles): (_, &HandleTable) = (&kernel.objects, &kernel.handles);
    objects.reference(event.ptr(), cpu.owner());
    handles.open(Object::Event(Arc::clone(event)), cpu.owner())
}

fn check_attributes(cpu: &Cpu, attributes: u32) {
    if attributes & OBJ_KERNEL_HANDLE == 0 && !cpu.thread().process().is_system() {
        let detail = "opens an event without OBJ_KERNEL_HANDLE in the context of a user process";
        cpu.violation(Rule::InvalidParameter, detail);
    }
}

/// `ZwCreateEvent`.
pub(crate) fn create(
    cpu: &Cpu,
    handle: Ptr<usize>,
    _access: u32,
    attributes: Ptr<ObjectAttributes>,
    kind: u32,
    state: u8,
) -> NtStatus {
    if kind > SYNCHRONIZATION_EVENT {
        return NtStatus::INVALID_PARAMETER;
    }
    let attributes = attributes.non_null().map(Ptr::read);
    let flags = attributes.map_or(0, |attributes| attributes.attributes);
    check_attributes(cpu, flags);
    let name = attributes.and_then(|attributes| attributes.object_name.non_null()).map(read_unicode_string);
    if let Some(existing) = name.as_deref().and_then(|name| cpu.kernel().named_events.find(name)) {
        if flags & OBJ_OPENIF == 0 {
            return NtStatus::OBJECT_NAME_COLLISION;
        }
        handle.write(open_handle(cpu, &existing));
        return NtStatus::OBJECT_NAME_EXISTS;
    }
    let made = make(cpu, kind, state, name);
    handle.write(open_handle(cpu, &made));
    // It lives as long as its handles and references.
    cpu.kernel().objects.retire(made.ptr().address());
    NtStatus::SUCCESS
}

/// `ZwOpenEvent`.
pub(crate) fn open(
    cpu: &Cpu,
    handle: Ptr<usize>,
    _access: u32,
    attributes: Ptr<ObjectAttributes>,
) -> NtStatus {
    let attributes = attributes.read();
    check_attributes(cpu, attributes.attributes);
    match cpu.kernel().named_events.find(&read_unicode_string(attributes.object_name)) {
        Some(event) => {
            handle.write(open_handle(cpu, &event));
            NtStatus::SUCCESS
        }
        None => NtStatus::OBJECT_NAME_NOT_FOUND,
    }
}

/// `IoCreateNotificationEvent`, `IoCreateSynchronizationEvent`: the event of a name, made signalled if need be; NULL if it could not.
fn create_named<const KIND: u32>(cpu: &Cpu, name: Ptr<UnicodeString>, handle: Ptr<usize>) -> Ptr {
    let name = read_unicode_string(name);
    let existing = cpu.kernel().named_events.find(&name);
    let is_new = existing.is_none();
    let event = existing.unwrap_or_else(|| make(cpu, KIND, 1, Some(name)));
    handle.write(open_handle(cpu, &event));
    if is_new {
        cpu.kernel().objects.retire(event.ptr().address());
    }
    event.ptr()
}

/// `IoCreateNotificationEvent`.
pub(crate) fn create_notification(cpu: &Cpu, name: Ptr<UnicodeString>, handle: Ptr<usize>) -> Ptr {
    create_named::<NOTIFICATION_EVENT>(cpu, name, handle)
}

/// `IoCreateSynchronizationEvent`.
pub(crate) fn create_synchronization(cpu: &Cpu, name: Ptr<UnicodeString>, handle: Ptr<usize>) -> Ptr {
    create_named::<SYNCHRONIZATION_EVENT>(cpu, name, handle)
}

/// The event behind a handle.
fn event_of(cpu: &Cpu, handle: usize) -> Result<Ptr<KernelEvent>, NtStatus> {
    match cpu.kernel().handles.get(handle) {
        Some(Object::Event(event)) => Ok(event.event.ptr()),
        Some(_) => Err(NtStatus::OBJECT_TYPE_MISMATCH),
        None => {
            cpu.violation(Rule::ObjectReference, format!("uses handle 0x{handle:X}, which is not open"));
            Err(NtStatus::INVALID_HANDLE)
        }
    }
}

fn change(
    cpu: &Cpu,
    handle: usize,
    previous: Ptr<i32>,
    change: impl FnOnce(Ptr<KernelEvent>) -> i32,
) -> NtStatus {
    match event_of(cpu, handle) {
        Ok(event) => {
            previous.write_if_given(change(event));
            NtStatus::SUCCESS
        }
        Err(status) => status,
    }
}

/// `ZwSetEvent`.
pub(crate) fn set(cpu: &Cpu, handle: usize, previous: Ptr<i32>) -> NtStatus {
    change(cpu, handle, previous, |event| event::set_event(cpu, event, 0, 0))
}

/// `ZwResetEvent`.
pub(crate) fn reset(cpu: &Cpu, handle: usize, previous: Ptr<i32>) -> NtStatus {
    change(cpu, handle, previous, |event| event::reset(cpu, event.cast::<c_void>()))
}

/// `ZwClearEvent`.
pub(crate) fn clear(cpu: &Cpu, handle: usize) -> NtStatus {
    reset(cpu, handle, Ptr::NULL)
}
