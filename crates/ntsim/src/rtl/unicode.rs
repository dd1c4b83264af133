//! Counted strings: `UNICODE_STRING`, and `STRING` with its bytes.

use super::multibyte::{to_byte, to_unit};
use super::{MAX_STRING_BYTES, read_wide_string, zero_terminated};
use crate::abi::{Guid, Ptr, UnicodeString};
use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::verifier::Rule;

/// Tags of the strings that the system allocates for drivers.
const STRING_TAG: [u8; 4] = *b"Strg";

/// The units of a driver's string.
pub(super) fn units(string: Ptr<UnicodeString>) -> Vec<u16> {
    let string = string.read();
    string.buffer.read_slice(usize::from(string.length / 2))
}

/// One unit in upper case, as file names are compared.
pub(crate) fn upcase(unit: u16) -> u16 {
    fold(unit, |character| {
        let mut folded = character.to_uppercase();
        (folded.next(), folded.next())
    })
}

fn downcase(unit: u16) -> u16 {
    fold(unit, |character| {
        let mut folded = character.to_lowercase();
        (folded.next(), folded.next())
    })
}

/// Only what stays one unit is changed.
fn fold(unit: u16, fold: impl Fn(char) -> (Option<char>, Option<char>)) -> u16 {
    let Some(character) = char::from_u32(u32::from(unit)) else { return unit };
    match fold(character) {
        (Some(folded), None) => u16::try_from(u32::from(folded)).unwrap_or(unit),
        _ => unit,
    }
}

fn folded(string: Ptr<UnicodeString>, ignore_case: u8) -> Vec<u16> {
    let mut units = units(string);
    if ignore_case != 0 {
        for unit in &mut units {
            *unit = upcase(*unit);
        }
    }
    units
}

/// `RtlCompareUnicodeString`: as units, shorter first.
pub(crate) fn compare(
    _cpu: &Cpu,
    first: Ptr<UnicodeString>,
    second: Ptr<UnicodeString>,
    ignore_case: u8,
) -> i32 {
    let (first, second) = (folded(first, ignore_case), folded(second, ignore_case));
    let different = first.iter().zip(&second).find(|(first, second)| first != second);
    match different {
        Some((first, second)) => i32::from(*first) - i32::from(*second),
        None => i32::try_from(first.len()).unwrap_or(0) - i32::try_from(second.len()).unwrap_or(0),
    }
}

/// `RtlEqualUnicodeString`.
pub(crate) fn equal(cpu: &Cpu, first: Ptr<UnicodeString>, second: Ptr<UnicodeString>, ignore_case: u8) -> u8 {
    u8::from(compare(cpu, first, second, ignore_case) == 0)
}

/// `RtlPrefixUnicodeString`.
pub(crate) fn prefix(
    _cpu: &Cpu,
    prefix: Ptr<UnicodeString>,
    string: Ptr<UnicodeString>,
    ignore_case: u8,
) -> u8 {
    u8::from(folded(string, ignore_case).starts_with(&folded(prefix, ignore_case)))
}

/// `RtlSuffixUnicodeString`.
pub(crate) fn suffix(
    _cpu: &Cpu,
    suffix: Ptr<UnicodeString>,
    string: Ptr<UnicodeString>,
    ignore_case: u8,
) -> u8 {
    u8::from(folded(string, ignore_case).ends_with(&folded(suffix, ignore_case)))
}

fn length(units: &[u16]) -> u16 {
    u16::try_from(size_of_val(units).min(MAX_STRING_BYTES)).unwrap_or(0)
}

/// `RtlCopyUnicodeString`: as much as fits.
pub(crate) fn copy(_cpu: &Cpu, destination: Ptr<UnicodeString>, source: Ptr<UnicodeString>) {
    let mut value = destination.read();
    let mut copied = source.non_null().map(units).unwrap_or_default();
    copied.truncate(usize::from(value.maximum_length / 2));
    value.buffer.write_slice(&copied);
    value.length = length(&copied);
    if value.length < value.maximum_length.saturating_sub(1) {
        value.buffer.offset(copied.len()).write(0);
    }
    destination.write(value);
}

