//! Comma-separated values as RFC 4180 has them, read strictly and with the place of every field.
//!
//! A lenient reader takes the end of a cut file for the end of its last field. Here a quote that is never closed, text
//! after a closing quote and a row that stops without any end are errors.

use std::io::{self, BufRead};
use std::ops::Range;

use crate::place::Place;

/// The longest row accepted: Process Monitor writes whole process environments into one.
const ROW_LIMIT: usize = 16 << 20;

/// What is wrong with the text, and where.
#[derive(Debug)]
pub(crate) struct CsvError {
    pub(crate) place: Place,
    pub(crate) what: CsvFault,
}

/// See [`CsvError`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum CsvFault {
    #[error("the capture is cut short: the field that begins here is never closed by a quote")]
    UnclosedQuote,
    #[error("a field of more than {} MiB begins here: its closing quote is missing", ROW_LIMIT >> 20)]
    TooLong,
    #[error("text after a closing quote; a comma or the end of the row belongs here")]
    TextAfterQuote,
    #[error("a quote inside an unquoted field")]
    QuoteInField,
    #[error("a carriage return without a line feed")]
    BareReturn,
    #[error("the capture is cut short: the last row ends without a line break")]
    NoLineBreak,
    #[error("not UTF-8 text")]
    NotUtf8,
    #[error("a NUL character")]
    Nul,
    #[error("{0}")]
    Read(io::Error),
}

/// One row.
#[derive(Default, Debug)]
pub(crate) struct Row {
    /// The row as it stands in the file, line break included.
    raw: String,
    /// Line of its first character, from 1.
    line: u64,
    fields: Vec<Field>,
    /// The fields' text without quotes.
    text: String,
}

#[derive(Debug)]
struct Field {
    /// The field's content in `Row::raw`, the outer quotes left out.
    raw: Range<usize>,
    /// The same in `Row::text`.
    text: Range<usize>,
}

impl Row {
    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The text of a field.
    pub(crate) fn field(&self, index: usize) -> &str {
        &self.text[self.fields[index].text.clone()]
    }

    /// Line of the row's first character.
    pub(crate) fn line(&self) -> u64 {
        self.line
    }

    /// Where the character at byte `offset` of a field's text stands in the file.
    pub(crate) fn place(&self, index: usize, offset: usize) -> Place {
        Place { line: self.line, column: 1 }.advanced(self.raw.as_bytes(), self.raw_offset(index, offset))
    }

    /// Where the row ends.
    pub(crate) fn end(&self) -> Place {
        let raw = self.raw.trim_end_matches(['\r', '\n']);
        Place { line: self.line, column: 1 }.advanced(raw.as_bytes(), raw.len())
    }

