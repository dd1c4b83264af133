//! What of the C library the kernel exports.

use super::debug_print::{Arguments, format_text};
use super::unicode::folded_text;
use super::{read_c_string, read_wide_string, zero_terminated};
use crate::abi::{Ptr, Shared};
use crate::ke::Cpu;

/// What comparisons return.
fn order(ordering: std::cmp::Ordering) -> i32 {
    ordering as i32
}

/// `wcslen`.
pub(crate) fn wcslen(_cpu: &Cpu, text: Ptr<u16>) -> usize {
    zero_terminated(text).len()
}

/// `wcsnlen`.
pub(crate) fn wcsnlen(_cpu: &Cpu, text: Ptr<u16>, limit: usize) -> usize {
    (0..limit).find(|index| text.offset(*index).read() == 0).unwrap_or(limit)
}

/// `strlen`.
pub(crate) fn strlen(_cpu: &Cpu, text: Ptr<u8>) -> usize {
    zero_terminated(text).len()
}

/// `wcscmp`.
pub(crate) fn wcscmp(_cpu: &Cpu, first: Ptr<u16>, second: Ptr<u16>) -> i32 {
    order(zero_terminated(first).cmp(&zero_terminated(second)))
}

/// `wcsncmp`.
pub(crate) fn wcsncmp(_cpu: &Cpu, first: Ptr<u16>, second: Ptr<u16>, limit: usize) -> i32 {
    let cut = |text| zero_terminated(text).into_iter().take(limit).collect::<Vec<_>>();
    order(cut(first).cmp(&cut(second)))
}

/// `strcmp`.
pub(crate) fn strcmp(_cpu: &Cpu, first: Ptr<u8>, second: Ptr<u8>) -> i32 {
    order(zero_terminated(first).cmp(&zero_terminated(second)))
}

/// `strncmp`.
pub(crate) fn strncmp(_cpu: &Cpu, first: Ptr<u8>, second: Ptr<u8>, limit: usize) -> i32 {
    let cut = |text| zero_terminated(text).into_iter().take(limit).collect::<Vec<_>>();
    order(cut(first).cmp(&cut(second)))
}

/// `_wcsicmp`.
pub(crate) fn wcsicmp(_cpu: &Cpu, first: Ptr<u16>, second: Ptr<u16>) -> i32 {
    order(folded_text(first).cmp(&folded_text(second)))
}

/// `_wcsnicmp`.
pub(crate) fn wcsnicmp(_cpu: &Cpu, first: Ptr<u16>, second: Ptr<u16>, limit: usize) -> i32 {
    let cut = |text| folded_text(text).chars().take(limit).collect::<String>();
    order(cut(first).cmp(&cut(second)))
}

/// `_stricmp`.
pub(crate) fn stricmp(_cpu: &Cpu, first: Ptr<u8>, second: Ptr<u8>) -> i32 {
    order(read_c_string(first).to_lowercase().cmp(&read_c_string(second).to_lowercase()))
}

/// `_strnicmp`.
pub(crate) fn strnicmp(_cpu: &Cpu, first: Ptr<u8>, second: Ptr<u8>, limit: usize) -> i32 {
    let cut = |text| read_c_string(text).to_lowercase().chars().take(limit).collect::<String>();
    order(cut(first).cmp(&cut(second)))
}

/// Where one text begins in another.
fn position<T: PartialEq>(text: &[T], part: &[T]) -> Option<usize> {
    if part.is_empty() { Some(0) } else { text.windows(part.len()).position(|window| window == part) }
}

/// `wcsstr`.
pub(crate) fn wcsstr(_cpu: &Cpu, text: Ptr<u16>, part: Ptr<u16>) -> Ptr {
    let found = position(&zero_terminated(text), &zero_terminated(part));
    found.map_or(Ptr::NULL, |index| text.offset(index).cast())
}

/// `strstr`.
pub(crate) fn strstr(_cpu: &Cpu, text: Ptr<u8>, part: Ptr<u8>) -> Ptr {
    let found = position(&zero_terminated(text), &zero_terminated(part));
    found.map_or(Ptr::NULL, |index| text.offset(index).cast())
}

