//! The parameter record: a value in effect, and why another was refused.

use super::SlotBytes;
use super::code::{Code, wire_codes};
use super::error::DecodeError;
use super::layout::{Kind, Lead, Words, high, low, pair};
use super::payload::{Contents, DictionaryEntry, Payload, TRUNCATED};
use super::text::Text;
use crate::parameters::{Defect, Parameter, Source};

wire_codes!(Parameter {
    RingSize = 1 "RingSize",
    Audit = 2 "Audit",
    ExcludeImages = 3 "ExcludeImages",
    ExcludePaths = 4 "ExcludePaths",
});

wire_codes!(Source {
    Default = 1 "default",
    Registry = 2 "registry",
    Port = 3 "port",
});

wire_codes!(Defect {
    Type = 1 "type",
    Size = 2 "size",
    NotAPowerOfTwo = 3 "not-a-power-of-two",
    OutOfRange = 4 "out-of-range",
    UnknownBits = 5 "unknown-bits",
    OddSize = 6 "odd-size",
    Unterminated = 7 "unterminated",
    EmptyText = 8 "empty-text",
    TooManyTexts = 9 "too-many-texts",
    TooLong = 10 "too-long",
    NotAPath = 11 "not-a-path",
    Character = 12 "character",
    Component = 13 "component",
    Everything = 14 "everything",
    Unreadable = 15 "unreadable",
    NoMemory = 16 "no-memory",
    NotWhileRunning = 17 "not-while-running",
    NoSuchParameter = 18 "no-such-parameter",
});

/// Byte offset of the text's size in the record.
const TEXT_SIZE: usize = 48;

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParameterEntry<'a> {
    /// Which one.
    pub parameter: Code<Parameter>,
    /// Since when: 100 ns units since 1601 UTC.
    pub since: u64,
    /// Where the value in effect comes from.
    pub source: Code<Source>,
    /// The value in effect; of rules, how many.
    pub value: u32,
    /// The value that was refused last, if one was.
    pub refused: Option<Refused<'a>>,
    /// Whether the text is cut off. Written as it demands.
    pub truncated: bool,
}

/// A value that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused<'a> {
    /// Where it came from.
    pub source: Code<Source>,
    /// Why.
    pub defect: Code<Defect>,
    /// Which of its texts, from 0.
    pub text_index: u32,
    /// What was found; see [`Defect`].
    pub found: u64,
    /// The text, where one is at fault.
    pub text: Text<'a>,
}

impl<'a> ParameterEntry<'a> {
    pub(super) fn decode(first: &Words, following: &'a [SlotBytes]) -> Result<Self, DecodeError> {
        let [_, since, _, codes, numbers, found, sizes, _] = *first;
        let Lead { byte_18: parameter, byte_19: flags, .. } = Lead::of(first);
        let [text, _] = Payload::split(following, [(sizes & 0xFFFF) as u16, 0], TEXT_SIZE)?;
        let [source, refused_source, defect, _] = low(codes).to_le_bytes();
        let text = text.text(TEXT_SIZE)?;
        let refused = (defect != 0).then(|| Refused {
            source: Code::<Source>::of_number(refused_source),
            defect: Code::<Defect>::of_number(defect),
            text_index: high(numbers),
            found,
            text,
        });
        Ok(Self {
            parameter: Code::<Parameter>::of_number(parameter),
            since,
            source: Code::<Source>::of_number(source),
            value: low(numbers),
            refused,
            truncated: flags & TRUNCATED != 0,
        })
    }
}

impl DictionaryEntry for ParameterEntry<'_> {
    fn contents(&self) -> Contents<'_> {
        Contents::new(&[], [self.refused.map_or(Text::EMPTY, |refused| refused.text), Text::EMPTY])
    }

    fn first(&self, contents: &Contents<'_>) -> Words {
        let lead = Lead {
            kind: Kind::PARAMETER,
            slots: contents.slots(),
            byte_18: self.parameter.number(),
            byte_19: contents.flags(),
            dword_20: 0,
        };
        let (codes, text_index, found) = self.refused.map_or(([0, 0], 0, 0), |refused| {
            let Refused { source, defect, text_index, found, .. } = refused;
            ([source.number(), defect.number()], text_index, found)
        });
        let codes = u32::from_le_bytes([self.source.number(), codes[0], codes[1], 0]);
        let [text_size, _] = contents.text_sizes();
        let numbers = pair(self.value, text_index);
        [0, self.since, lead.word(), u64::from(codes), numbers, found, u64::from(text_size), 0]
    }
}
