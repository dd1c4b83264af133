//! Taking a file name apart ("`FltParseFileNameInformation` function (fltkernel.h)").

use crate::abi::{FileNameInformation, Ptr, UnicodeString};
use crate::ke::Cpu;
use crate::rtl;
use crate::status::NtStatus;

/// `FLTFL_FILE_NAME_PARSED_*`
const PARSED_ALL: u16 = 0x1 | 0x2 | 0x4 | 0x8;

/// The parts of what follows the volume and share, as ranges of units.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts {
    /// Up to the last backslash, which belongs to it.
    parent: std::ops::Range<usize>,
    /// The rest, with the stream.
    last: std::ops::Range<usize>,
    /// What follows the last dot of the file's name.
    extension: std::ops::Range<usize>,
    /// From the first colon on.
    stream: std::ops::Range<usize>,
}

fn parts(units: &[u16]) -> Parts {
    let is = |character: char| move |unit: &u16| u32::from(*unit) == u32::from(character);
    let last = units.iter().rposition(is('\\')).map_or(0, |slash| slash + 1);
    let stream = units[last..].iter().position(is(':')).map_or(units.len(), |colon| last + colon);
    let dot = units[last..stream].iter().rposition(is('.'));
    let extension = dot.map_or(stream, |dot| last + dot + 1);
    Parts {
        parent: 0..last,
        last: last..units.len(),
        extension: extension..stream,
        stream: stream..units.len(),
    }
}

fn part(buffer: Ptr<u16>, range: std::ops::Range<usize>) -> UnicodeString {
    let length = u16::try_from(2 * range.len()).expect("a part of a string is no longer than it");
    if length == 0 {
        return UnicodeString { length: 0, maximum_length: 0, buffer: Ptr::NULL };
    }
    UnicodeString { length, maximum_length: length, buffer: buffer.offset(range.start) }
}

/// `FltParseFileNameInformation`.
pub(crate) fn parse_information(cpu: &Cpu, information: Ptr<FileNameInformation>) -> NtStatus {
    if cpu.kernel().filters.names.format(information).is_none() {
        super::information::complain(cpu, "parses", information);
        return NtStatus::INVALID_PARAMETER;
    }
    let mut parsed = information.read();
    let units = parsed.name.buffer.read_slice(usize::from(parsed.name.length / 2));
    let volume = usize::from(parsed.volume.length / 2);
    let share = share_units(&units[volume..], parsed.volume.length);
    let begin = volume + share;
    let text = parsed.name.buffer.offset(begin);
    let Parts { parent, last, extension, stream } = parts(&units[begin..]);
    parsed.share = part(parsed.name.buffer, volume..begin);
    parsed.parent_dir = part(text, parent);
    parsed.final_component = part(text, last);
    parsed.extension = part(text, extension);
    parsed.stream = part(text, stream);
    parsed.names_parsed = PARSED_ALL;
    information.write(parsed);
    NtStatus::SUCCESS
}

/// A remote name goes on with server and share; a redirector's device is `\Device\Mup` or one of those behind it.
fn share_units(rest: &[u16], volume_bytes: u16) -> usize {
    let is_remote =
        String::from_utf16_lossy(rest).starts_with('\\') && usize::from(volume_bytes / 2) == MUP.len();
    if !is_remote {
        return 0;
    }
    let mut slashes =
        rest.iter().enumerate().filter(|(_, unit)| **unit == u16::from(b'\\')).map(|(at, _)| at);
    slashes.nth(2).unwrap_or(rest.len())
}

/// The device of the multiple UNC provider.
const MUP: &str = r"\Device\Mup";

/// `FltParseFileName`: parts of a name that has neither volume nor share.
pub(crate) fn parse_name(
    _cpu: &Cpu,
    name: Ptr<UnicodeString>,
    extension: Ptr<UnicodeString>,
    stream: Ptr<UnicodeString>,
    last: Ptr<UnicodeString>,
) -> NtStatus {
    let string = name.read();
    let units = string.buffer.read_slice(usize::from(string.length / 2));
    let found = parts(&units);
    extension.write_if_given(part(string.buffer, found.extension));
    stream.write_if_given(part(string.buffer, found.stream));
    last.write_if_given(part(string.buffer, found.last));
    NtStatus::SUCCESS
}

/// `FltCheckAndGrowNameControl`: a name control whose buffer lasts, or gets one from pool.
pub(crate) fn check_and_grow(cpu: &Cpu, control: Ptr<UnicodeString>, bytes: u16) -> NtStatus {
    let mut value = control.read();
    if value.maximum_length >= bytes {
        return NtStatus::SUCCESS;
    }
    let text = rtl::read_unicode_string(control);
    value.buffer = cpu.kernel().pool.allocate_for_driver(cpu, usize::from(bytes), *b"FMfn");
    value.buffer.write_slice(&text.encode_utf16().collect::<Vec<_>>());
    value.maximum_length = bytes;
    control.write(value);
    NtStatus::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> [String; 4] {
        let units: Vec<u16> = text.encode_utf16().collect();
        let Parts { parent, last, extension, stream } = parts(&units);
        [parent, last, extension, stream].map(|range| String::from_utf16_lossy(&units[range]))
    }

    #[test]
    fn a_name_is_taken_apart_as_documented() {
        assert_eq!(named(r"\dir\file.tar.gz:s:$DATA"), [r"\dir\", "file.tar.gz:s:$DATA", "gz", ":s:$DATA"]);
        assert_eq!(named(r"\file"), [r"\", "file", "", ""]);
        assert_eq!(named(r"\dir.d\"), [r"\dir.d\", "", "", ""]);
        assert_eq!(named(""), ["", "", "", ""]);
    }
}