fn append_units(destination: Ptr<UnicodeString>, more: &[u16]) -> NtStatus {
    let mut value = destination.read();
    let total = usize::from(value.length) + size_of_val(more);
    if total > usize::from(value.maximum_length) {
        return NtStatus::BUFFER_TOO_SMALL;
    }
    let end = value.buffer.offset(usize::from(value.length / 2));
    end.write_slice(more);
    value.length = u16::try_from(total).unwrap_or(0);
    if total + 2 <= usize::from(value.maximum_length) {
        end.offset(more.len()).write(0);
    }
    destination.write(value);
    NtStatus::SUCCESS
}

/// `RtlAppendUnicodeStringToString`.
pub(crate) fn append_string(
    _cpu: &Cpu,
    destination: Ptr<UnicodeString>,
    source: Ptr<UnicodeString>,
) -> NtStatus {
    append_units(destination, &units(source))
}

/// `RtlAppendUnicodeToString`.
pub(crate) fn append(_cpu: &Cpu, destination: Ptr<UnicodeString>, source: Ptr<u16>) -> NtStatus {
    append_units(destination, &source.non_null().map(zero_terminated).unwrap_or_default())
}

/// `RtlUpcaseUnicodeChar`.
pub(crate) fn upcase_char(_cpu: &Cpu, unit: u16) -> u16 {
    upcase(unit)
}

/// `RtlDowncaseUnicodeChar`.
pub(crate) fn downcase_char(_cpu: &Cpu, unit: u16) -> u16 {
    downcase(unit)
}

/// A string that the driver frees (`RtlFreeUnicodeString`), with its terminator.
fn allocated(cpu: &Cpu, units: &[u16]) -> UnicodeString {
    let bytes = size_of_val(units);
    let buffer: Ptr<u16> = cpu.kernel().pool.allocate_for_driver(cpu, bytes + 2, STRING_TAG);
    buffer.write_slice(units);
    buffer.offset(units.len()).write(0);
    UnicodeString { length: length(units), maximum_length: length(units) + 2, buffer }
}

/// Gives a driver a string that it must free.
pub(crate) fn give(cpu: &Cpu, destination: Ptr<UnicodeString>, units: &[u16]) -> NtStatus {
    destination.write(allocated(cpu, units));
    NtStatus::SUCCESS
}

/// Stores units where a driver wants them: in a string that is allocated, or in its buffer.
fn store(cpu: &Cpu, destination: Ptr<UnicodeString>, units: &[u16], allocate: u8) -> NtStatus {
    if allocate != 0 {
        destination.write(allocated(cpu, units));
        return NtStatus::SUCCESS;
    }
    if super::store_in(destination, units) { NtStatus::SUCCESS } else { NtStatus::BUFFER_OVERFLOW }
}

/// `RtlUpcaseUnicodeString`.
pub(crate) fn upcase_string(
    cpu: &Cpu,
    destination: Ptr<UnicodeString>,
    source: Ptr<UnicodeString>,
    allocate: u8,
) -> NtStatus {
    store(cpu, destination, &folded(source, 1), allocate)
}

/// `RtlDowncaseUnicodeString`.
pub(crate) fn downcase_string(
    cpu: &Cpu,
    destination: Ptr<UnicodeString>,
    source: Ptr<UnicodeString>,
    allocate: u8,
) -> NtStatus {
    let lower: Vec<u16> = units(source).into_iter().map(downcase).collect();
    store(cpu, destination, &lower, allocate)
}

/// `RtlCreateUnicodeString`.
pub(crate) fn create(cpu: &Cpu, destination: Ptr<UnicodeString>, source: Ptr<u16>) -> u8 {
    destination.write(allocated(cpu, &zero_terminated(source)));
    1
}

