//! UTF-16 texts: contiguous where the driver has them, spread over slots on the wire.

use core::fmt::{self, Write as _};

use super::payload::Payload;

/// A path or name in UTF-16, as Windows has it: not necessarily well-formed, without a NUL.
#[derive(Clone, Copy)]
pub struct Text<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Units(&'a [u16]),
    Payload(Payload<'a>),
}

impl<'a> Text<'a> {
    /// No text.
    pub const EMPTY: Self = Self(Source::Units(&[]));

    /// A text of these units.
    #[must_use]
    pub const fn new(units: &'a [u16]) -> Self {
        Self(Source::Units(units))
    }

    pub(super) const fn in_payload(payload: Payload<'a>) -> Self {
        Self(Source::Payload(payload))
    }

    /// Its UTF-16 code units.
    #[must_use]
    pub const fn units(&self) -> Units<'a> {
        Units(self.0)
    }

    /// How many UTF-16 code units it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.units().len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// What is not well-formed shows as U+FFFD.
impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        char::decode_utf16(self.units())
            .try_for_each(|character| f.write_char(character.unwrap_or(char::REPLACEMENT_CHARACTER)))
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for character in char::decode_utf16(self.units()) {
            match character {
                Ok(character) => write!(f, "{}", character.escape_debug())?,
                Err(lone) => write!(f, "\\u{{{:04x}}}", lone.unpaired_surrogate())?,
            }
        }
        f.write_char('"')
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.units().eq(other.units())
    }
}

impl Eq for Text<'_> {}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.units().eq(other.encode_utf16())
    }
}

/// The UTF-16 code units of a [`Text`].
#[derive(Clone)]
pub struct Units<'a>(Source<'a>);

impl Iterator for Units<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        match &mut self.0 {
            Source::Units(units) => {
                let (first, rest) = units.split_first()?;
                *units = rest;
                Some(*first)
            }
            Source::Payload(payload) => {
                Some(u16::from_le_bytes([payload.next_byte()?, payload.next_byte()?]))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.0 {
            Source::Units(units) => units.len(),
            Source::Payload(payload) => payload.len() / 2,
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for Units<'_> {}
