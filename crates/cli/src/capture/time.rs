//! Times as Process Monitor prints them: in the machine's locale and its local time.
//!
//! `Time of Day` carries 100 ns and no date, `Date & Time` a date whose order of day and month depends on the locale,
//! `Relative Time` neither. What the capture does not tell stays unknown.

use time::{Date, Month};

use crate::date_order::DateOrder;

/// 100 ns units in a second.
pub(crate) const SECOND: u64 = 10_000_000;
/// The same in a day.
pub(crate) const DAY: u64 = 24 * 60 * 60 * SECOND;

/// Designators of the first half of the day, lower-case and without full stops and spaces.
const MORNING: &[&str] = &["am", "上午", "午前", "오전", "πμ", "de", "dop", "öö", "sa", "ص"];
/// The same of the second half.
const AFTERNOON: &[&str] = &["pm", "下午", "午後", "오후", "μμ", "du", "odp", "ös", "ch", "م"];

/// A half of the day, or what was printed in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    None,
    Morning,
    Afternoon,
    Unknown,
}

/// Characters that may be between the parts of a time beside letters and digits.
fn is_filler(character: char) -> bool {
    // The marks give the direction of right-to-left text.
    character.is_whitespace() || matches!(character, '.' | '\u{200E}' | '\u{200F}' | '\u{202F}' | '\u{A0}')
}

fn half(words: &str) -> Half {
    let words: String = words.chars().filter(|c| !is_filler(*c)).flat_map(char::to_lowercase).collect();
    match words.as_str() {
        "" => Half::None,
        word if MORNING.contains(&word) => Half::Morning,
        word if AFTERNOON.contains(&word) => Half::Afternoon,
        _ => Half::Unknown,
    }
}

/// A time of day that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoTime {
    /// Not a time at all.
    Malformed,
    /// A time, but in a half of the day that is not known here.
    UnknownHalf,
}

/// Reads hours, minutes, seconds and their fraction, in 100 ns since midnight: `7:19:37.0147934 AM`, `19.19.37,0147934`.
pub(crate) fn time_of_day(text: &str) -> Result<u64, NoTime> {
    let begin = text.find(|c: char| c.is_ascii_digit()).ok_or(NoTime::Malformed)?;
    let end = text.rfind(|c: char| c.is_ascii_digit()).ok_or(NoTime::Malformed)? + 1;
    let (before, after) = (&text[..begin], &text[end..]);
    let parts: Vec<&str> = text[begin..end].split([':', '.', ',', '٫']).collect();
    let (hour, minute, second, fraction) = match parts[..] {
        [hour, minute, second] => (hour, minute, second, "0"),
        [hour, minute, second, fraction] => (hour, minute, second, fraction),
        _ => return Err(NoTime::Malformed),
    };
    let clock = |part: &str, limit: u64| -> Option<u64> {
        let valid = (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse().ok().filter(|value| valid && *value < limit)
    };
    let (Some(hour), Some(minute), Some(second), Some(fraction)) =
        (clock(hour, 24), clock(minute, 60), clock(second, 60), fraction_of_second(fraction))
    else {
        return Err(NoTime::Malformed);
    };
    let hour = match (half(before), half(after)) {
        (Half::None, Half::None) => hour,
        (Half::Morning, Half::None) | (Half::None, Half::Morning) if hour <= 12 => hour % 12,
        (Half::Afternoon, Half::None) | (Half::None, Half::Afternoon) if (1..=12).contains(&hour) => {
            hour % 12 + 12
        }
        // A clock of 24 hours with a designator after it.
        (Half::Afternoon, Half::None) | (Half::None, Half::Afternoon) if hour > 12 => hour,
        // A letter that touches the digits is no designation but damage.
        _ if after.starts_with(|c: char| c.is_ascii_alphabetic()) => return Err(NoTime::Malformed),
        _ => return Err(NoTime::UnknownHalf),
    };
    Ok(((hour * 60 + minute) * 60 + second) * SECOND + fraction)
}

/// Up to seven decimals, in 100 ns.
fn fraction_of_second(digits: &str) -> Option<u64> {
    let valid = (1..=7).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let value: u64 = valid.then(|| digits.parse().ok()).flatten()?;
    Some(value * 10_u64.pow(7 - u32::try_from(digits.len()).ok()?))
}

/// Reads a span such as `00:01:32.1180259`, in 100 ns.
pub(crate) fn span(text: &str) -> Option<u64> {
    let parts: Vec<&str> = text.split([':', '.', ',', '٫']).collect();
    let [hours, minutes, seconds, fraction] = parts[..] else {
        return None;
    };
    let number =
        |part: &str| part.parse::<u64>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
    let seconds_of_hour = number(minutes)?.checked_mul(60)?.checked_add(number(seconds)?)?;
    let seconds = number(hours)?.checked_mul(3600)?.checked_add(seconds_of_hour)?;
    seconds.checked_mul(SECOND)?.checked_add(fraction_of_second(fraction)?)
}

/// Every order.
const ORDERS: [DateOrder; 3] = [DateOrder::Dmy, DateOrder::Mdy, DateOrder::Ymd];

/// The date that three numbers mean in an order, in days since 1601-01-01.
fn days(order: DateOrder, numbers: [u32; 3]) -> Option<u64> {
    let [first, second, third] = numbers;
    let (year, month, day) = match order {
        DateOrder::Dmy => (third, second, first),
        DateOrder::Mdy => (third, first, second),
        DateOrder::Ymd => (first, second, third),
    };
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()?;
    // Process Monitor is of this century; other calendars' years are not.
    let plausible = (2000..2400).contains(&date.year());
    plausible.then(|| u64::try_from(date.to_julian_day() - EPOCH).ok()).flatten()
}

/// Julian day of 1601-01-01, where file times begin.
const EPOCH: i32 = 2_305_814;

/// The date part of `Date & Time` before its order is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RawDate {
    numbers: [u32; 3],
    separator: char,
}