/// `RtlDuplicateUnicodeString`.
pub(crate) fn duplicate(
    cpu: &Cpu,
    _flags: u32,
    source: Ptr<UnicodeString>,
    destination: Ptr<UnicodeString>,
) -> NtStatus {
    destination.write(allocated(cpu, &units(source)));
    NtStatus::SUCCESS
}

/// `RtlFreeUnicodeString`, `RtlFreeAnsiString`, which have the same layout.
pub(crate) fn free(cpu: &Cpu, string: Ptr<UnicodeString>) {
    let buffer = string.read().buffer;
    if !buffer.is_null() {
        crate::ex::pool_legacy::free(cpu, buffer.cast());
    }
    string.write(UnicodeString { length: 0, maximum_length: 0, buffer: Ptr::NULL });
}

/// `RtlInitAnsiString`, `RtlInitString`.
pub(crate) fn init_ansi(_cpu: &Cpu, destination: Ptr<UnicodeString>, source: Ptr<u8>) {
    let bytes = source.non_null().map_or(0, |source| zero_terminated(source).len());
    let length = u16::try_from(bytes).unwrap_or(u16::MAX - 1);
    let maximum_length = if source.is_null() { 0 } else { length + 1 };
    destination.write(UnicodeString { length, maximum_length, buffer: source.cast() });
}

/// `RtlAnsiStringToUnicodeString`.
pub(crate) fn from_ansi(
    cpu: &Cpu,
    destination: Ptr<UnicodeString>,
    source: Ptr<UnicodeString>,
    allocate: u8,
) -> NtStatus {
    let source = source.read();
    let bytes = source.buffer.cast::<u8>().read_slice(usize::from(source.length));
    let units: Vec<u16> = bytes.into_iter().map(to_unit).collect();
    store(cpu, destination, &units, allocate)
}

/// `RtlUnicodeStringToAnsiString`: what the code page does not have becomes a question mark.
pub(crate) fn to_ansi(
    cpu: &Cpu,
    destination: Ptr<UnicodeString>,
    source: Ptr<UnicodeString>,
    allocate: u8,
) -> NtStatus {
    let bytes: Vec<u8> = units(source).into_iter().map(to_byte).collect();
    let length = u16::try_from(bytes.len()).unwrap_or(0);
    let mut value = destination.read();
    if allocate != 0 {
        value.buffer = cpu.kernel().pool.allocate_for_driver(cpu, bytes.len() + 1, STRING_TAG);
        value.maximum_length = length + 1;
    } else if usize::from(value.maximum_length) <= bytes.len() {
        return NtStatus::BUFFER_OVERFLOW;
    }
    value.buffer.cast::<u8>().write_slice(&bytes);
    value.buffer.cast::<u8>().offset(bytes.len()).write(0);
    value.length = length;
    destination.write(value);
    NtStatus::SUCCESS
}

/// `RtlIntegerToUnicodeString`.
pub(crate) fn from_integer(cpu: &Cpu, value: u32, base: u32, destination: Ptr<UnicodeString>) -> NtStatus {
    let text = match base {
        0 | 10 => format!("{value}"),
        2 => format!("{value:b}"),
        8 => format!("{value:o}"),
        16 => format!("{value:X}"),
        _ => {
            cpu.violation(Rule::InvalidParameter, format!("{base} is no base of a number"));
            return NtStatus::INVALID_PARAMETER;
        }
    };
    append_to_empty(destination, &text)
}

fn append_to_empty(destination: Ptr<UnicodeString>, text: &str) -> NtStatus {
    let units: Vec<u16> = text.encode_utf16().collect();
    if super::store_in(destination, &units) { NtStatus::SUCCESS } else { NtStatus::BUFFER_OVERFLOW }
}

