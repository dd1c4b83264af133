//! `DbgPrintEx`.

use std::fmt::Write as _;

use super::{read_c_string, read_unicode_string, read_wide_string};
use crate::abi::Ptr;
use crate::ke::Cpu;
use crate::status::NtStatus;
use crate::verifier::books;

/// `DbgPrintEx`. By the Windows x64 convention every variable argument takes one 8-byte place, so that the first few can
/// be taken whether or not they were passed; what was not is never looked at.
#[expect(
    clippy::too_many_arguments,
    reason = "the arguments of a variadic function, as far as they are supported"
)]
pub(crate) fn debug_print_ex(
    cpu: &Cpu,
    _component: u32,
    _level: u32,
    format: Ptr<u8>,
    first: usize,
    second: usize,
    third: usize,
    fourth: usize,
    fifth: usize,
    sixth: usize,
    seventh: usize,
    eighth: usize,
) -> NtStatus {
    let arguments = [first, second, third, fourth, fifth, sixth, seventh, eighth];
    let text = format_text(&read_c_string(format), &mut Arguments::Given(&arguments), false);
    books::check(cpu, &text);
    cpu.kernel().print(&text);
    NtStatus::SUCCESS
}

/// `DbgPrint`.
#[expect(
    clippy::too_many_arguments,
    reason = "the arguments of a variadic function, as far as they are supported"
)]
pub(crate) fn debug_print(
    cpu: &Cpu,
    format: Ptr<u8>,
    first: usize,
    second: usize,
    third: usize,
    fourth: usize,
    fifth: usize,
    sixth: usize,
    seventh: usize,
    eighth: usize,
) -> NtStatus {
    debug_print_ex(cpu, 0, 0, format, first, second, third, fourth, fifth, sixth, seventh, eighth)
}

/// `vDbgPrintEx`.
pub(crate) fn debug_print_list(
    cpu: &Cpu,
    _component: u32,
    _level: u32,
    format: Ptr<u8>,
    list: Ptr<usize>,
) -> NtStatus {
    let text = format_text(&read_c_string(format), &mut Arguments::list(list), false);
    books::check(cpu, &text);
    cpu.kernel().print(&text);
    NtStatus::SUCCESS
}

/// The arguments of a format.
pub(super) enum Arguments<'a> {
    Given(&'a [usize]),
    /// `va_list`: 8 bytes for each.
    List(Ptr<usize>),
}

impl Arguments<'_> {
    pub(super) fn list(list: Ptr<usize>) -> Self {
        Self::List(list)
    }

    fn next(&mut self) -> Option<usize> {
        match self {
            Self::Given(all) => {
                let (first, rest) = all.split_first()?;
                *all = rest;
                Some(*first)
            }
            Self::List(place) => {
                let value = place.read();
                *place = place.offset(1);
                Some(value)
            }
        }
    }
}

/// A conversion such as `%08llx`.
#[expect(clippy::struct_excessive_bools, reason = "they are flags of the format")]
struct Conversion {
    zero_padded: bool,
    width: usize,
    /// Whether the argument has 8 bytes, and not 4.
    long: bool,
    /// Whether the text is wide.
    wide: bool,
    /// Whether the format leaves that to the letter alone.
    plain: bool,
    kind: char,
}

/// Reads what follows a `%`. Returns it with the rest of the format.
fn conversion(mut rest: &str) -> Option<(Conversion, &str)> {
    let zero_padded = rest.starts_with('0');
    rest = rest.trim_start_matches(['-', '+', '#', ' ', '0']);
    let digits = rest.len() - rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
    let width = rest[..digits].parse().unwrap_or(0);
    rest = &rest[digits..];
    let sizes = ["I64", "ll", "z", "l", "w", "h"];
    let size = sizes.into_iter().find(|size| rest.starts_with(size)).unwrap_or_default();
    rest = &rest[size.len()..];
    let kind = rest.chars().next()?;
    let long = matches!(size, "I64" | "ll" | "z") || kind == 'p';
    let wide = matches!(size, "l" | "w") || kind.is_ascii_uppercase();
    let plain = size.is_empty();
    Some((Conversion { zero_padded, width, long, wide, plain, kind }, &rest[kind.len_utf8()..]))
}

