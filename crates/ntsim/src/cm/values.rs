//! Values of keys.

use super::Value;
use super::keys::path_of;
use crate::abi::{Ptr, UnicodeString};
use crate::ke::Cpu;
use crate::rtl;
use crate::status::NtStatus;

/// `KEY_VALUE_INFORMATION_CLASS`
const BASIC: u32 = 0;
const FULL: u32 = 1;
const PARTIAL: u32 = 2;
const PARTIAL_ALIGN64: u32 = 4;
/// Bytes of a `KEY_VALUE_FULL_INFORMATION` before the name.
const FULL_BYTES: usize = 20;

/// A structure whose beginning must fit in a buffer, while the rest may be cut off.
#[derive(Default)]
pub(super) struct Layout {
    bytes: Vec<u8>,
    fixed: usize,
}

impl Layout {
    pub(super) fn number(&mut self, value: u32) -> &mut Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    pub(super) fn wide(&mut self, value: u64) -> &mut Self {
        self.bytes.extend(value.to_le_bytes());
        self
    }

    /// What is there so far must fit.
    pub(super) fn fixed(&mut self) -> &mut Self {
        self.fixed = self.bytes.len();
        self
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        self
    }

    fn data(&mut self, data: &[u8]) -> &mut Self {
        self.bytes.extend(data);
        self
    }
}

/// Stores as much as fits, and says how much there is.
pub(super) fn give(
    layout: Result<Layout, NtStatus>,
    buffer: Ptr<u8>,
    room: u32,
    needed: Ptr<u32>,
) -> NtStatus {
    let layout = match layout {
        Ok(layout) => layout,
        Err(status) => return status,
    };
    needed.write(u32::try_from(layout.bytes.len()).unwrap_or(u32::MAX));
    let room = room as usize;
    if room < layout.fixed {
        return NtStatus::BUFFER_TOO_SMALL;
    }
    buffer.write_slice(&layout.bytes[..layout.bytes.len().min(room)]);
    if room < layout.bytes.len() { NtStatus::BUFFER_OVERFLOW } else { NtStatus::SUCCESS }
}

fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn information(value: &Value, class: u32) -> Result<Layout, NtStatus> {
    let name_bytes = 2 * value.name.encode_utf16().count();
    let data_bytes = length(value.data.len());
    let mut layout = Layout::default();
    match class {
        BASIC => layout.number(0).number(value.kind).number(length(name_bytes)).fixed().text(&value.name),
        FULL => {
            let offset = (FULL_BYTES + name_bytes).next_multiple_of(8);
            let padding = vec![0; offset - FULL_BYTES - name_bytes];
            layout
                .number(0)
                .number(value.kind)
                .number(length(offset))
                .number(data_bytes)
                .number(length(name_bytes))
                .fixed()
                .text(&value.name)
                .data(&padding)
                .data(&value.data)
        }
        PARTIAL => layout.number(0).number(value.kind).number(data_bytes).fixed().data(&value.data),
        PARTIAL_ALIGN64 => layout.number(value.kind).number(data_bytes).fixed().data(&value.data),
        _ => return Err(NtStatus::INVALID_PARAMETER),
    };
    Ok(layout)
}

/// `ZwQueryValueKey`.
pub(crate) fn query(
    cpu: &Cpu,
    key: usize,
    name: Ptr<UnicodeString>,
    class: u32,
    buffer: Ptr<u8>,
    bytes: u32,
    needed: Ptr<u32>,
) -> NtStatus {
    let name = rtl::read_unicode_string(name);
    let layout = path_of(cpu, key).and_then(|path| {
        let value = cpu.kernel().registry.value(&path, &name).ok_or(NtStatus::OBJECT_NAME_NOT_FOUND)?;
        information(&value, class)
    });
    give(layout, buffer, bytes, needed)
}

/// `ZwEnumerateValueKey`.
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
        let value = facts.values.get(index as usize).ok_or(NtStatus::NO_MORE_ENTRIES)?;
        information(value, class)
    });
    give(layout, buffer, bytes, needed)
}

/// `ZwSetValueKey`.
pub(crate) fn set(
    cpu: &Cpu,
    key: usize,
    name: Ptr<UnicodeString>,
    _title: u32,
    kind: u32,
    data: Ptr<u8>,
    bytes: u32,
) -> NtStatus {
    let path = match path_of(cpu, key) {
        Ok(path) => path,
        Err(status) => return status,
    };
    let value = Value { name: rtl::read_unicode_string(name), kind, data: data.read_slice(bytes as usize) };
    cpu.kernel().registry.set(&path, value, cpu.kernel().clock.now());
    NtStatus::SUCCESS
}

/// `ZwDeleteValueKey`.
pub(crate) fn delete(cpu: &Cpu, key: usize, name: Ptr<UnicodeString>) -> NtStatus {
    let name = rtl::read_unicode_string(name);
    match path_of(cpu, key) {
        Ok(path) if cpu.kernel().registry.delete_value(&path, &name, cpu.kernel().clock.now()) => {
            NtStatus::SUCCESS
        }
        Ok(_) => NtStatus::OBJECT_NAME_NOT_FOUND,
        Err(status) => status,
    }
}
