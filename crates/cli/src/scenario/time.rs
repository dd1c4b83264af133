//! Reading times of RFC 3339.

use time::{Date, Month};

use crate::model::FileTime;

/// 100 ns units in a second.
const UNITS: u64 = 10_000_000;
/// Seconds from 1601-01-01 to 1970-01-01.
const EPOCH_SECONDS: i64 = 11_644_473_600;

/// Reads an RFC 3339 time in UTC.
pub(super) fn parse_rfc3339(text: &str) -> Option<FileTime> {
    let (date, rest) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.splitn(3, '-').map(str::parse::<i32>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    let (clock, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
    let mut parts = clock.splitn(3, ':').map(str::parse::<u8>);
    let (hour, minute, second) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let moment = date.with_hms(hour, minute, second).ok()?.assume_utc();
    if fraction.is_empty() || fraction.len() > 7 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let units: u64 = format!("{fraction:0<7}").parse().ok()?;
    let seconds = u64::try_from(moment.unix_timestamp() + EPOCH_SECONDS).ok()?;
    Some(FileTime(seconds * UNITS + units))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::output::time::rfc3339;

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "Z", "2024-01-01", "2024-13-01T00:00:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z"]
        {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn times_read_back(ticks in 0..2_650_467_743_990_000_000_u64) {
            let time = FileTime(ticks);
            prop_assert_eq!(parse_rfc3339(&rfc3339(time).unwrap()), Some(time));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9TZ:.-]{0,32}") {
            let _ = parse_rfc3339(&text);
        }
    }
}