/// Formats as the kernel does, as far as drivers commonly ask for; a conversion that is not supported shows as it is.
pub(super) fn format_text(format: &str, arguments: &mut Arguments<'_>, wide: bool) -> String {
    let mut text = String::new();
    let mut rest = format;
    while let Some((plain, after)) = rest.split_once('%') {
        text.push_str(plain);
        let Some((mut conversion, after)) = conversion(after) else {
            text.push('%');
            return text;
        };
        rest = after;
        if conversion.kind == '%' {
            text.push('%');
            continue;
        }
        let Some(argument) = arguments.next() else {
            text.push_str("<too many arguments>");
            return text;
        };
        // `%s` is text of the format's own width, `%S` of the other.
        if wide && conversion.plain && matches!(conversion.kind, 's' | 'S') {
            conversion.wide = !conversion.wide;
        }
        let shown = convert(&conversion, argument).unwrap_or_else(|| format!("%{}", conversion.kind));
        let width = conversion.width;
        // Writing to a `String` cannot fail.
        let _ = if conversion.zero_padded {
            write!(text, "{shown:0>width$}")
        } else {
            write!(text, "{shown:>width$}")
        };
    }
    text.push_str(rest);
    text
}

fn convert(conversion: &Conversion, argument: usize) -> Option<String> {
    let unsigned = if conversion.long { argument as u64 } else { argument as u64 & u64::from(u32::MAX) };
    Some(match conversion.kind {
        'd' | 'i' if conversion.long => unsigned.cast_signed().to_string(),
        'd' | 'i' => (u32::try_from(unsigned).ok()?.cast_signed()).to_string(),
        'u' => unsigned.to_string(),
        'x' => format!("{unsigned:x}"),
        'X' => format!("{unsigned:X}"),
        'p' => format!("{unsigned:016X}"),
        'c' | 'C' => char::from_u32(u32::try_from(unsigned).ok()?)?.to_string(),
        's' | 'S' if conversion.wide => read_wide_string(Ptr::at(argument)),
        's' | 'S' => read_c_string(Ptr::at(argument)),
        'Z' => read_unicode_string(Ptr::at(argument)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::{Shared, SharedText};

    #[test]
    fn numbers_are_formatted_by_size_and_width() {
        assert_eq!(
            format_text("%d %u %08x|%4d|%p", &mut Arguments::Given(&[usize::MAX, 7, 0xBEEF, 3, 16]), false),
            "-1 7 0000beef|   3|0000000000000010"
        );
        assert_eq!(
            format_text(
                "%lld %I64X 100%%",
                &mut Arguments::Given(&[usize::MAX, 0xFFFF_FFFF_0000_0000]),
                false
            ),
            "-1 FFFFFFFF00000000 100%"
        );
    }

    #[test]
    fn strings_are_read_where_they_are() {
        let name = SharedText::new("wide");
        let descriptor = Shared::new(name.descriptor());
        let arguments = [
            c"bytes".as_ptr().expose_provenance(),
            descriptor.ptr().address(),
            name.units().as_ptr().expose_provenance(),
        ];
        assert_eq!(format_text("%s %wZ %ws", &mut Arguments::Given(&arguments), false), "bytes wide wide");
    }

    #[test]
    fn a_broken_format_does_not_panic() {
        assert_eq!(format_text("%", &mut Arguments::Given(&[]), false), "%");
        assert_eq!(format_text("%q", &mut Arguments::Given(&[1]), false), "%q");
        assert_eq!(format_text("%d", &mut Arguments::Given(&[]), false), "<too many arguments>");
    }
}