/// Reads the three numbers of a date that begins a `Date & Time`, and returns the rest, the time.
pub(crate) fn raw_date(text: &str) -> Option<(RawDate, &str)> {
    let mut numbers = [0; 3];
    let mut rest = text.trim_start_matches(|c: char| is_filler(c));
    let mut separator = None;
    for (index, number) in numbers.iter_mut().enumerate() {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=4).contains(&length) {
            return None;
        }
        *number = rest[..length].parse().ok()?;
        rest = &rest[length..];
        if index < 2 {
            let between =
                rest.len() - rest.trim_start_matches(|c: char| is_filler(c) || matches!(c, '/' | '-')).len();
            separator = separator.or(rest[..between].chars().find(|c| !c.is_whitespace()));
            if between == 0 {
                return None;
            }
            rest = &rest[between..];
        }
    }
    Some((RawDate { numbers, separator: separator? }, rest))
}

/// What the dates of a capture say about the order of day and month.
#[derive(Clone, Debug)]
pub(crate) struct Dates {
    possible: Vec<DateOrder>,
    chosen: Option<DateOrder>,
    separator: Option<char>,
    seen: bool,
    /// Whether day and month were ever different: if not, either order gives the same date.
    differ: bool,
}

impl Dates {
    pub(crate) fn new(chosen: Option<DateOrder>) -> Self {
        Self { possible: ORDERS.to_vec(), chosen, separator: None, seen: false, differ: false }
    }

    /// Takes note of a date.
    pub(crate) fn see(&mut self, date: RawDate) {
        self.possible.retain(|order| days(*order, date.numbers).is_some());
        self.separator = Some(date.separator);
        self.seen = true;
        self.differ |= date.numbers[0] != date.numbers[1];
    }

    /// The order that the dates are in, if they tell.
    pub(crate) fn order(&self) -> DateOrderKnown {
        match (self.chosen, &self.possible[..]) {
            _ if !self.seen => DateOrderKnown::NoDates,
            (Some(chosen), possible) if possible.contains(&chosen) => DateOrderKnown::Known(chosen),
            (Some(_), _) | (None, []) => DateOrderKnown::Unreadable,
            (None, [order]) => DateOrderKnown::Known(*order),
            (None, [order, ..]) if !self.differ => DateOrderKnown::Known(*order),
            // No locale puts the month first with these between.
            (None, possible)
                if matches!(self.separator, Some('.' | '-')) && possible.contains(&DateOrder::Dmy) =>
            {
                DateOrderKnown::Known(DateOrder::Dmy)
            }
            _ => DateOrderKnown::Ambiguous,
        }
    }
}

/// See [`Dates::order`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DateOrderKnown {
    Known(DateOrder),
    /// Day and month could be either.
    Ambiguous,
    /// No order makes dates of them all.
    Unreadable,
    /// The capture has none.
    NoDates,
}

