//! Times as people write them, and as Unix counts them (wdm.h, `TIME_FIELDS`; ntddk.h, `RtlTimeToSecondsSince1970`).

use crate::abi::Ptr;
use crate::ke::Cpu;

/// Units of system time, 100 ns, in a millisecond, and milliseconds in longer times.
const UNITS: i64 = 10_000;
const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The year in which system time begins, and the weekday of its first day: Monday.
const FIRST_YEAR: i64 = 1601;
const FIRST_WEEKDAY: i64 = 1;
/// The last year that times can be in.
const LAST_YEAR: i16 = 30827;
/// Days before each month of a year that is no leap year.
const DAYS_BEFORE: [i64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
/// Seconds from the beginning of system time to those of 1970 and 1980.
pub(crate) const SECONDS_TO_1970: i64 = 11_644_473_600;
pub(crate) const SECONDS_TO_1980: i64 = 11_960_006_400;

/// `TIME_FIELDS`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct TimeFields {
    year: i16,
    month: i16,
    day: i16,
    hour: i16,
    minute: i16,
    second: i16,
    milliseconds: i16,
    weekday: i16,
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days from the beginning to that of a year.
fn days_before_year(year: i64) -> i64 {
    let past = year - FIRST_YEAR;
    let leaps = |year: i64| year / 4 - year / 100 + year / 400;
    past * 365 + leaps(year - 1) - leaps(FIRST_YEAR - 1)
}

/// Days of a year before a month, both from 0 on.
fn days_before_month(year: i64, month: usize) -> i64 {
    DAYS_BEFORE[month] + i64::from(month > 1 && is_leap(year))
}

fn small(value: i64) -> i16 {
    i16::try_from(value).unwrap_or(i16::MAX)
}

/// `RtlTimeToTimeFields`.
pub(crate) fn to_fields(_cpu: &Cpu, time: Ptr<i64>, fields: Ptr<TimeFields>) {
    let milliseconds = time.read().max(0) / UNITS;
    let (days, rest) = (milliseconds / DAY, milliseconds % DAY);
    // One year is estimated short enough, and the rest counted.
    let mut year = FIRST_YEAR + days / 366;
    while days_before_year(year + 1) <= days {
        year += 1;
    }
    let day = days - days_before_year(year);
    let month = (0..12).rfind(|month| days_before_month(year, *month) <= day).unwrap_or(0);
    fields.write(TimeFields {
        year: small(year),
        month: small(i64::try_from(month).unwrap_or(0) + 1),
        day: small(day - days_before_month(year, month) + 1),
        hour: small(rest / HOUR),
        minute: small(rest % HOUR / MINUTE),
        second: small(rest % MINUTE / SECOND),
        milliseconds: small(rest % SECOND),
        weekday: small((days + FIRST_WEEKDAY) % 7),
    });
}

/// `RtlTimeFieldsToTime`: whether the fields are a time; the weekday is not looked at.
pub(crate) fn from_fields(_cpu: &Cpu, fields: Ptr<TimeFields>, time: Ptr<i64>) -> u8 {
    let TimeFields { year, month, day, hour, minute, second, milliseconds, .. } = fields.read();
    let is_in = |value: i16, range: std::ops::Range<i16>| range.contains(&value);
    let is_clock_time =
        is_in(hour, 0..24) && is_in(minute, 0..60) && is_in(second, 0..60) && is_in(milliseconds, 0..1000);
    if !is_clock_time || !is_in(month, 1..13) || !is_in(year, 1601..LAST_YEAR + 1) || day < 1 {
        return 0;
    }
    let year = i64::from(year);
    let month = usize::try_from(month - 1).unwrap_or(0);
    let length = days_before_month(year, month + 1) - days_before_month(year, month);
    if i64::from(day) > length {
        return 0;
    }
    let days = days_before_year(year) + days_before_month(year, month) + i64::from(day) - 1;
    let milliseconds = days * DAY
        + i64::from(hour) * HOUR
        + i64::from(minute) * MINUTE
        + i64::from(second) * SECOND
        + i64::from(milliseconds);
    time.write(milliseconds * UNITS);
    1
}

/// `RtlTimeToSecondsSince1970` and its relative: whether the time lies in what 32 bits count.
pub(crate) fn to_seconds<const SINCE: i64>(_cpu: &Cpu, time: Ptr<i64>, seconds: Ptr<u32>) -> u8 {
    match u32::try_from(time.read() / (UNITS * SECOND) - SINCE) {
        Ok(counted) => {
            seconds.write(counted);
            1
        }
        Err(_) => 0,
    }
}

/// `RtlSecondsSince1970ToTime` and its relative.
pub(crate) fn from_seconds<const SINCE: i64>(_cpu: &Cpu, seconds: u32, time: Ptr<i64>) {
    time.write((i64::from(seconds) + SINCE) * UNITS * SECOND);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginnings_of_years_are_where_the_calendar_has_them() {
        assert_eq!(days_before_year(1970) * 24 * 60 * 60, SECONDS_TO_1970);
        assert_eq!(days_before_year(1980) * 24 * 60 * 60, SECONDS_TO_1980);
        assert_eq!([1900, 2000, 2024, 2100].map(is_leap), [false, true, true, false]);
    }
}
