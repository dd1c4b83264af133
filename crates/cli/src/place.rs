//! Where in an input file something is wrong, and how that is told.

use std::fmt;

/// How much of a line is shown on either side of the place.
const EXCERPT_BEFORE: usize = 40;
/// See [`EXCERPT_BEFORE`].
const EXCERPT_AFTER: usize = 60;

/// A place in a text: line and column count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
}

impl Place {
    /// The first character of a text.
    pub const START: Self = Self { line: 1, column: 1 };

    /// The place of the character at byte `offset` of `text`, whose first character is at `self`.
    ///
    /// An offset past the end, or inside a character, counts the characters that begin before it.
    #[must_use]
    pub fn advanced(self, text: &[u8], offset: usize) -> Self {
        let before = &text[..offset.min(text.len())];
        let newlines = before.split(|byte| *byte == b'\n').count() as u64 - 1;
        let last_line = before.iter().rposition(|byte| *byte == b'\n').map_or(before, |at| &before[at + 1..]);
        let characters = last_line.iter().filter(|byte| !is_continuation(**byte)).count() as u64;
        Self { line: self.line + newlines, column: if newlines == 0 { self.column } else { 1 } + characters }
    }
}

/// Whether the byte continues a UTF-8 sequence rather than beginning a character.
fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

/// Input that cannot be used: what is wrong, and where.
///
/// ```
/// use whowrote_cli::place::{BadInput, Place};
///
/// let error = BadInput::new("a.csv", "the PID `x1` is not a number").at(Place { line: 3, column: 9 });
/// assert_eq!(error.to_string(), "the PID `x1` is not a number\n  at a.csv:3:9 (line 3, column 9)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadInput {
    /// The file, as the user named it.
    pub file: String,
    /// Where in the file; `None` if the file as a whole is meant.
    pub place: Option<Place>,
    /// What is wrong.
    pub message: String,
    /// What could be done about it.
    pub help: Option<String>,
    /// The line and a caret below the place.
    pub excerpt: Option<String>,
}

impl BadInput {
    /// Something wrong with the file as a whole.
    #[must_use]
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), place: None, message: message.into(), help: None, excerpt: None }
    }

    /// The same, at a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same, with advice.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, with the part of `line` around the character at byte `offset`.
    #[must_use]
    pub fn excerpt(mut self, line: &str, offset: usize) -> Self {
        self.excerpt = Some(excerpt(line, offset));
        self
    }
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match self.place {
            Some(Place { line, column }) => {
                write!(f, "\n  at {}:{line}:{column} (line {line}, column {column})", self.file)?;
            }
            None => write!(f, "\n  in {}", self.file)?,
        }
        if let Some(excerpt) = &self.excerpt {
            for line in excerpt.lines() {
                write!(f, "\n  | {line}")?;
            }
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BadInput {}

/// The part of `line` around byte `offset`, and a line with a caret below it.
fn excerpt(line: &str, offset: usize) -> String {
    // Line breaks, quotes' neighbours and tabs would tear the caret off its place.
    let shown =
        |text: &str| -> String { text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect() };
    let offset = (0..=offset.min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    let (before, after) = line.split_at(offset);
    let skipped = before.chars().count().saturating_sub(EXCERPT_BEFORE);
    let mut head: String = shown(before).chars().skip(skipped).collect();
    if skipped > 0 {
        head.insert(0, '…');
    }
    let mut tail: String = shown(after).chars().take(EXCERPT_AFTER).collect();
    if after.chars().count() > EXCERPT_AFTER {
        tail.push('…');
    }
    let column = head.chars().count();
    format!("{}\n{:column$}^", format!("{head}{tail}").trim_end(), "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_lines_and_characters() {
        let text = "ab\ncäd\r\nx".as_bytes();
        let at = |offset| {
            let place = Place::START.advanced(text, offset);
            (place.line, place.column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(2), (1, 3));
        assert_eq!(at(3), (2, 1));
        assert_eq!(at(6), (2, 3), "a two-byte character is one column");
        assert_eq!(at(9), (3, 1));
        assert_eq!(at(99), (3, 2), "past the end");
    }

    #[test]
    fn a_place_inside_a_line_keeps_the_column_it_began_at() {
        let begin = Place { line: 7, column: 5 };
        assert_eq!(begin.advanced(b"abc", 2), Place { line: 7, column: 7 });
        assert_eq!(begin.advanced(b"a\nc", 2), Place { line: 8, column: 1 });
    }

    #[test]
    fn the_caret_stands_below_its_character() {
        let long = format!("{}X{}", "a".repeat(100), "b".repeat(100));
        let shown = excerpt(&long, 100);
        let (line, caret) = shown.split_once('\n').unwrap();
        let column = caret.chars().count() - 1;
        assert_eq!(line.chars().nth(column), Some('X'));
        assert!(line.starts_with('…') && line.ends_with('…'));
        assert_eq!(excerpt("ab", 2), "ab\n  ^");
        assert_eq!(excerpt("ä", 1), "ä\n^", "an offset inside a character");
    }
}
