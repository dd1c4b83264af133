//! From writes to lines.

use bench::measures::Rate;

use super::{Target, figure, spread, table};

/// The goal of decoding.
pub(super) fn target(rates: &[Rate]) -> Option<Target> {
    let rate = rates.iter().find(|rate| rate.goal.is_some())?;
    Some(Target {
        what: "records a second from a saved stream to JSON Lines".to_owned(),
        goal: rate.goal?,
        at_most: false,
        measured: Some(rate.per_second.median),
    })
}

pub(super) fn section(rates: &[Rate]) -> String {
    let rows: Vec<_> = rates
        .iter()
        .map(|Rate { what, records, bytes: (from, to), per_second, .. }| {
            let [median, range] = spread(per_second);
            let each = |bytes: &u64| figure(per_record(*bytes, *records));
            [what.clone(), records.to_string(), each(from), each(to), median, range]
        })
        .collect();
    let headings = [
        "from where to where",
        "records",
        "bytes of a record",
        "of its line",
        "records a second",
        "middle half",
    ];
    format!("{STREAM}{}", table(headings, &rows))
}

#[expect(clippy::cast_precision_loss, reason = "far less than 2^52")]
fn per_record(bytes: u64, records: u64) -> f64 {
    bytes as f64 / records.max(1) as f64
}

const STREAM: &str = "
## From writes to JSON Lines

Twenty processes write to two hundred files, a tenth of it copied chunks; the driver's messages go to the program, whose lines go
to the null device. *On the simulated machine* it is that which sets the pace: one operation after the other, and the driver's
thread delivers after each, so that every message is a single record. *A saved stream* is that of the same writes, in messages as a
busy machine fills them, through the program alone: one thread, a fresh start in each pass.

";
