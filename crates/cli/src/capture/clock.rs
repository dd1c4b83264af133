//! The time of each row, from whichever of the three time columns the capture has.

use super::time::{DAY, DateOrderKnown, Dates, NoTime, RawDate, raw_date, span, time_of_day};
use crate::date_order::DateOrder;

/// What the times of a capture are worth. They are the machine's local time; the export does not tell its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockBasis {
    /// Date and time of day are known.
    Dated,
    /// Day and month could be either way round: the times are those of the day, on the first day of 1601.
    AmbiguousDate,
    /// There is no date, or none that can be read: likewise.
    NoDate,
    /// Not even the time of day can be read: the capture begins at midnight of the second day of 1601 (for the first
    /// moment of the first day stands for an unknown time).
    Relative,
}

/// What one row's time columns hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowTime {
    date: Option<RawDate>,
    of_day: Option<u64>,
    relative: Option<u64>,
}

/// A cell that holds no time: which of the columns it stands in, and why.
#[derive(Debug)]
pub(crate) struct ClockFault {
    pub(crate) column: ClockColumn,
    pub(crate) message: String,
}

/// The columns that tell time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClockColumn {
    TimeOfDay,
    DateAndTime,
    RelativeTime,
}

/// Reads the rows' times, and tells them once all rows were seen.
#[derive(Debug)]
pub(crate) struct Clock {
    dates: Dates,
    /// Whether the first row's date could be read; the others must be alike.
    readable: Option<bool>,
}

impl Clock {
    pub(crate) fn new(order: Option<DateOrder>) -> Self {
        Self { dates: Dates::new(order), readable: None }
    }

    /// Reads the time cells of a row.
    pub(crate) fn read(
        &mut self,
        of_day: Option<&str>,
        date_and_time: Option<&str>,
        relative: Option<&str>,
    ) -> Result<RowTime, ClockFault> {
        let fault = |column, message| Err(ClockFault { column, message });
        let relative = match relative.map(|text| (text, span(text))) {
            Some((text, None)) => {
                return fault(ClockColumn::RelativeTime, format!("`{text}` is no relative time"));
            }
            other => other.and_then(|(_, ticks)| ticks),
        };
        let mut date = None;
        let mut time_text = of_day.map(|text| (ClockColumn::TimeOfDay, text));
        if let Some(text) = date_and_time {
            let parsed = raw_date(text);
            if *self.readable.get_or_insert(parsed.is_some()) != parsed.is_some() {
                let message = format!("`{text}` is not a date like the others of this capture");
                return fault(ClockColumn::DateAndTime, message);
            }
            if let Some((raw, rest)) = parsed {
                let before = self.dates.order();
                self.dates.see(raw);
                if self.dates.order() == DateOrderKnown::Unreadable
                    && !matches!(before, DateOrderKnown::Unreadable | DateOrderKnown::NoDates)
                {
                    let message =
                        format!("`{text}` is not a date in the order of the others of this capture");
                    return fault(ClockColumn::DateAndTime, message);
                }
                date = Some(raw);
                time_text = time_text.or(Some((ClockColumn::DateAndTime, rest)));
            }
        }
        let of_day = match time_text.map(|(column, text)| (column, text, time_of_day(text))) {
            None => None,
            Some((_, _, Ok(ticks))) => Some(ticks),
            Some((_, _, Err(NoTime::UnknownHalf))) if relative.is_some() => None,
            Some((column, text, Err(NoTime::UnknownHalf))) => {
                let message = format!(
                    "`{}`: this designation of the half of the day is not known here; export the column `Relative Time` too",
                    text.trim()
                );
                return fault(column, message);
            }
            Some((column, text, Err(NoTime::Malformed))) => {
                return fault(column, format!("`{}` is no time of day", text.trim()));
            }
        };
        if of_day.is_none() && relative.is_none() {
            let text = date_and_time.unwrap_or_default();
            return fault(
                ClockColumn::DateAndTime,
                format!("`{text}` is a date and time of no format known here"),
            );
        }
        Ok(RowTime { date, of_day, relative })
    }