/// `RtlUnicodeStringToInteger`.
pub(crate) fn to_integer(_cpu: &Cpu, string: Ptr<UnicodeString>, base: u32, value: Ptr<u32>) -> NtStatus {
    let text = super::read_unicode_string(string);
    let text = text.trim_start();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, digits) = match (base, digits.get(..2)) {
        (0, Some("0x")) => (16, &digits[2..]),
        (0, Some("0o")) => (8, &digits[2..]),
        (0, Some("0b")) => (2, &digits[2..]),
        (0, _) => (10, digits),
        (2 | 8 | 10 | 16, _) => (base, digits),
        _ => return NtStatus::INVALID_PARAMETER,
    };
    let end = digits.find(|digit: char| !digit.is_digit(base)).unwrap_or(digits.len());
    let number = digits[..end]
        .chars()
        .filter_map(|digit| digit.to_digit(base))
        .fold(0u32, |number, digit| number.wrapping_mul(base).wrapping_add(digit));
    value.write(if negative { number.wrapping_neg() } else { number });
    NtStatus::SUCCESS
}

/// `RtlStringFromGUID`.
pub(crate) fn from_guid(cpu: &Cpu, guid: Ptr<Guid>, destination: Ptr<UnicodeString>) -> NtStatus {
    let Guid { data1: first, data2: second, data3: third, data4: rest } = guid.read();
    let rest = u64::from_be_bytes(rest);
    let (clock, node) = (rest >> 48, rest & 0xFFFF_FFFF_FFFF);
    let text = format!("{{{first:08X}-{second:04X}-{third:04X}-{clock:04X}-{node:012X}}}");
    destination.write(allocated(cpu, &text.encode_utf16().collect::<Vec<_>>()));
    NtStatus::SUCCESS
}

/// `RtlGUIDFromString`.
pub(crate) fn to_guid(_cpu: &Cpu, string: Ptr<UnicodeString>, guid: Ptr<Guid>) -> NtStatus {
    let text = super::read_unicode_string(string);
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let shape = text.len() == 38 && text.starts_with('{') && text.ends_with('}') && digits.len() == 32;
    let Some(number) = u128::from_str_radix(&digits, 16).ok().filter(|_| shape) else {
        return NtStatus::INVALID_PARAMETER;
    };
    let part = |shift: u32, bits: u32| number >> shift & ((1 << bits) - 1);
    guid.write(Guid {
        data1: u32::try_from(part(96, 32)).unwrap_or(0),
        data2: u16::try_from(part(80, 16)).unwrap_or(0),
        data3: u16::try_from(part(64, 16)).unwrap_or(0),
        data4: u64::try_from(part(0, 64)).unwrap_or(0).to_be_bytes(),
    });
    NtStatus::SUCCESS
}

/// `RtlHashUnicodeString` with `HASH_STRING_ALGORITHM_X65599`.
pub(crate) fn hash(
    _cpu: &Cpu,
    string: Ptr<UnicodeString>,
    ignore_case: u8,
    algorithm: u32,
    value: Ptr<u32>,
) -> NtStatus {
    const X65599: u32 = 1;
    if algorithm > X65599 {
        return NtStatus::INVALID_PARAMETER;
    }
    let units = folded(string, ignore_case);
    value
        .write(units.iter().fold(0u32, |hash, unit| hash.wrapping_mul(65599).wrapping_add(u32::from(*unit))));
    NtStatus::SUCCESS
}

