//! File times as people and programs write them.

use std::fmt;

use time::{OffsetDateTime, PrimitiveDateTime};

use crate::model::FileTime;

/// 100 ns units in a second.
const UNITS: u64 = 10_000_000;
/// Seconds from 1601-01-01 to 1970-01-01.
const EPOCH_SECONDS: i64 = 11_644_473_600;

/// A time in RFC 3339, UTC, with 100 ns: `2020-07-31T07:19:37.0147934Z`.
#[derive(Clone, Copy)]
pub(crate) struct Rfc3339(pub(crate) FileTime);

/// Date and time of day; `None` for times past the year 9999, which RFC 3339 cannot write.
pub(crate) fn civil(FileTime(ticks): FileTime) -> Option<(PrimitiveDateTime, u64)> {
    let seconds = i64::try_from(ticks / UNITS).ok()? - EPOCH_SECONDS;
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    Some((PrimitiveDateTime::new(moment.date(), moment.time()), ticks % UNITS))
}

impl fmt::Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((moment, fraction)) = civil(self.0) else {
            return Err(fmt::Error);
        };
        let (hour, minute, second) = moment.as_hms();
        let (year, month, day) = moment.to_calendar_date();
        write!(
            f,
            "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z",
            u8::from(month)
        )
    }
}

/// The time as text, if it can be written.
pub(crate) fn rfc3339(time: FileTime) -> Option<String> {
    civil(time).map(|_| Rfc3339(time).to_string())
}

/// The time of day: `07:19:37.0147934`.
pub(crate) fn of_day(time: FileTime) -> Option<String> {
    let (moment, fraction) = civil(time)?;
    let (hour, minute, second) = moment.as_hms();
    Some(format!("{hour:02}:{minute:02}:{second:02}.{fraction:07}"))
}

/// Reads an RFC 3339 time in UTC.
pub(crate) fn parse_rfc3339(text: &str) -> Option<FileTime> {
    let (date, rest) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.splitn(3, '-').map(str::parse::<i32>);
    let (year, month, day) = (parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?);
    let month = time::Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = time::Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
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

    #[test]
    fn times_are_written_to_100_ns() {
        assert_eq!(rfc3339(FileTime(0)).unwrap(), "1601-01-01T00:00:00.0000000Z");
        let ticks = (1_596_153_600 + 11_644_473_600 + 26_377) * UNITS + 147_934;
        assert_eq!(rfc3339(FileTime(ticks)).unwrap(), "2020-07-31T07:19:37.0147934Z");
        assert_eq!(of_day(FileTime(ticks)).unwrap(), "07:19:37.0147934");
        assert_eq!(rfc3339(FileTime(u64::MAX)), None);
    }

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
