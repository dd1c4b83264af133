//! `UNICODE_STRING` and slices of UTF-16 code units.

use core::slice;

use wdk_sys::UNICODE_STRING;

/// The code units of an ASCII literal, for names in statics.
///
/// # Panics
///
/// When `text` is not ASCII or not `N` characters long, which in a static or constant is a compile error.
#[must_use]
pub const fn utf16<const N: usize>(text: &str) -> [u16; N] {
    let bytes = text.as_bytes();
    assert!(bytes.len() == N, "N is not the length of the text");
    let mut units = [0; N];
    let mut index = 0;
    while index < N {
        assert!(bytes[index].is_ascii(), "only ASCII");
        units[index] = bytes[index] as u16;
        index += 1;
    }
    units
}

/// A `UNICODE_STRING` over `text`, which must outlive its use and is not written to by routines that read
/// names.
///
/// Text beyond the 32,767 code units that such a string can describe is cut off.
#[must_use]
pub fn unicode_string(text: &[u16]) -> UNICODE_STRING {
    let bytes = size_of_val(text).min(usize::from(u16::MAX - 1));
    #[expect(clippy::cast_possible_truncation, reason = "at most u16::MAX by the line above")]
    let length = bytes as u16;
    UNICODE_STRING { Length: length, MaximumLength: length, Buffer: text.as_ptr().cast_mut() }
}

/// The code units that a `UNICODE_STRING` describes; empty for a null buffer.
///
/// # Safety
///
/// `string` is as a system routine filled it in: `Buffer` is null or holds `Length` bytes that live and do
/// not change for `'a`.
pub(crate) unsafe fn units<'a>(string: &UNICODE_STRING) -> &'a [u16] {
    if string.Buffer.is_null() {
        return &[];
    }
    // SAFETY: by the function's own condition the buffer is valid for `Length` bytes during 'a.
    unsafe { slice::from_raw_parts(string.Buffer, usize::from(string.Length) / size_of::<u16>()) }
}
