//! What is said on standard error when all has been played.

use std::collections::BTreeMap;

use anstyle::{AnsiColor, Style};

use super::capture::Played;
use super::machine::Remains;
use crate::capture::{ClockBasis, LeftOut};
use crate::consumer::Books;
use crate::output::words::{count, grouped};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();
const DIM: Style = Style::new().dimmed();

/// How many kinds of rows that were not played are named.
const NAMED: usize = 8;

/// Says what was recorded, and whether the books balance.
pub(super) fn recorded(remains: &Remains) {
    let Remains { books, counts, unknown_records, .. } = remains;
    let Books { received, produced, lost, duplicates, .. } = books;
    let mut line = format!(
        "{} by {} to {}, {}",
        count(counts.writes, "write"),
        count(counts.processes(), "process").replace("processs", "processes"),
        count(counts.files(), "file"),
        count(counts.bytes, "byte")
    );
    for (number, what) in
        [(counts.changes, "other changes"), (counts.copied, "copied"), (counts.unknown, "of unknown origin")]
    {
        if number > 0 {
            line = format!("{line}; {} {what}", grouped(number));
        }
    }
    anstream::eprintln!("{line}");
    let balanced = *produced == received + lost && books.faults.is_empty();
    let style = if balanced && *lost == 0 { GOOD } else { BAD };
    let reasons: Vec<String> = books
        .lost_by_reason
        .iter()
        .map(|(reason, number)| format!("{reason} {}", grouped(*number)))
        .collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    let sign = if balanced { "=" } else { "≠" };
    anstream::eprintln!(
        "{style}produced {} {sign} delivered {} + lost {}{reasons}{style:#}",
        grouped(*produced),
        grouped(*received),
        grouped(*lost)
    );
    if *duplicates > 0 {
        anstream::eprintln!("{} came again and were left out", count(*duplicates, "record"));
    }
    if *unknown_records > 0 {
        anstream::eprintln!("{} of kinds that this version does not know", count(*unknown_records, "record"));
    }
}

/// Says what of a capture was played.
pub(super) fn played(rows: u64, clock: ClockBasis, played: &Played) {
    let Played { writes, refused_fast_writes, implied_opens, left_out, writes_left_out } = played;
    let times = match clock {
        ClockBasis::Dated => "times are the captured machine's local time, whose zone is not in the export",
        ClockBasis::AmbiguousDate => {
            "day and month could be either way round, so times are of 1601-01-01; --date-order settles it"
        }
        ClockBasis::NoDate => "the date is not known, so times are of 1601-01-01",
        ClockBasis::Relative => "the time of day is not known, so times count from 1601-01-02",
    };
    anstream::eprintln!(
        "{} of the capture: {} played, {} refused as fast I/O, {} before it",
        count(rows, "row"),
        count(*writes, "write"),
        grouped(*refused_fast_writes),
        count(*implied_opens, "opening"),
    );
    if !writes_left_out.is_empty() {
        let reasons: Vec<String> = writes_left_out
            .iter()
            .map(|(reason, LeftOut { count, first_line })| {
                let from = if *count == 1 { "line" } else { "from line" };
                format!("{reason} {} ({from} {first_line})", grouped(*count))
            })
            .collect();
        anstream::eprintln!("{NOTE}writes that failed or cannot be played: {}{NOTE:#}", reasons.join(", "));
    }
    anstream::eprintln!("{DIM}{times}{DIM:#}");
    if !left_out.is_empty() {
        anstream::eprintln!("{DIM}not played: {}{DIM:#}", most(left_out));
    }
}

/// The most frequent of the counts.
fn most(counts: &BTreeMap<String, u64>) -> String {
    let mut sorted: Vec<(&String, &u64)> = counts.iter().collect();
    sorted.sort_by_key(|(name, number)| (std::cmp::Reverse(**number), *name));
    let (named, rest) = sorted.split_at(sorted.len().min(NAMED));
    let mut parts: Vec<String> =
        named.iter().map(|(name, number)| format!("{name} {}", grouped(**number))).collect();
    if !rest.is_empty() {
        let number: u64 = rest.iter().map(|(_, number)| **number).sum();
        parts.push(format!("{} more operations {}", rest.len(), grouped(number)));
    }
    parts.join(", ")
}
