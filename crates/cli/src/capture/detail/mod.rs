//! The `Detail` column: `Key: value` pairs, separated by commas that values may hold too.

mod open;
mod transfer;

pub(crate) use self::open::{Open, Outcome, open};
pub(crate) use self::transfer::{GroupingSeen, Transfer, transfer};
use super::number::{self, NumberError};

/// What is wrong with a `Detail`, and at which byte of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DetailError {
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl DetailError {
    fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

/// A `Key: value` pair and where the value begins.
struct Pair<'a> {
    key: &'static str,
    value: &'a str,
    at: usize,
}

/// Splits a `Detail` at the keys given. What comes before the first key is an error.
fn pairs<'a>(detail: &'a str, keys: &[&'static str]) -> Result<Vec<Pair<'a>>, DetailError> {
    let mut pairs: Vec<Pair<'a>> = Vec::new();
    let mut at = 0;
    for piece in detail.split(", ") {
        let found = keys.iter().find_map(|key| Some((*key, piece.strip_prefix(*key)?.strip_prefix(':')?)));
        if let Some((key, value)) = found {
            if pairs.iter().any(|pair| pair.key == key) {
                return Err(DetailError::new(at, format!("a second `{key}:` in the detail")));
            }
            let trimmed = value.strip_prefix(' ').unwrap_or(value);
            pairs.push(Pair { key, value: trimmed, at: at + piece.len() - trimmed.len() });
        } else if let Some(last) = pairs.last_mut() {
            last.value = &detail[last.at..at + piece.len()];
        } else {
            return Err(DetailError::new(at, format!("`{}:` expected here", keys[0])));
        }
        at += piece.len() + ", ".len();
    }
    Ok(pairs)
}

fn value<'p, 'a>(pairs: &'p [Pair<'a>], key: &str, detail: &str) -> Result<&'p Pair<'a>, DetailError> {
    pairs
        .iter()
        .find(|pair| pair.key == key)
        .ok_or_else(|| DetailError::new(detail.len(), format!("`{key}:` is missing from the detail")))
}

fn is_hexadecimal(text: &str) -> bool {
    text.strip_prefix("0x").is_some_and(|digits| {
        (1..=16).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
    })
}

/// The thread that a `Thread Create` or `Thread Exit` tells of.
pub(crate) fn thread_id(detail: &str) -> Result<u32, DetailError> {
    let pairs = pairs(detail, &["Thread ID", "User Time"])?;
    let pair = value(&pairs, "Thread ID", detail)?;
    let number = number::parse(pair.value).map_err(|NumberError { at, what }| {
        DetailError::new(pair.at + at, format!("the thread ID `{}`: {what}", pair.value))
    })?;
    u32::try_from(number.value)
        .map_err(|_| DetailError::new(pair.at, format!("the thread ID {} is no 32-bit number", number.value)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_thread_is_read() {
        assert_eq!(thread_id("Thread ID: 6740"), Ok(6740));
        assert_eq!(thread_id("Thread ID: 5324, User Time: 0.0000000, Kernel Time: 0.0156250"), Ok(5324));
        assert!(thread_id("Thread ID: x").is_err());
        assert!(thread_id("").is_err());
    }

    proptest! {
        #[test]
        fn any_detail_is_read_or_refused(detail in "(Offset|Length|I/O Flags|Priority|Desired Access|[a-z0-9 ,:.-]){0,12}") {
            let _ = transfer(&detail, &mut GroupingSeen::default());
            let _ = open(&detail);
            let _ = thread_id(&detail);
        }
    }
}
