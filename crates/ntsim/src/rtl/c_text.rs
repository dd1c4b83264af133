//! More of the C library: texts that are copied and joined, characters, numbers.

use super::{read_c_string, read_wide_string, zero_terminated};
use crate::abi::Ptr;
use crate::ke::Cpu;

/// Appends units to a text, and the terminator.
fn append<T: Copy + Default + PartialEq>(destination: Ptr<T>, mut units: Vec<T>) -> Ptr {
    units.push(T::default());
    destination.offset(zero_terminated(destination).len()).write_slice(&units);
    destination.cast()
}

/// At most so many units of a text.
fn first<T: Copy + Default + PartialEq>(source: Ptr<T>, limit: usize) -> Vec<T> {
    (0..limit).map(|index| source.offset(index).read()).take_while(|unit| *unit != T::default()).collect()
}

/// `strcat`.
pub(crate) fn strcat(_cpu: &Cpu, destination: Ptr<u8>, source: Ptr<u8>) -> Ptr {
    append(destination, zero_terminated(source))
}

/// `strncat`.
pub(crate) fn strncat(_cpu: &Cpu, destination: Ptr<u8>, source: Ptr<u8>, limit: usize) -> Ptr {
    append(destination, first(source, limit))
}

/// `wcscat`.
pub(crate) fn wcscat(_cpu: &Cpu, destination: Ptr<u16>, source: Ptr<u16>) -> Ptr {
    append(destination, zero_terminated(source))
}

/// `wcsncat`.
pub(crate) fn wcsncat(_cpu: &Cpu, destination: Ptr<u16>, source: Ptr<u16>, limit: usize) -> Ptr {
    append(destination, first(source, limit))
}

/// `strcpy`.
pub(crate) fn strcpy(_cpu: &Cpu, destination: Ptr<u8>, source: Ptr<u8>) -> Ptr {
    let mut bytes = zero_terminated(source);
    bytes.push(0);
    destination.write_slice(&bytes);
    destination.cast()
}

/// `strncpy`: padded with zeroes up to the limit, and without terminator at it.
pub(crate) fn strncpy(_cpu: &Cpu, destination: Ptr<u8>, source: Ptr<u8>, limit: usize) -> Ptr {
    let mut bytes = first(source, limit);
    bytes.resize(limit, 0);
    destination.write_slice(&bytes);
    destination.cast()
}

/// `strrchr`; the terminator can be found, too.
pub(crate) fn strrchr(_cpu: &Cpu, text: Ptr<u8>, unit: u32) -> Ptr {
    let mut bytes = zero_terminated(text);
    bytes.push(0);
    let found = bytes.iter().rposition(|other| u32::from(*other) == unit & 0xFF);
    found.map_or(Ptr::NULL, |index| text.offset(index).cast())
}

/// The number of units of a text before the first that is in, or is not in, a set.
fn span(text: Ptr<u16>, set: Ptr<u16>, wanted: bool) -> usize {
    let set = zero_terminated(set);
    zero_terminated(text).iter().take_while(|unit| set.contains(unit) == wanted).count()
}

/// `wcsspn`.
pub(crate) fn wcsspn(_cpu: &Cpu, text: Ptr<u16>, set: Ptr<u16>) -> usize {
    span(text, set, true)
}

/// `wcscspn`.
pub(crate) fn wcscspn(_cpu: &Cpu, text: Ptr<u16>, set: Ptr<u16>) -> usize {
    span(text, set, false)
}

/// A number at the beginning of a text, with what precedes it that may.
fn number(text: &str) -> i32 {
    let text = text.trim_start_matches([' ', '\t', '\n', '\x0B', '\x0C', '\r']);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let value = digits
        .bytes()
        .take_while(u8::is_ascii_digit)
        .fold(0i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    let value = if negative { -value } else { value };
    // Beyond what fits it stays at the end of the range (the page on `atoi`).
    i32::try_from(value).unwrap_or(if negative { i32::MIN } else { i32::MAX })
}

/// `atoi`.
pub(crate) fn atoi(_cpu: &Cpu, text: Ptr<u8>) -> i32 {
    number(&read_c_string(text))
}

/// `_wtoi`.
pub(crate) fn wtoi(_cpu: &Cpu, text: Ptr<u16>) -> i32 {
    number(&read_wide_string(text))
}

/// The character that a C library's function is asked about, if it is one.
fn ascii(unit: u32) -> Option<u8> {
    u8::try_from(unit).ok().filter(u8::is_ascii)
}

/// `tolower`.
pub(crate) fn tolower(_cpu: &Cpu, unit: u32) -> u32 {
    ascii(unit).map_or(unit, |byte| u32::from(byte.to_ascii_lowercase()))
}

/// `toupper`.
pub(crate) fn toupper(_cpu: &Cpu, unit: u32) -> u32 {
    ascii(unit).map_or(unit, |byte| u32::from(byte.to_ascii_uppercase()))
}

/// `isdigit`, `isspace` and their relatives.
pub(crate) fn is_digit(_cpu: &Cpu, unit: u32) -> u32 {
    u32::from(ascii(unit).is_some_and(|byte| byte.is_ascii_digit()))
}

/// See [`is_digit`].
pub(crate) fn is_xdigit(_cpu: &Cpu, unit: u32) -> u32 {
    u32::from(ascii(unit).is_some_and(|byte| byte.is_ascii_hexdigit()))
}

/// See [`is_digit`].
pub(crate) fn is_space(_cpu: &Cpu, unit: u32) -> u32 {
    u32::from(ascii(unit).is_some_and(|byte| matches!(byte, b' ' | b'\t'..=b'\r')))
}

/// See [`is_digit`].
pub(crate) fn is_upper(_cpu: &Cpu, unit: u32) -> u32 {
    u32::from(ascii(unit).is_some_and(|byte| byte.is_ascii_uppercase()))
}

/// See [`is_digit`].
pub(crate) fn is_lower(_cpu: &Cpu, unit: u32) -> u32 {
    u32::from(ascii(unit).is_some_and(|byte| byte.is_ascii_lowercase()))
}