/// Whether a name matches an expression with `*` and `?`, and their DOS forms `<`, `>` and `"`
/// ("`FsRtlIsNameInExpression` function (ntifs.h)").
pub(crate) fn matches(expression: &[u16], name: &[u16]) -> bool {
    const ANY: [u16; 2] = [b'*' as u16, b'<' as u16];
    const ONE: [u16; 2] = [b'?' as u16, b'>' as u16];
    const DOS_DOT: u16 = b'"' as u16;
    const DOT: u16 = b'.' as u16;
    match expression.split_first() {
        None => name.is_empty(),
        Some((any, rest)) if ANY.contains(any) => {
            (0..=name.len()).any(|skipped| matches(rest, &name[skipped..]))
        }
        Some((&unit, rest)) => match name.split_first() {
            Some((&first, after)) => {
                (ONE.contains(&unit) || unit == first || unit == DOS_DOT && first == DOT)
                    && matches(rest, after)
            }
            // At the end of the name, these stand for nothing.
            None => (unit == DOS_DOT || unit == ONE[1]) && matches(rest, name),
        },
    }
}

/// `FsRtlIsNameInExpression`.
pub(crate) fn is_name_in_expression(
    _cpu: &Cpu,
    expression: Ptr<UnicodeString>,
    name: Ptr<UnicodeString>,
    ignore_case: u8,
    _table: Ptr<u16>,
) -> u8 {
    u8::from(matches(&folded(expression, ignore_case), &folded(name, ignore_case)))
}

/// `FsRtlDoesNameContainWildCards`.
pub(crate) fn has_wildcards(_cpu: &Cpu, name: Ptr<UnicodeString>) -> u8 {
    u8::from(super::read_unicode_string(name).contains(['*', '?', '<', '>', '"']))
}

/// `RtlGetVersion`, of `OSVERSIONINFOW` or `OSVERSIONINFOEXW`.
pub(crate) fn get_version(cpu: &Cpu, version: Ptr<u32>) -> NtStatus {
    const EXTENDED_BYTES: u32 = 284;
    const PLATFORM_NT: u32 = 2;
    /// `VER_NT_WORKSTATION`
    const WORKSTATION: u8 = 1;
    let extended = version.read() >= EXTENDED_BYTES;
    for (index, value) in [10, 0, cpu.kernel().config.windows.build(), PLATFORM_NT].into_iter().enumerate() {
        version.offset(1 + index).write(value);
    }
    version.byte_offset::<u16>(20).write(0);
    if extended {
        version.byte_offset::<[u16; 3]>(276).write([0, 0, 0x100]);
        version.byte_offset::<[u8; 2]>(282).write([WORKSTATION, 0]);
    }
    NtStatus::SUCCESS
}

/// `PsGetVersion`.
pub(crate) fn ps_get_version(
    cpu: &Cpu,
    major: Ptr<u32>,
    minor: Ptr<u32>,
    build: Ptr<u32>,
    service_pack: Ptr<UnicodeString>,
) -> u8 {
    major.write_if_given(10);
    minor.write_if_given(0);
    build.write_if_given(cpu.kernel().config.windows.build());
    service_pack.write_if_given(UnicodeString { length: 0, maximum_length: 0, buffer: Ptr::NULL });
    0
}

/// The C library's comparison of wide strings without regard to case.
pub(super) fn folded_text(source: Ptr<u16>) -> String {
    read_wide_string(source).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    #[test]
    fn expressions_match_as_documented() {
        for (expression, name, expected) in [
            ("*", "", true),
            ("*.TXT", "A.TXT", true),
            ("*.TXT", "A.TXTX", false),
            ("A?C", "ABC", true),
            ("A?C", "AC", false),
            ("A>", "A", true),
            ("A\"B", "A.B", true),
            ("<.SYS", "X.Y.SYS", true),
        ] {
            assert_eq!(matches(&wide(expression), &wide(name)), expected, "{expression} {name}");
        }
    }

    #[test]
    fn only_what_stays_one_unit_changes_its_case() {
        assert_eq!(upcase(u16::from(b'a')), u16::from(b'A'));
        assert_eq!(upcase(0xDF), 0xDF, "sharp s has two letters in upper case");
        assert_eq!(downcase(0xC4), 0xE4);
        assert_eq!(upcase(0xD800), 0xD800);
    }
}