    /// The physical line around a field's character, and the byte offset of that character in it.
    pub(crate) fn line_around(&self, index: usize, offset: usize) -> (&str, usize) {
        let at = self.raw_offset(index, offset);
        let begin = self.raw[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let end = self.raw[at..].find(['\r', '\n']).map_or(self.raw.len(), |length| at + length);
        (&self.raw[begin..end], at - begin)
    }

    /// The byte of `raw` that gave the byte `offset` of the field's text.
    fn raw_offset(&self, index: usize, offset: usize) -> usize {
        let Field { raw, text } = &self.fields[index];
        let raw_text = &self.raw[raw.clone()];
        if raw.len() == text.len() {
            return raw.start + offset.min(raw.len());
        }
        // Every quote in the text is doubled in the file.
        let mut at = 0;
        let mut left = offset;
        let mut characters = raw_text.chars();
        while left > 0
            && let Some(character) = characters.next()
        {
            left = left.saturating_sub(character.len_utf8());
            at += character.len_utf8();
            if character == '"' {
                characters.next();
                at += 1;
            }
        }
        raw.start + at
    }
}

/// Reads rows off a stream of bytes.
pub(crate) struct Reader<R> {
    input: R,
    /// Line that the next row begins at.
    line: u64,
    bytes: Vec<u8>,
}

enum State {
    FieldStart,
    Unquoted {
        begin: usize,
    },
    Quoted {
        begin: usize,
    },
    /// After a quote inside a quoted field: its end, or the first of a doubled pair.
    QuoteSeen {
        begin: usize,
    },
    /// After a carriage return outside quotes.
    Return,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, line: 1, bytes: Vec::new() }
    }

    /// The place `offset` bytes into the row being read.
    fn place(&self, offset: usize) -> Place {
        Place { line: self.line, column: 1 }.advanced(&self.bytes, offset)
    }

    fn fault(&self, offset: usize, what: CsvFault) -> CsvError {
        CsvError { place: self.place(offset), what }
    }

    /// Reads the next row into `row`; `false` at the end of the file.
    pub(crate) fn read(&mut self, row: &mut Row) -> Result<bool, CsvError> {
        row.fields.clear();
        row.text.clear();
        self.bytes = std::mem::take(&mut row.raw).into_bytes();
        self.bytes.clear();
        let mut raw_fields = Vec::new();
        let mut state = State::FieldStart;
        let mut at = 0;
        'row: loop {
            let before = self.bytes.len();
            let limit = (ROW_LIMIT + 1 - before) as u64;
            if let Err(error) = io::Read::take(&mut self.input, limit).read_until(b'\n', &mut self.bytes) {
                return Err(self.fault(self.bytes.len(), CsvFault::Read(error)));
            }
            if self.bytes.len() == before {
                match state {
                    State::FieldStart if self.bytes.is_empty() => return Ok(false),
                    State::Quoted { begin } => return Err(self.fault(begin - 1, CsvFault::UnclosedQuote)),
                    // The closing quote shows that the field is whole.
                    State::QuoteSeen { begin } => raw_fields.push(begin..at - 1),
                    State::FieldStart | State::Unquoted { .. } => {
                        return Err(self.fault(at, CsvFault::NoLineBreak));
                    }
                    State::Return => {}
                }
                break 'row;
            }
            while at < self.bytes.len() {
                let byte = self.bytes[at];
                state = match (state, byte) {
                    (State::Return, b'\n') => break 'row,
                    (State::Return, _) => return Err(self.fault(at - 1, CsvFault::BareReturn)),
                    (_, 0) => return Err(self.fault(at, CsvFault::Nul)),
                    (State::Quoted { begin }, b'"') => State::QuoteSeen { begin },
                    (State::Quoted { begin }, _) | (State::QuoteSeen { begin }, b'"') => {
                        State::Quoted { begin }
                    }
                    (State::FieldStart, b'"') => State::Quoted { begin: at + 1 },
                    (State::Unquoted { .. }, b'"') => return Err(self.fault(at, CsvFault::QuoteInField)),
                    (
                        ended @ (State::FieldStart | State::Unquoted { .. } | State::QuoteSeen { .. }),
                        b',' | b'\r' | b'\n',
                    ) => {
                        raw_fields.push(match ended {
                            State::Unquoted { begin } => begin..at,
                            State::QuoteSeen { begin } => begin..at - 1,
                            _ => at..at,
                        });
                        match byte {
                            b'\n' => break 'row,
                            b'\r' => State::Return,
                            _ => State::FieldStart,
                        }
                    }
                    (State::QuoteSeen { .. }, _) => return Err(self.fault(at, CsvFault::TextAfterQuote)),
                    (State::FieldStart, _) => State::Unquoted { begin: at },
                    (unquoted @ State::Unquoted { .. }, _) => unquoted,
                };
                at += 1;
            }
            if self.bytes.len() > ROW_LIMIT {
                let begin = match state {
                    State::Quoted { begin } | State::Unquoted { begin } => begin,
                    _ => at,
                };
                return Err(self.fault(begin, CsvFault::TooLong));
            }
        }
        self.finish(row, raw_fields)
    }

    /// Fills `row` from the bytes read and the places of its fields.
    fn finish(&mut self, row: &mut Row, raw_fields: Vec<Range<usize>>) -> Result<bool, CsvError> {
        row.line = self.line;
        row.raw = match String::from_utf8(std::mem::take(&mut self.bytes)) {
            Ok(raw) => raw,
            Err(error) => {
                let at = error.utf8_error().valid_up_to();
                self.bytes = error.into_bytes();
                return Err(self.fault(at, CsvFault::NotUtf8));
            }
        };
        for raw in raw_fields {
            let begin = row.text.len();
            let content = &row.raw[raw.clone()];
            let mut pieces = content.split("\"\"");
            row.text.push_str(pieces.next().unwrap_or_default());
            for piece in pieces {
                row.text.push('"');
                row.text.push_str(piece);
            }
            row.fields.push(Field { raw, text: begin..row.text.len() });
        }
        self.line += row.raw.bytes().filter(|byte| *byte == b'\n').count() as u64;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &[u8]) -> Result<Vec<Vec<String>>, CsvError> {
        let mut reader = Reader::new(text);
        let mut row = Row::default();
        let mut rows = Vec::new();
        while reader.read(&mut row)? {
            rows.push((0..row.len()).map(|index| row.field(index).to_owned()).collect());
        }
        Ok(rows)
    }

    fn fault(text: &str) -> (u64, u64, String) {
        let CsvError { place, what } = rows(text.as_bytes()).expect_err(text);
        (place.line, place.column, format!("{what:?}"))
    }

    #[test]
    fn quoted_fields_hold_commas_quotes_and_line_breaks() {
        let read = rows(b"\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\"\r\nplain,,last\n").unwrap();
        assert_eq!(read, [["a,b", "say \"hi\"", "two\r\nlines"], ["plain", "", "last"]]);
    }

    #[test]
    fn the_last_row_may_lack_its_line_break_if_a_quote_closes_it() {
        assert_eq!(rows(b"\"a\",\"b\"").unwrap(), [["a", "b"]]);
        assert_eq!(rows(b"\"a\",\"b\"\r").unwrap(), [["a", "b"]]);
    }

    #[test]
    fn a_cut_or_torn_row_is_an_error_with_its_place() {
        assert_eq!(fault("\"a\",\"b"), (1, 5, "UnclosedQuote".into()));
        assert_eq!(fault("\"a\"\n\"b\n\nc"), (2, 1, "UnclosedQuote".into()));
        assert_eq!(fault("\"a\",\"b\"x\n"), (1, 8, "TextAfterQuote".into()));
        assert_eq!(fault("a,b\"c\n"), (1, 4, "QuoteInField".into()));
        assert_eq!(fault("\"a\",b"), (1, 6, "NoLineBreak".into()));
        assert_eq!(fault("\"a\","), (1, 5, "NoLineBreak".into()));
        assert_eq!(fault("a\rb\n"), (1, 2, "BareReturn".into()));
        assert_eq!(fault("a\n\"b\0\"\n"), (2, 3, "Nul".into()));
    }

    #[test]
    fn text_that_is_not_utf8_is_refused_where_it_begins() {
        let error = rows(b"ab\n\"c\xFF\"\n").unwrap_err();
        assert!(matches!(error.what, CsvFault::NotUtf8));
        assert_eq!(error.place, Place { line: 2, column: 3 });
    }

    #[test]
    fn a_place_in_a_field_counts_doubled_quotes_and_inner_lines() {
        let mut reader = Reader::new(&b"x\n\"a\"\"b\",\"1\n23\",\xC3\xA4y\n"[..]);
        let mut row = Row::default();
        assert!(reader.read(&mut row).unwrap());
        assert!(reader.read(&mut row).unwrap());
        assert_eq!(row.field(0), "a\"b");
        assert_eq!(row.place(0, 2), Place { line: 2, column: 5 });
        assert_eq!(row.place(1, 3), Place { line: 3, column: 2 });
        assert_eq!(row.line_around(1, 3), ("23\",äy", 1));
        assert_eq!(row.place(2, 2), Place { line: 3, column: 6 });
        assert_eq!(row.end(), Place { line: 3, column: 7 });
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = rows(&bytes);
        }

        /// Whatever an independent writer writes is read back.
        #[test]
        fn rows_of_another_writer_are_read_back(
            table in proptest::collection::vec(proptest::collection::vec("[^\0]{0,12}", 3), 1..6),
            always in any::<bool>(),
        ) {
            let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
            let mut writer =
                csv::WriterBuilder::new().quote_style(style).terminator(csv::Terminator::CRLF).from_writer(Vec::new());
            for row in &table {
                writer.write_record(row).unwrap();
            }
            prop_assert_eq!(rows(&writer.into_inner().unwrap()).unwrap(), table);
        }

        /// Cutting a quoted file anywhere but at the end of a row is noticed, unless amid the doubled quote of a last field.
        #[test]
        fn every_cut_inside_a_row_is_noticed(cut in 1usize..30) {
            let whole = b"\"h1\",\"h2\"\r\n\"a\",\"b\"\r\n\"c\",\"d\"\r\n";
            let read = rows(&whole[..cut]);
            let complete = matches!(cut, 9 | 10 | 11 | 18 | 19 | 20 | 27 | 28 | 29);
            let short = read.as_ref().is_ok_and(|rows| rows.iter().any(|row| row.len() != 2));
            prop_assert_eq!(read.is_ok() && !short, complete, "{:?}", read);
        }
    }
}
