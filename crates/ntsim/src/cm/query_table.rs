//! `RtlQueryRegistryValues` and the routines that take a path in the same form.

use super::keys::path_of;
use super::{SERVICES, Value};
use crate::abi::{Ptr, UnicodeString};
use crate::io::driver::status_of;
use crate::ke::{Cpu, cpu};
use crate::rtl;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// `RelativeTo`
mod relative_to {
    pub(super) const SERVICES: u32 = 1;
    pub(super) const CONTROL: u32 = 2;
    pub(super) const WINDOWS_NT: u32 = 3;
    pub(super) const HANDLE: u32 = 0x4000_0000;
    pub(super) const OPTIONAL: u32 = 0x8000_0000;
}

const CONTROL_PATH: &str = r"\Registry\Machine\System\CurrentControlSet\Control\";
const WINDOWS_NT_PATH: &str = r"\Registry\Machine\Software\Microsoft\Windows NT\CurrentVersion\";

/// `RTL_QUERY_REGISTRY_TABLE.Flags`
mod flags {
    pub(super) const SUBKEY: u32 = 0x01;
    pub(super) const TOPKEY: u32 = 0x02;
    pub(super) const REQUIRED: u32 = 0x04;
    pub(super) const NOVALUE: u32 = 0x08;
    pub(super) const DIRECT: u32 = 0x20;
    pub(super) const DELETE: u32 = 0x40;
}

/// `REG_*`
const REG_NONE: u32 = 0;
const REG_SZ: u32 = 1;
const REG_EXPAND_SZ: u32 = 2;
const REG_MULTI_SZ: u32 = 7;

/// `RTL_QUERY_REGISTRY_TABLE`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Row {
    routine: Ptr,
    flags: u32,
    name: Ptr<u16>,
    context: Ptr,
    default_type: u32,
    default_data: Ptr<u8>,
    default_length: u32,
}

const _: () = assert!(size_of::<Row>() == 56);

/// The key that a path in that form means.
fn resolve(cpu: &Cpu, relative: u32, path: Ptr<u16>) -> Result<String, NtStatus> {
    let kind = relative & !relative_to::OPTIONAL;
    if kind == relative_to::HANDLE {
        return path_of(cpu, path.address());
    }
    let path = rtl::read_wide_string(path);
    let base = match kind {
        0 => "",
        relative_to::SERVICES => SERVICES,
        relative_to::CONTROL => CONTROL_PATH,
        relative_to::WINDOWS_NT => WINDOWS_NT_PATH,
        _ => return Err(NtStatus::INVALID_PARAMETER),
    };
    Ok(format!("{base}{path}"))
}

/// Calls a row's routine for a value.
fn call(row: &Row, context: usize, name: &str, kind: u32, data: &[u8]) -> NtStatus {
    let name: Vec<u16> = name.encode_utf16().chain([0]).collect();
    let data_at = if data.is_empty() { 0 } else { Ptr::of(data.as_ptr()).address() };
    let arguments = [
        Ptr::of(name.as_ptr()).address(),
        kind as usize,
        data_at,
        data.len(),
        context,
        row.context.address(),
    ];
    status_of(cpu::invoke(row.routine, &arguments))
}

/// Stores a value where a row says, without a routine.
fn store(cpu: &Cpu, row: &Row, kind: u32, data: &[u8]) -> NtStatus {
    if matches!(kind, REG_SZ | REG_EXPAND_SZ | REG_MULTI_SZ) {
        let mut units: Vec<u16> =
            data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        while kind != REG_MULTI_SZ && units.last() == Some(&0) {
            units.pop();
        }
        let string = row.context.cast::<UnicodeString>();
        if string.read().buffer.is_null() {
            return rtl::unicode::give(cpu, string, &units);
        }
        return if rtl::store_in(string, &units) { NtStatus::SUCCESS } else { NtStatus::BUFFER_TOO_SMALL };
    }
    if data.len() <= size_of::<u32>() {
        row.context.cast::<u8>().write_slice(data);
        return NtStatus::SUCCESS;
    }
    // What is longer needs a buffer whose length its first word says, negative.
    let room = row.context.cast::<i32>().read();
    match usize::try_from(room.unsigned_abs()) {
        Ok(room) if room >= data.len() => {
            row.context.cast::<u8>().write_slice(data);
            NtStatus::SUCCESS
        }
        _ => NtStatus::BUFFER_TOO_SMALL,
    }
}

/// Deals with one value, or with none where a row has a default or demands it.
fn answer(cpu: &Cpu, row: &Row, context: usize, name: &str, value: Option<&Value>) -> NtStatus {
    let (kind, data) = match value {
        Some(value) => (value.kind, value.data.clone()),
        None if row.flags & flags::REQUIRED != 0 => return NtStatus::OBJECT_NAME_NOT_FOUND,
        None if row.default_type != REG_NONE && !row.default_data.is_null() => {
            (row.default_type, row.default_data.read_slice(row.default_length as usize))
        }
        None => return NtStatus::SUCCESS,
    };
    if row.flags & flags::DIRECT != 0 {
        store(cpu, row, kind, &data)
    } else {
        call(row, context, name, kind, &data)
    }
}

