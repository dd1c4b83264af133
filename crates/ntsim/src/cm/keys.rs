//! Opening, making, listing and deleting keys.

use super::SERVICES;
use super::values::{Layout, give};
use crate::abi::{DriverObject, ObjectAttributes, Ptr, UnicodeString};
use crate::ke::Cpu;
use crate::ob::Object;
use crate::ob::routines::OBJ_KERNEL_HANDLE;
use crate::rtl;
use crate::status::NtStatus;
use crate::verifier::Rule;
use std::sync::Arc;

/// Where every path of a key begins.
const ROOT: &str = r"\Registry\";
/// `REG_CREATED_NEW_KEY`, `REG_OPENED_EXISTING_KEY`
const CREATED: u32 = 1;
const OPENED: u32 = 2;

/// A key that a driver has open.
pub(crate) struct KeyObject {
    ptr: Ptr,
    path: String,
}

impl KeyObject {
    pub(crate) fn ptr(&self) -> Ptr {
        self.ptr
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

/// The path of the key behind a handle, if it has not been deleted.
pub(super) fn path_of(cpu: &Cpu, key: usize) -> Result<String, NtStatus> {
    match cpu.kernel().handles.get(key) {
        Some(Object::Key(key)) if cpu.kernel().registry.exists(&key.path) => Ok(key.path.clone()),
        Some(Object::Key(_)) => Err(NtStatus::KEY_DELETED),
        Some(_) => Err(NtStatus::OBJECT_TYPE_MISMATCH),
        None => {
            cpu.violation(
                Rule::ObjectReference,
                format!("uses 0x{key:X}, which is no key's handle (any more)"),
            );
            Err(NtStatus::INVALID_HANDLE)
        }
    }
}

/// Opens a handle of a key in the name of the driver.
fn open_handle(cpu: &Cpu, path: String) -> usize {
    let kernel = cpu.kernel();
    let key = Arc::new(KeyObject { ptr: kernel.arena.allocate(), path });
    kernel.objects.insert(key.ptr.address(), Object::Key(Arc::clone(&key)));
    kernel.objects.reference(key.ptr, cpu.owner());
    kernel.handles.open(Object::Key(key), cpu.owner())
}

/// The path that object attributes name.
fn path_named(cpu: &Cpu, attributes: Ptr<ObjectAttributes>) -> Result<String, NtStatus> {
    let attributes = attributes.read();
    if attributes.attributes & OBJ_KERNEL_HANDLE == 0 && !cpu.thread().process().is_system() {
        let detail = "opens a key without OBJ_KERNEL_HANDLE in the context of a user process";
        cpu.violation(Rule::InvalidParameter, detail);
    }
    let name = rtl::read_unicode_string(attributes.object_name);
    if let Some(root) = attributes.root_directory.non_null() {
        let root = path_of(cpu, root.address())?;
        return Ok(if name.is_empty() { root } else { format!("{root}\\{name}") });
    }
    let is_key = name.get(..ROOT.len()).is_some_and(|head| head.eq_ignore_ascii_case(ROOT));
    if is_key { Ok(name) } else { Err(NtStatus::OBJECT_PATH_SYNTAX_BAD) }
}

/// `ZwOpenKey`.
pub(crate) fn open(cpu: &Cpu, key: Ptr<usize>, _access: u32, attributes: Ptr<ObjectAttributes>) -> NtStatus {
    let path = match path_named(cpu, attributes) {
        Ok(path) => path,
        Err(status) => return status,
    };
    if !cpu.kernel().registry.exists(&path) {
        return NtStatus::OBJECT_NAME_NOT_FOUND;
    }
    key.write(open_handle(cpu, path));
    NtStatus::SUCCESS
}

/// `ZwOpenKeyEx`.
pub(crate) fn open_ex(
    cpu: &Cpu,
    key: Ptr<usize>,
    access: u32,
    attributes: Ptr<ObjectAttributes>,
    _options: u32,
) -> NtStatus {
    open(cpu, key, access, attributes)
}

/// `ZwCreateKey`: one level only; the key above it must be there.
#[expect(clippy::too_many_arguments, reason = "the routine has as many")]
pub(crate) fn create(
    cpu: &Cpu,
    key: Ptr<usize>,
    _access: u32,
    attributes: Ptr<ObjectAttributes>,
    _title: u32,
    _class: Ptr<UnicodeString>,
    _options: u32,
    disposition: Ptr<u32>,
) -> NtStatus {
    let path = match path_named(cpu, attributes) {
        Ok(path) => path,
        Err(status) => return status,
    };
    let registry = &cpu.kernel().registry;
    let above = path.trim_end_matches('\\').rsplit_once('\\').map_or("", |(above, _)| above);
    if !registry.exists(&path) && !registry.exists(above) {
        return NtStatus::OBJECT_NAME_NOT_FOUND;
    }
    let made = registry.create(&path, cpu.kernel().clock.now());
    disposition.write_if_given(if made { CREATED } else { OPENED });
    key.write(open_handle(cpu, path));
    NtStatus::SUCCESS
}

/// `ZwDeleteKey`: one with keys below it stays.
pub(crate) fn delete(cpu: &Cpu, key: usize) -> NtStatus {
    match path_of(cpu, key) {
        Ok(path) if cpu.kernel().registry.delete(&path) => NtStatus::SUCCESS,
        Ok(_) => NtStatus::CANNOT_DELETE,
        Err(status) => status,
    }
}

/// `ZwFlushKey`.
pub(crate) fn flush(cpu: &Cpu, key: usize) -> NtStatus {
    path_of(cpu, key).err().unwrap_or(NtStatus::SUCCESS)
}

/// `IoOpenDriverRegistryKey`: the `Parameters` key of the driver's service.
pub(crate) fn open_of_driver(
    cpu: &Cpu,
    driver: Ptr<DriverObject>,
    kind: u32,
    _access: u32,
    flags: u32,
    key: Ptr<usize>,
) -> NtStatus {
    /// `DriverRegKeyParameters`
    const PARAMETERS: u32 = 0;
    let Some(owner) = cpu.driver().filter(|owner| owner.object() == driver.cast()) else {
        cpu.violation(Rule::InvalidParameter, format!("{driver:?} is not the driver's own driver object"));
        return NtStatus::INVALID_PARAMETER;
    };
    if kind != PARAMETERS || flags != 0 {
        return NtStatus::INVALID_PARAMETER;
    }
    let path = format!(r"{SERVICES}{}\Parameters", owner.service());
    // It is made if it is not there ("`IoOpenDriverRegistryKey` function (wdm.h)").
    cpu.kernel().registry.create(&path, cpu.kernel().clock.now());
    key.write(open_handle(cpu, path));
    NtStatus::SUCCESS
}

/// `KEY_INFORMATION_CLASS`
const BASIC: u32 = 0;
const NODE: u32 = 1;
const FULL: u32 = 2;
const NAME: u32 = 3;

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Bytes of a name.
fn name_bytes(name: &str) -> usize {
    2 * name.encode_utf16().count()
}

/// What a class tells of a key.
fn information(cpu: &Cpu, path: &str, class: u32) -> Result<Layout, NtStatus> {
    let facts = cpu.kernel().registry.facts(path).ok_or(NtStatus::KEY_DELETED)?;
    let mut layout = Layout::default();
    match class {
        BASIC => layout
            .wide(facts.written)
            .number(0)
            .number(number(name_bytes(&facts.name)))
            .fixed()
            .text(&facts.name),
        NODE => layout
            .wide(facts.written)
            .number(0)
            .number(u32::MAX)
            .number(0)
            .number(number(name_bytes(&facts.name)))
            .fixed()
            .text(&facts.name),
        FULL => {
            let longest = |lengths: &mut dyn Iterator<Item = usize>| number(lengths.max().unwrap_or(0));
            layout
                .wide(facts.written)
                .number(0)
                .number(u32::MAX)
                .number(0)
                .number(number(facts.children.len()))
                .number(longest(&mut facts.children.iter().map(|name| name_bytes(name))))
                .number(0)
                .number(number(facts.values.len()))
                .number(longest(&mut facts.values.iter().map(|value| name_bytes(&value.name))))
                .number(longest(&mut facts.values.iter().map(|value| value.data.len())))
                .fixed()
        }
        NAME => layout.number(number(name_bytes(path))).fixed().text(path),
        _ => return Err(NtStatus::INVALID_PARAMETER),
    };
    Ok(layout)
}

/// `ZwQueryKey`.
pub(crate) fn query(
    cpu: &Cpu,
    key: usize,
    class: u32,
    buffer: Ptr<u8>,
    bytes: u32,
    needed: Ptr<u32>,
) -> NtStatus {
    let layout = path_of(cpu, key).and_then(|path| information(cpu, &path, class));
    give(layout, buffer, bytes, needed)
}

/// `ZwEnumerateKey`.
pub(crate) fn enumerate(
    cpu: &Cpu,
    key: usize,
    index: u32,
    class: u32,
    buffer: Ptr<u8>,
    bytes: u32,
    needed: Ptr<u32>,
) -> NtStatus {
    let layout = path_of(cpu, key).and_then(|path| {
        let facts = cpu.kernel().registry.facts(&path).ok_or(NtStatus::KEY_DELETED)?;
        let child = facts.children.get(index as usize).ok_or(NtStatus::NO_MORE_ENTRIES)?;
        information(cpu, &format!("{path}\\{child}"), class)
    });
    give(layout, buffer, bytes, needed)
}
