//! The texts of a `REG_MULTI_SZ`: each ends with a NUL, and so does their sequence.

use super::defect::{Defect, Refusal};

/// The most texts of a value.
pub const MAX_TEXTS: usize = 1 << 14;

const NUL: [u8; 2] = [0; 2];

/// A list of texts, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts<'a> {
    /// Without the NUL of the last text; empty if there is none.
    units: &'a [[u8; 2]],
}

/// A text in UTF-16LE at any address; not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(&'a [[u8; 2]]);

impl<'a> Texts<'a> {
    /// No texts.
    pub const NONE: Self = Self { units: &[] };

    /// The texts of the value `data`. Nothing but NULs, or nothing at all, is no texts; NULs beyond the last that is needed
    /// do no harm.
    ///
    /// # Errors
    ///
    /// [`Defect::OddSize`], [`Defect::Unterminated`], [`Defect::EmptyText`], [`Defect::TooManyTexts`].
    pub fn of_value(data: &'a [u8]) -> Result<Self, Refusal> {
        let (units, rest) = data.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Refusal::of(Defect::OddSize, data.len() as u64));
        }
        let mut content = units;
        while let Some(shorter) = content.strip_suffix(&[NUL]) {
            content = shorter;
        }
        if !content.is_empty() && units.len().wrapping_sub(content.len()) < 2 {
            return Err(Refusal::of(Defect::Unterminated, data.len() as u64));
        }
        let texts = Self { units: content };
        for (index, text) in texts.iter().enumerate() {
            if index >= MAX_TEXTS {
                return Err(Refusal::of(Defect::TooManyTexts, MAX_TEXTS as u64));
            }
            if text.is_empty() {
                let text = u32::try_from(index).unwrap_or(u32::MAX);
                return Err(Refusal { defect: Defect::EmptyText, text, found: 0 });
            }
        }
        Ok(texts)
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Text<'a>> + Clone + use<'a> {
        let units = if self.units.is_empty() { None } else { Some(self.units) };
        units.into_iter().flat_map(|units| units.split(|unit| *unit == NUL).map(Text))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.iter().count()
    }
}

impl<'a> Text<'a> {
    /// Its UTF-16 code units.
    #[must_use]
    pub fn units(&self) -> impl DoubleEndedIterator<Item = u16> + ExactSizeIterator + Clone + use<'a> {
        self.0.iter().map(|unit| u16::from_le_bytes(*unit))
    }

    /// How many units it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
