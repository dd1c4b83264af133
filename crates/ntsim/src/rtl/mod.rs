//! Run-time library: strings.

pub(crate) mod bitmap;
pub(crate) mod c_library;
pub(crate) mod c_sort;
pub(crate) mod c_text;
pub(crate) mod debug_break;
pub(crate) mod debug_print;
pub(crate) mod exception;
pub(crate) mod generic_table;
pub(crate) mod memory;
pub(crate) mod multibyte;
pub(crate) mod random;
pub(crate) mod time_fields;
pub(crate) mod unicode;

use crate::abi::{Ptr, UnicodeString};
use crate::ke::Cpu;
use crate::verifier::Rule;

/// The longest string that a `UNICODE_STRING` describes with its terminator, in bytes.
const MAX_STRING_BYTES: usize = 0xFFFC;

/// More units than any text of a driver has; past them its terminator is surely missing.
const MAX_TEXT_UNITS: usize = 1 << 16;

/// `RtlInitUnicodeString`.
pub(crate) fn init_unicode_string(cpu: &Cpu, destination: Ptr<UnicodeString>, source: Ptr<u16>) {
    let bytes = source.non_null().map_or(0, |source| zero_terminated(source).len() * 2);
    if bytes > MAX_STRING_BYTES {
        cpu.violation(Rule::InvalidParameter, format!("makes a UNICODE_STRING of {bytes} bytes"));
    }
    let bytes = u16::try_from(bytes.min(MAX_STRING_BYTES)).expect("limited in the line above");
    let maximum_length = if source.is_null() { 0 } else { bytes + 2 };
    destination.write(UnicodeString { length: bytes, maximum_length, buffer: source });
}

fn zero_terminated<T: Copy + Default + PartialEq>(source: Ptr<T>) -> Vec<T> {
    (0..MAX_TEXT_UNITS)
        .map(|index| source.offset(index).read())
        .take_while(|unit| *unit != T::default())
        .collect()
}

/// The text of a driver's `UNICODE_STRING`, empty for NULL.
pub(crate) fn read_unicode_string(string: Ptr<UnicodeString>) -> String {
    let Some(string) = string.non_null() else { return String::new() };
    let string = string.read();
    String::from_utf16_lossy(&string.buffer.read_slice(usize::from(string.length / 2)))
}

/// The text of a driver's zero-terminated string of bytes, empty for NULL.
pub(crate) fn read_c_string(string: Ptr<u8>) -> String {
    let Some(string) = string.non_null() else { return String::new() };
    String::from_utf8_lossy(&zero_terminated(string)).into_owned()
}

/// The text of a driver's zero-terminated wide string, empty for NULL.
pub(crate) fn read_wide_string(string: Ptr<u16>) -> String {
    let Some(string) = string.non_null() else { return String::new() };
    String::from_utf16_lossy(&zero_terminated(string))
}

/// Stores units in the buffer of a driver's `UNICODE_STRING`, if it has room for them; returns whether it had.
pub(crate) fn store_in(string: Ptr<UnicodeString>, units: &[u16]) -> bool {
    let mut value = string.read();
    let bytes = size_of_val(units);
    if usize::from(value.maximum_length) < bytes {
        return false;
    }
    value.buffer.write_slice(units);
    value.length = u16::try_from(bytes).expect("it fits the maximum length, which is a u16");
    string.write(value);
    true
}
