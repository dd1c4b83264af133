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
struct Rfc3339(FileTime);

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_to_100_ns() {
        assert_eq!(rfc3339(FileTime(0)).unwrap(), "1601-01-01T00:00:00.0000000Z");
        let ticks = (1_596_153_600 + 11_644_473_600 + 26_377) * UNITS + 147_934;
        assert_eq!(rfc3339(FileTime(ticks)).unwrap(), "2020-07-31T07:19:37.0147934Z");
        assert_eq!(of_day(FileTime(ticks)).unwrap(), "07:19:37.0147934");
        assert_eq!(rfc3339(FileTime(u64::MAX)), None);
    }
}
