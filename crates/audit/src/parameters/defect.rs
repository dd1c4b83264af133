//! Why a value is refused.

use super::texts::{Text, Texts};
use super::value::{REG_MULTI_SZ, Raw};

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Defect {
    /// It is of another registry type; found is that type.
    Type,
    /// It has too few bytes or too many; found is how many.
    Size,
    /// It is no power of two; found is the number.
    NotAPowerOfTwo,
    /// It is too small or too large; found is the number.
    OutOfRange,
    /// It has bits without a meaning; found are these.
    UnknownBits,
    /// Texts of an odd number of bytes; found is how many.
    OddSize,
    /// The last text, or the list, does not end with a NUL.
    Unterminated,
    /// An empty text, which would end the list, stands before others.
    EmptyText,
    /// There are too many texts; found is how many are allowed.
    TooManyTexts,
    /// A text is too long; found is how many units it has.
    TooLong,
    /// A text does not begin with a backslash, and is no file name where one may stand.
    NotAPath,
    /// A character that no rule has: a wildcard, a colon, a slash, a control character; found is where in the text.
    Character,
    /// Two backslashes in a row, or a name `.` or `..`; found is where in the text.
    Component,
    /// A rule that would leave everything out.
    Everything,
    /// The registry would not let it be read; found is the status.
    Unreadable,
    /// There was no memory for it.
    NoMemory,
    /// It can be set in the registry only, and is read when the driver starts.
    NotWhileRunning,
    /// There is no such parameter; found is the number it was asked for by.
    NoSuchParameter,
}

/// A value is refused; the default, or what was in effect before, is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub defect: Defect,
    /// Which of the texts it is, from 0; 0 also where there are none.
    pub text: u32,
    /// What was found, as [`Defect`] says.
    pub found: u64,
}

impl Refusal {
    /// A value refused as a whole.
    #[must_use]
    pub const fn of(defect: Defect, found: u64) -> Self {
        Self { defect, text: 0, found }
    }

    /// The text of the refused value that is at fault, if it is one text's.
    #[must_use]
    pub fn text_at_fault<'a>(&self, raw: Raw<'a>) -> Option<Text<'a>> {
        let of_text = matches!(
            self.defect,
            Defect::TooLong | Defect::NotAPath | Defect::Character | Defect::Component | Defect::Everything
        );
        let texts = Texts::of_value(raw.data).ok().filter(|_| of_text && raw.kind == REG_MULTI_SZ)?;
        texts.iter().nth(self.text as usize)
    }
}
