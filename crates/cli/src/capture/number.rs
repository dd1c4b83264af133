//! Numbers as Process Monitor prints them: in decimal, with the group separators of the machine it ran on.

/// Characters that separate groups somewhere: comma, full stop, spaces (ordinary, no-break, thin, narrow no-break),
/// apostrophes (straight, curly) and the Arabic thousands separator.
const SEPARATORS: [char; 9] = [',', '.', ' ', '\u{A0}', '\u{2009}', '\u{202F}', '\'', '\u{2019}', '\u{66C}'];

/// How a number's digits are grouped, as far as the number tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// By threes, as in 1,234,567.
    Thousands,
    /// The last three, then twos, as in 12,34,567.
    Indian,
}

/// A number and what its groups look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) value: i64,
    /// `None` if it has no groups, or groups that fit both ways.
    pub(crate) grouping: Option<Grouping>,
}

/// What is wrong with a number, and at which byte.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NumberError {
    pub(crate) at: usize,
    pub(crate) what: NumberFault,
}

/// See [`NumberError`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NumberFault {
    #[error("a number is missing")]
    Missing,
    #[error("`{0}` is not a digit")]
    NotADigit(char),
    #[error("group separator `{now}` after `{before}`: it cannot be told which number is meant")]
    MixedSeparators { before: char, now: char },
    #[error("the digits are not grouped by threes: it cannot be told which number is meant")]
    BadGroups,
    #[error("the number is too large")]
    TooLarge,
}

/// Reads a decimal number with or without group separators, and a minus sign if it is negative.
pub(crate) fn parse(text: &str) -> Result<Number, NumberError> {
    let (digits, negative) = match text.strip_prefix('-') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let start = text.len() - digits.len();
    let mut separator = None;
    let mut groups = vec![0_usize];
    let mut value: i64 = 0;
    for (at, character) in digits.char_indices() {
        let fault = |what| NumberError { at: start + at, what };
        if let Some(digit) = character.to_digit(10) {
            // Counted downwards, so that the least number fits.
            value = value
                .checked_mul(10)
                .and_then(|value| value.checked_sub(i64::from(digit)))
                .ok_or_else(|| fault(NumberFault::TooLarge))?;
            *groups.last_mut().expect("one group from the start") += 1;
        } else if SEPARATORS.contains(&character) {
            if let Some(before) = separator.replace(character)
                && before != character
            {
                return Err(fault(NumberFault::MixedSeparators { before, now: character }));
            }
            groups.push(0);
        } else {
            return Err(fault(NumberFault::NotADigit(character)));
        }
    }
    if separator.is_none() && groups == [0] {
        return Err(NumberError { at: start, what: NumberFault::Missing });
    }
    let grouping = grouping(&groups).ok_or(NumberError { at: start, what: NumberFault::BadGroups })?;
    let value = if negative { Some(value) } else { value.checked_neg() };
    let value = value.ok_or(NumberError { at: start, what: NumberFault::TooLarge })?;
    Ok(Number { value, grouping })
}

/// What the lengths of the groups say; `None` if they fit no style.
#[expect(clippy::option_option, reason = "outer: whether the groups fit a style; inner: which, if they tell")]
fn grouping(groups: &[usize]) -> Option<Option<Grouping>> {
    let [first, middle @ .., last] = groups else {
        return Some(None);
    };
    let all_middle = |length| middle.iter().all(|group| *group == length);
    match (*first, *last) {
        (1..=2, 3) if middle.is_empty() => Some(None),
        (1..=3, 3) if all_middle(3) => Some(Some(Grouping::Thousands)),
        (1..=2, 3) if all_middle(2) => Some(Some(Grouping::Indian)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_separator_is_read() {
        for separator in SEPARATORS {
            let text = format!("5{separator}242{separator}880");
            let expected = Number { value: 5_242_880, grouping: Some(Grouping::Thousands) };
            assert_eq!(parse(&text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn groups_tell_their_style_or_not() {
        let number = |value, grouping| Ok(Number { value, grouping });
        assert_eq!(parse("0"), number(0, None));
        assert_eq!(parse("5242880"), number(5_242_880, None));
        assert_eq!(parse("12,345"), number(12_345, None), "fits both styles");
        assert_eq!(parse("123,456"), number(123_456, Some(Grouping::Thousands)));
        assert_eq!(parse("12,34,567"), number(1_234_567, Some(Grouping::Indian)));
        assert_eq!(parse("-1"), number(-1, None));
        assert_eq!(parse("-9,223,372,036,854,775,808"), number(i64::MIN, Some(Grouping::Thousands)));
        assert_eq!(parse("9,223,372,036,854,775,807"), number(i64::MAX, Some(Grouping::Thousands)));
    }

    #[test]
    fn what_is_no_number_is_refused_at_its_place() {
        let fault = |at, what| Err(NumberError { at, what });
        assert_eq!(parse(""), fault(0, NumberFault::Missing));
        assert_eq!(parse("-"), fault(1, NumberFault::Missing));
        assert_eq!(parse("5,24x,880"), fault(4, NumberFault::NotADigit('x')));
        assert_eq!(parse("5,242.880"), fault(5, NumberFault::MixedSeparators { before: ',', now: '.' }));
        assert_eq!(parse("0x10"), fault(1, NumberFault::NotADigit('x')));
        assert_eq!(parse("9,223,372,036,854,775,808").unwrap_err().what, NumberFault::TooLarge);
        for text in [
            "5,24,88",
            "5,",
            ",5",
            ",",
            "1234,567",
            "5,242,88",
            "5,242,8800",
            "1,23,4,567",
            "5,,242",
            "123,45,678",
        ] {
            assert_eq!(parse(text).unwrap_err().what, NumberFault::BadGroups, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[-0-9,. x\u{A0}]{0,24}") {
            let _ = parse(&text);
        }

        #[test]
        fn plain_numbers_are_read(value in any::<i64>()) {
            prop_assert_eq!(parse(&value.to_string()).unwrap().value, value);
        }
    }
}