/// `wcschr`; the terminator can be found, too.
pub(crate) fn wcschr(_cpu: &Cpu, text: Ptr<u16>, unit: u16) -> Ptr {
    let units = zero_terminated(text);
    let found = units.iter().chain([&0]).position(|other| *other == unit);
    found.map_or(Ptr::NULL, |index| text.offset(index).cast())
}

/// `wcsrchr`.
pub(crate) fn wcsrchr(_cpu: &Cpu, text: Ptr<u16>, unit: u16) -> Ptr {
    let mut units = zero_terminated(text);
    units.push(0);
    units.iter().rposition(|other| *other == unit).map_or(Ptr::NULL, |index| text.offset(index).cast())
}

/// `strchr`.
pub(crate) fn strchr(_cpu: &Cpu, text: Ptr<u8>, unit: u32) -> Ptr {
    let bytes = zero_terminated(text);
    let found = bytes.iter().chain([&0]).position(|other| u32::from(*other) == unit & 0xFF);
    found.map_or(Ptr::NULL, |index| text.offset(index).cast())
}

/// `wcscpy`.
pub(crate) fn wcscpy(_cpu: &Cpu, destination: Ptr<u16>, source: Ptr<u16>) -> Ptr {
    let mut units = zero_terminated(source);
    units.push(0);
    destination.write_slice(&units);
    destination.cast()
}

/// `wcsncpy`: padded with zeroes up to the limit, and without terminator at it.
pub(crate) fn wcsncpy(_cpu: &Cpu, destination: Ptr<u16>, source: Ptr<u16>, limit: usize) -> Ptr {
    let mut units = zero_terminated(source);
    units.resize(limit, 0);
    destination.write_slice(&units);
    destination.cast()
}

/// `towlower`, `towupper` for what is in ASCII, as the kernel's.
pub(crate) fn towlower(_cpu: &Cpu, unit: u16) -> u16 {
    u8::try_from(unit).map_or(unit, |byte| u16::from(byte.to_ascii_lowercase()))
}

/// See [`towlower`].
pub(crate) fn towupper(_cpu: &Cpu, unit: u16) -> u16 {
    u8::try_from(unit).map_or(unit, |byte| u16::from(byte.to_ascii_uppercase()))
}

/// What the functions that format into a buffer return: the length, or -1 if it was cut off.
fn finish<T: Copy + Default>(destination: Ptr<T>, room: usize, formatted: &[T]) -> i32 {
    let fits = formatted.len() < room;
    destination.write_slice(&formatted[..formatted.len().min(room)]);
    if fits {
        destination.offset(formatted.len()).write(T::default());
    }
    if formatted.len() <= room { i32::try_from(formatted.len()).unwrap_or(-1) } else { -1 }
}

/// `_vsnwprintf`, which `RtlStringCchPrintfW` and its relatives call.
pub(crate) fn vsnwprintf(
    _cpu: &Cpu,
    destination: Ptr<u16>,
    room: usize,
    format: Ptr<u16>,
    list: Ptr<usize>,
) -> i32 {
    let text = format_text(&read_wide_string(format), &mut Arguments::list(list), true);
    finish(destination, room, &text.encode_utf16().collect::<Vec<_>>())
}

/// `_snwprintf`, with as many arguments as drivers are likely to pass.
#[expect(
    clippy::too_many_arguments,
    reason = "the arguments of a variadic function, as far as they are supported"
)]
pub(crate) fn snwprintf(
    cpu: &Cpu,
    destination: Ptr<u16>,
    room: usize,
    format: Ptr<u16>,
    first: usize,
    second: usize,
    third: usize,
    fourth: usize,
    fifth: usize,
    sixth: usize,
) -> i32 {
    let list = Shared::new([first, second, third, fourth, fifth, sixth]);
    vsnwprintf(cpu, destination, room, format, list.ptr().cast())
}

/// `_vsnprintf`.
pub(crate) fn vsnprintf(
    _cpu: &Cpu,
    destination: Ptr<u8>,
    room: usize,
    format: Ptr<u8>,
    list: Ptr<usize>,
) -> i32 {
    let text = format_text(&read_c_string(format), &mut Arguments::list(list), false);
    finish(destination, room, text.as_bytes())
}
