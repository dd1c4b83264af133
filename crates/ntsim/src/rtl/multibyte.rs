//! Characters of the system's code page, Windows-1252, and UTF-8, to and from UTF-16.

use crate::abi::Ptr;
use crate::ke::Cpu;
use crate::status::NtStatus;

/// `STATUS_SOME_NOT_MAPPED`: something had to be replaced.
const SOME_NOT_MAPPED: NtStatus = NtStatus::SOME_NOT_MAPPED;

/// What the code page has between 0x80 and 0x9F, where Latin 1 has control characters.
const WINDOWS_1252: [u16; 32] = [
    0x20AC, 0x0081, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152,
    0x008D, 0x017D, 0x008F, 0x0090, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122,
    0x0161, 0x203A, 0x0153, 0x009D, 0x017E, 0x0178,
];
/// The first of these.
const FIRST: u8 = 0x80;

/// One byte as a unit.
pub(super) fn to_unit(byte: u8) -> u16 {
    let special = byte.checked_sub(FIRST).and_then(|index| WINDOWS_1252.get(usize::from(index)));
    special.copied().unwrap_or_else(|| u16::from(byte))
}

/// One unit as a byte; a question mark for what the code page does not have.
pub(super) fn to_byte(unit: u16) -> u8 {
    let special = WINDOWS_1252.iter().zip(FIRST..).find(|(known, _)| **known == unit).map(|(_, byte)| byte);
    let same = u8::try_from(unit).ok().filter(|byte| to_unit(*byte) == unit);
    special.or(same).unwrap_or(b'?')
}

fn count(values: usize) -> u32 {
    u32::try_from(values).unwrap_or(u32::MAX)
}

/// `RtlAnsiCharToUnicodeChar`: moves the caller's pointer on.
pub(crate) fn ansi_char(_cpu: &Cpu, source: Ptr<Ptr<u8>>) -> u16 {
    let place = source.read();
    source.write(place.offset(1));
    to_unit(place.read())
}

/// `RtlUnicodeToMultiByteN`: as much as fits.
pub(crate) fn from_units(
    _cpu: &Cpu,
    text: Ptr<u8>,
    room: u32,
    written: Ptr<u32>,
    units: Ptr<u16>,
    bytes: u32,
) -> NtStatus {
    let units = units.read_slice((bytes as usize / 2).min(room as usize));
    text.write_slice(&units.iter().map(|unit| to_byte(*unit)).collect::<Vec<_>>());
    written.write_if_given(count(units.len()));
    NtStatus::SUCCESS
}

/// `RtlMultiByteToUnicodeN`.
pub(crate) fn to_units(
    _cpu: &Cpu,
    units: Ptr<u16>,
    room: u32,
    written: Ptr<u32>,
    text: Ptr<u8>,
    bytes: u32,
) -> NtStatus {
    let bytes = text.read_slice((bytes as usize).min(room as usize / 2));
    units.write_slice(&bytes.iter().map(|byte| to_unit(*byte)).collect::<Vec<_>>());
    written.write_if_given(count(2 * bytes.len()));
    NtStatus::SUCCESS
}

/// `RtlUnicodeToMultiByteSize`.
pub(crate) fn size_of_bytes(_cpu: &Cpu, size: Ptr<u32>, _units: Ptr<u16>, bytes: u32) -> NtStatus {
    size.write(bytes / 2);
    NtStatus::SUCCESS
}

/// `RtlMultiByteToUnicodeSize`.
pub(crate) fn size_of_units(_cpu: &Cpu, size: Ptr<u32>, _text: Ptr<u8>, bytes: u32) -> NtStatus {
    size.write(bytes * 2);
    NtStatus::SUCCESS
}

/// Stores as many whole values as fit, or says how many there are.
fn store<T: Copy>(place: Ptr<T>, room: u32, written: Ptr<u32>, values: &[T], replaced: bool) -> NtStatus {
    let fitting =
        if place.is_null() { values.len() } else { values.len().min(room as usize / size_of::<T>()) };
    if !place.is_null() {
        place.write_slice(&values[..fitting]);
    }
    written.write_if_given(count(fitting * size_of::<T>()));
    match (fitting < values.len(), replaced) {
        (true, _) => NtStatus::BUFFER_TOO_SMALL,
        (false, true) => SOME_NOT_MAPPED,
        (false, false) => NtStatus::SUCCESS,
    }
}

/// `RtlUnicodeToUTF8N`.
pub(crate) fn to_utf8(
    _cpu: &Cpu,
    text: Ptr<u8>,
    room: u32,
    written: Ptr<u32>,
    units: Ptr<u16>,
    bytes: u32,
) -> NtStatus {
    let units = units.read_slice(bytes as usize / 2);
    let replaced = String::from_utf16(&units).is_err();
    store(text, room, written, String::from_utf16_lossy(&units).as_bytes(), replaced)
}

/// `RtlUTF8ToUnicodeN`.
pub(crate) fn from_utf8(
    _cpu: &Cpu,
    units: Ptr<u16>,
    room: u32,
    written: Ptr<u32>,
    text: Ptr<u8>,
    bytes: u32,
) -> NtStatus {
    let bytes = text.read_slice(bytes as usize);
    let replaced = std::str::from_utf8(&bytes).is_err();
    let text: Vec<u16> = String::from_utf8_lossy(&bytes).encode_utf16().collect();
    store(units, room, written, &text, replaced)
}
