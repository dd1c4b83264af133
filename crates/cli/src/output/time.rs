//! File times as people and programs write them.

use time::{OffsetDateTime, PrimitiveDateTime};

use crate::model::FileTime;

/// 100 ns units in a second.
const UNITS: u64 = 10_000_000;
/// Seconds from 1601-01-01 to 1970-01-01.
const EPOCH_SECONDS: i64 = 11_644_473_600;

/// A time in RFC 3339, UTC, with 100 ns: `2020-07-31T07:19:37.0147934Z`.
#[derive(Clone, Copy)]
pub(crate) struct Rfc3339([u8; 28]);

impl Rfc3339 {
    /// The time as text, if it can be written.
    pub(crate) fn of(time: FileTime) -> Option<Self> {
        let (moment, fraction) = civil(time)?;
        let (hour, minute, second) = moment.as_hms();
        let mut text = *b"0000-00-00T00:00:00.0000000Z";
        for (at, digits, number) in [
            (0, 4, u64::try_from(moment.year()).ok()?),
            (5, 2, u8::from(moment.month()).into()),
            (8, 2, moment.day().into()),
            (11, 2, hour.into()),
            (14, 2, minute.into()),
            (17, 2, second.into()),
            (20, 7, fraction),
        ] {
            let mut rest = number;
            for digit in text[at..at + digits].iter_mut().rev() {
                *digit = b"0123456789"[usize::try_from(rest % 10).unwrap_or(0)];
                rest /= 10;
            }
        }
        Some(Self(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Date and time of day; `None` for times past the year 9999, which RFC 3339 cannot write.
pub(crate) fn civil(FileTime(ticks): FileTime) -> Option<(PrimitiveDateTime, u64)> {
    let seconds = i64::try_from(ticks / UNITS).ok()? - EPOCH_SECONDS;
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    Some((PrimitiveDateTime::new(moment.date(), moment.time()), ticks % UNITS))
}

/// The time as text, if it can be written. For what there is where the simulator is.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub(crate) fn rfc3339(time: FileTime) -> Option<String> {
    Rfc3339::of(time).map(|text| text.as_str().to_owned())
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