    /// The file times of the rows given, in their order, and what they are worth.
    pub(crate) fn resolve(&self, rows: &[RowTime]) -> (Vec<u64>, ClockBasis) {
        if rows.iter().any(|row| row.of_day.is_none()) {
            let times = rows.iter().map(|row| DAY + row.relative.unwrap_or_default());
            return (times.collect(), ClockBasis::Relative);
        }
        let order = match self.dates.order() {
            DateOrderKnown::Known(order) => Some(order),
            _ => None,
        };
        let dated: Option<Vec<u64>> =
            rows.iter().map(|row| Some(row.date?.midnight(order?)? + row.of_day?)).collect();
        if let Some(times) = dated {
            return (times, ClockBasis::Dated);
        }
        let basis = match self.dates.order() {
            DateOrderKnown::Ambiguous => ClockBasis::AmbiguousDate,
            _ => ClockBasis::NoDate,
        };
        let mut midnight = 0;
        let mut before = 0;
        let times = rows.iter().map(|row| {
            let now = row.of_day.unwrap_or_default();
            // Rows are in order, but for a few that overtook each other: only a fall of half a day is a midnight.
            if now + DAY / 2 < before {
                midnight += DAY;
            }
            before = now;
            midnight + now
        });
        (times.collect(), basis)
    }

    /// Whether the order that the user chose makes dates of what the capture has.
    pub(crate) fn contradicts(&self, chosen: Option<DateOrder>) -> bool {
        chosen.is_some() && self.dates.order() == DateOrderKnown::Unreadable
    }
}

#[cfg(test)]
mod tests {
    use super::super::time::SECOND;
    use super::*;

    type Cells = (Option<&'static str>, Option<&'static str>, Option<&'static str>);

    fn resolve(rows: &[Cells]) -> (Vec<u64>, ClockBasis) {
        let mut clock = Clock::new(None);
        let read: Vec<RowTime> =
            rows.iter().map(|(day, date, relative)| clock.read(*day, *date, *relative).unwrap()).collect();
        clock.resolve(&read)
    }

    const MIDNIGHT: u64 = (1_596_153_600 + 11_644_473_600) * SECOND;

    #[test]
    fn date_and_time_of_day_together_are_exact() {
        let (times, basis) = resolve(&[(Some("7:19:37.5 AM"), Some("7/31/2020 7:19:37 AM"), None)]);
        assert_eq!(basis, ClockBasis::Dated);
        assert_eq!(times, [MIDNIGHT + (7 * 3600 + 19 * 60 + 37) * SECOND + SECOND / 2]);
    }

    #[test]
    fn without_the_time_of_day_the_date_column_tells_seconds() {
        let (times, basis) = resolve(&[(None, Some("7/31/2020 7:19:37 AM"), None)]);
        assert_eq!((times, basis), (vec![MIDNIGHT + (7 * 3600 + 19 * 60 + 37) * SECOND], ClockBasis::Dated));
    }

    #[test]
    fn an_ambiguous_date_is_not_guessed() {
        let (times, basis) = resolve(&[
            (Some("11:59:59.0 PM"), Some("7/8/2020 11:59:59 PM"), None),
            (Some("12:00:01.0 AM"), Some("7/9/2020 12:00:01 AM"), None),
        ]);
        assert_eq!(basis, ClockBasis::AmbiguousDate);
        assert_eq!(times, [DAY - SECOND, DAY + SECOND], "midnight is noticed all the same");
    }

    #[test]
    fn an_unknown_half_of_the_day_falls_back_on_relative_time() {
        let (times, basis) = resolve(&[(Some("7:19:37.5 XM"), Some("x"), Some("00:00:02.0000000"))]);
        assert_eq!((times, basis), (vec![DAY + 2 * SECOND], ClockBasis::Relative));
    }

    #[test]
    fn a_cell_that_holds_no_time_is_refused() {
        let fault = |cells: Cells| Clock::new(None).read(cells.0, cells.1, cells.2).unwrap_err();
        assert_eq!(fault((Some("7:1x:37"), None, None)).column, ClockColumn::TimeOfDay);
        assert_eq!(fault((Some("7:19:37 XM"), None, None)).column, ClockColumn::TimeOfDay);
        assert_eq!(fault((None, Some("31st of July"), None)).column, ClockColumn::DateAndTime);
        assert_eq!(fault((None, None, Some("1x"))).column, ClockColumn::RelativeTime);
        let mut clock = Clock::new(None);
        clock.read(Some("7:19:37"), Some("7/31/2020 7:19:37"), None).unwrap();
        assert!(clock.read(Some("7:19:37"), Some("7/x1/2020 7:19:37"), None).is_err(), "unlike the first");
        assert!(clock.read(Some("7:19:37"), Some("7/32/2020 7:19:37"), None).is_err(), "no such day");
    }
}