/// `RtlQueryRegistryValues`.
pub(crate) fn query(
    cpu: &Cpu,
    relative: u32,
    path: Ptr<u16>,
    table: Ptr<Row>,
    context: usize,
    _environment: Ptr,
) -> NtStatus {
    let registry = &cpu.kernel().registry;
    let top = match resolve(cpu, relative, path) {
        Ok(top) => top,
        Err(status) => return status,
    };
    if !registry.exists(&top) && relative & relative_to::OPTIONAL == 0 {
        return NtStatus::OBJECT_NAME_NOT_FOUND;
    }
    let mut key = top.clone();
    let rows = (0..).map(|index| table.offset(index).read());
    for row in
        rows.take_while(|row| !row.routine.is_null() || row.flags & (flags::SUBKEY | flags::DIRECT) != 0)
    {
        if row.flags & flags::DIRECT != 0 && (row.name.is_null() || row.flags & flags::SUBKEY != 0) {
            cpu.violation(Rule::InvalidParameter, "RTL_QUERY_REGISTRY_DIRECT needs the name of a value");
            return NtStatus::INVALID_PARAMETER;
        }
        let name = row.name.non_null().map(rtl::read_wide_string);
        if row.flags & (flags::SUBKEY | flags::TOPKEY) != 0 {
            key.clone_from(&top);
        }
        let status = match (&name, row.flags & flags::SUBKEY != 0) {
            (Some(name), true) => {
                key = format!("{top}\\{name}");
                let missing = !registry.exists(&key) && row.flags & flags::REQUIRED != 0;
                if missing { NtStatus::OBJECT_NAME_NOT_FOUND } else { NtStatus::SUCCESS }
            }
            _ if row.flags & flags::NOVALUE != 0 => call(&row, context, "", REG_NONE, &[]),
            (Some(name), false) => {
                let value = registry.value(&key, name);
                let status = answer(cpu, &row, context, name, value.as_ref());
                if status.is_success() && row.flags & flags::DELETE != 0 && value.is_some() {
                    registry.delete_value(&key, name, cpu.kernel().clock.now());
                }
                status
            }
            (None, _) => {
                let values = registry.facts(&key).map(|facts| facts.values).unwrap_or_default();
                let ended = values.iter().map(|value| answer(cpu, &row, context, &value.name, Some(value)));
                ended.into_iter().find(|status| !status.is_success()).unwrap_or(NtStatus::SUCCESS)
            }
        };
        if !status.is_success() {
            return status;
        }
    }
    NtStatus::SUCCESS
}

/// `RtlCheckRegistryKey`.
pub(crate) fn check(cpu: &Cpu, relative: u32, path: Ptr<u16>) -> NtStatus {
    match resolve(cpu, relative, path) {
        Ok(path) if cpu.kernel().registry.exists(&path) => NtStatus::SUCCESS,
        Ok(_) => NtStatus::OBJECT_NAME_NOT_FOUND,
        Err(status) => status,
    }
}

/// `RtlCreateRegistryKey`.
pub(crate) fn create(cpu: &Cpu, relative: u32, path: Ptr<u16>) -> NtStatus {
    let path = match resolve(cpu, relative, path) {
        Ok(path) => path,
        Err(status) => return status,
    };
    cpu.kernel().registry.create(&path, cpu.kernel().clock.now());
    NtStatus::SUCCESS
}

/// `RtlWriteRegistryValue`.
pub(crate) fn write(
    cpu: &Cpu,
    relative: u32,
    path: Ptr<u16>,
    name: Ptr<u16>,
    kind: u32,
    data: Ptr<u8>,
    bytes: u32,
) -> NtStatus {
    let path = match resolve(cpu, relative, path) {
        Ok(path) => path,
        Err(status) => return status,
    };
    let value = Value { name: rtl::read_wide_string(name), kind, data: data.read_slice(bytes as usize) };
    let set = cpu.kernel().registry.set(&path, value, cpu.kernel().clock.now());
    if set { NtStatus::SUCCESS } else { NtStatus::OBJECT_NAME_NOT_FOUND }
}

/// `RtlDeleteRegistryValue`.
pub(crate) fn delete(cpu: &Cpu, relative: u32, path: Ptr<u16>, name: Ptr<u16>) -> NtStatus {
    let path = match resolve(cpu, relative, path) {
        Ok(path) => path,
        Err(status) => return status,
    };
    let name = rtl::read_wide_string(name);
    let deleted = cpu.kernel().registry.delete_value(&path, &name, cpu.kernel().clock.now());
    if deleted { NtStatus::SUCCESS } else { NtStatus::OBJECT_NAME_NOT_FOUND }
}
