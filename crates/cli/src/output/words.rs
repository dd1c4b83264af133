//! Small pieces of text that both outputs, the summary and the messages use.

use std::fmt::Write as _;

use crate::model::Offset;

/// The last component of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('\\').next().filter(|name| !name.is_empty()).unwrap_or(path)
}

/// A number with commas between groups of three digits.
pub(crate) fn grouped(number: impl Into<i128>) -> String {
    let number = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 1);
    if number < 0 {
        text.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: "1 write", "2 writes".
pub(crate) fn count(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}

/// An offset for people.
pub(crate) fn offset(offset: Offset) -> String {
    match offset {
        Offset::At(offset) => grouped(offset),
        Offset::EndOfFile => "end of file".to_owned(),
        Offset::FilePointer => "file pointer".to_owned(),
    }
}

/// The text with its middle left out, so that it takes at most `width` columns (of one character each).
pub(crate) fn elided(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width || width < 3 {
        return text.to_owned();
    }
    // The end, with the file's name, says more than the beginning.
    let head = (width - 1) / 3;
    let tail = width - 1 - head;
    let mut short: String = text.chars().take(head).collect();
    short.push('…');
    short.extend(text.chars().skip(length - tail));
    short
}

/// Text without characters that would act on a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() || matches!(character, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}') {
            write!(safe, "{}", character.escape_unicode()).expect("a String takes all");
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_000), "1,000");
        assert_eq!(grouped(-1_234_567), "-1,234,567");
        assert_eq!(count(1, "write"), "1 write");
        assert_eq!(count(2_000, "write"), "2,000 writes");
    }

    #[test]
    fn a_long_path_loses_its_middle() {
        assert_eq!(elided("abc", 3), "abc");
        assert_eq!(elided(r"C:\Windows\System32\drivers\etc\hosts", 20).chars().count(), 20);
        assert!(elided(r"C:\Windows\System32\drivers\etc\hosts", 20).ends_with(r"\etc\hosts"));
        assert_eq!(elided("äöüäöüäöü", 4), "ä…öü");
    }

    #[test]
    fn names_cannot_act_on_the_terminal() {
        assert_eq!(printable("a\u{1B}[31mb\u{202E}"), "a\\u{1b}[31mb\\u{202e}");
        assert_eq!(printable("ünï"), "ünï");
    }

    #[test]
    fn the_file_name_is_the_last_part() {
        assert_eq!(file_name(r"C:\Windows\explorer.exe"), "explorer.exe");
        assert_eq!(file_name("System"), "System");
        assert_eq!(file_name(r"C:\"), r"C:\");
    }
}