impl RawDate {
    /// Midnight of this date, as a file time.
    pub(crate) fn midnight(self, order: DateOrder) -> Option<u64> {
        days(order, self.numbers).map(|days| days * DAY)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVENING: u64 = (19 * 3600 + 19 * 60 + 37) * SECOND + 147_934;

    #[test]
    fn times_of_many_locales_are_read() {
        for text in [
            "7:19:37.0147934 PM",
            "07:19:37.0147934 pm",
            "7:19:37.0147934\u{202F}PM",
            "19:19:37.0147934",
            "19:19:37,0147934",
            "19.19.37,0147934",
            "19.19.37.0147934",
            "7:19:37.0147934 p. m.",
            "7:19:37.0147934 p.m.",
            "下午 7:19:37.0147934",
            "오후 7:19:37.0147934",
            "午後 7:19:37.0147934",
            "7:19:37.0147934 μ.μ.",
            "\u{200F}07:19:37.0147934 م",
            "19:19:37.0147934 PM",
        ] {
            assert_eq!(time_of_day(text), Ok(EVENING), "{text}");
        }
        assert_eq!(time_of_day("12:00:00 AM"), Ok(0));
        assert_eq!(time_of_day("12:00:01 PM"), Ok((12 * 3600 + 1) * SECOND));
        assert_eq!(time_of_day("0:00:01"), Ok(SECOND));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "x",
            "7:19",
            "7:19:37.0147934.1",
            "24:00:00",
            "7:60:00",
            "7:19:3x",
            "7:19:370",
            "7:19:37.01479345",
        ] {
            assert_eq!(time_of_day(text), Err(NoTime::Malformed), "{text}");
        }
        assert_eq!(time_of_day("7:19:37.0147934 XM"), Err(NoTime::UnknownHalf));
        assert_eq!(time_of_day("13:19:37.0147934 AM"), Err(NoTime::UnknownHalf));
    }

    #[test]
    fn spans_are_read() {
        assert_eq!(span("00:01:32.1180259"), Some(92 * SECOND + 1_180_259));
        assert_eq!(span("100:00:00,0000001"), Some(360_000 * SECOND + 1));
        for text in ["", "1", "00:00:00", "a:00:00.0", "-1:00:00.0", "99999999999999999999:0:0.0"] {
            assert_eq!(span(text), None, "{text}");
        }
    }

    fn order(dates: &[&str]) -> DateOrderKnown {
        let mut seen = Dates::new(None);
        for text in dates {
            seen.see(raw_date(text).expect(text).0);
        }
        seen.order()
    }

    #[test]
    fn the_order_of_a_date_is_told_by_the_dates_or_stays_unknown() {
        assert_eq!(order(&["7/31/2020 7:19:37 AM"]), DateOrderKnown::Known(DateOrder::Mdy));
        assert_eq!(order(&["31/7/2020 7:19:37"]), DateOrderKnown::Known(DateOrder::Dmy));
        assert_eq!(order(&["2020-07-08 07:19:37"]), DateOrderKnown::Known(DateOrder::Ymd));
        assert_eq!(order(&["2020. 07. 08. 오전 7:19:37"]), DateOrderKnown::Known(DateOrder::Ymd));
        assert_eq!(order(&["08.07.2020 07:19:37"]), DateOrderKnown::Known(DateOrder::Dmy));
        assert_eq!(order(&["7. 8. 2020 7:19:37"]), DateOrderKnown::Known(DateOrder::Dmy));
        assert_eq!(order(&["7/8/2020 7:19:37 AM"]), DateOrderKnown::Ambiguous);
        assert_eq!(
            order(&["7/7/2020 7:19:37 AM"]),
            DateOrderKnown::Known(DateOrder::Dmy),
            "the same date either way"
        );
        assert_eq!(
            order(&["7/12/2020 11:59:59 PM", "7/13/2020 12:00:00 AM"]),
            DateOrderKnown::Known(DateOrder::Mdy)
        );
        assert_eq!(order(&["31/7/2563 7:19:37"]), DateOrderKnown::Unreadable, "another calendar");
        assert_eq!(order(&["31/31/2020 7:19:37"]), DateOrderKnown::Unreadable);
        assert_eq!(order(&[]), DateOrderKnown::NoDates);
        let mut told = Dates::new(Some(DateOrder::Mdy));
        told.see(raw_date("7/8/2020 7:19:37 AM").unwrap().0);
        assert_eq!(told.order(), DateOrderKnown::Known(DateOrder::Mdy));
    }

    #[test]
    fn a_date_becomes_a_file_time() {
        let (date, rest) = raw_date("7/31/2020 7:19:37 AM").unwrap();
        assert_eq!(rest, " 7:19:37 AM");
        // 2020-07-31T00:00:00Z is 1,596,153,600 s after 1970, which is 11,644,473,600 s after 1601.
        assert_eq!(date.midnight(DateOrder::Mdy), Some((1_596_153_600 + 11_644_473_600) * SECOND));
        assert_eq!(date.midnight(DateOrder::Dmy), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,30}") {
            let _ = time_of_day(&text);
            let _ = span(&text);
            let _ = raw_date(&text);
        }

        #[test]
        fn near_times_are_read_or_refused(text in "[0-9:., /APM-]{0,30}") {
            let _ = time_of_day(&text);
            let _ = span(&text);
            let _ = raw_date(&text);
        }
    }
}
