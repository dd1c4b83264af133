//! The report on a driver, for people and for programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use serde_json::json;

use super::tally::{Broken, Callback, Spread, Tally};
use super::{COUNTS_INSTRUCTIONS, Played};
use crate::failure::Failure;
use crate::output::words::{count, grouped};

const BOLD: Style = Style::new().bold();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Routines by which a driver does input and output of its own, changes an operation, or sends a message.
const OWN_IO: [&str; 12] = [
    "FltCreateFile",
    "FltCreateFileEx",
    "FltCreateFileEx2",
    "FltReadFile",
    "FltWriteFile",
    "FltPerformSynchronousIo",
    "FltPerformAsynchronousIo",
    "FltReissueSynchronousIo",
    "FltSetInformationFile",
    "FltFlushBuffers",
    "ZwCreateFile",
    "ZwWriteFile",
];
const CHANGES: [&str; 1] = ["FltSetCallbackDataDirty"];
const MESSAGES: [&str; 1] = ["FltSendMessage"];

/// See the module.
pub(super) struct Report {
    pub(super) service: String,
    pub(super) scenarios: Vec<Played>,
    pub(super) tally: Tally,
}

impl Report {
    /// Shows it.
    pub(super) fn show(&self, json: bool) -> io::Result<()> {
        let text = if json { self.json() } else { self.text() };
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// An error if it broke a rule, or a scenario did not come to its end.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let broken: u64 = self.tally.broken.iter().map(|broken| broken.count).sum();
        let failed = self.scenarios.iter().filter(|played| played.trouble.is_some()).count() as u64;
        if broken == 0 && failed == 0 {
            return Ok(());
        }
        Err(Failure::Broken(format!(
            "{} broke a rule {} in {}, of which {failed} did not come to their end",
            self.service,
            if broken == 1 { "once".to_owned() } else { format!("{} times", grouped(broken)) },
            count(self.scenarios.len() as u64, "scenario"),
        )))
    }

    fn sum(&self, names: &[&str]) -> u64 {
        names.iter().filter_map(|name| self.tally.routines.get(name)).sum()
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let tally = &self.tally;
        // Writing to a `String` cannot fail, here and below.
        let _ = writeln!(
            text,
            "{BOLD}{}{BOLD:#} in {}",
            self.service,
            count(self.scenarios.len() as u64, "scenario")
        );
        for played in &self.scenarios {
            if let Some(trouble) = &played.trouble {
                let Played { name, windows, .. } = played;
                let _ = writeln!(text, "{BAD}{name}{BAD:#} on Windows {windows}: {trouble}");
            }
        }
        let _ = writeln!(text, "\n{BOLD}What it saw, and what that cost in instructions of its own{BOLD:#}");
        let headings = ["callback", "calls", "median", "p99", "max", "answers"];
        let rows = tally.callbacks.iter().map(|(name, callback)| callback_row(name, callback));
        table(&mut text, &headings, &rows.collect::<Vec<_>>());
        if !COUNTS_INSTRUCTIONS {
            let _ = writeln!(text, "(a debug build counts no instructions: its figures would say nothing)");
        }
        if COUNTS_INSTRUCTIONS && !tally.operations.is_empty() {
            let _ = writeln!(text, "\n{BOLD}The callbacks of one operation together{BOLD:#}");
            let rows = tally.operations.iter().map(|(name, costs)| {
                let mut row = vec![name.clone()];
                row.extend(spread_cells(costs.spread()));
                row
            });
            table(&mut text, &["operation", "median", "p99", "max"], &rows.collect::<Vec<_>>());
        }
        let _ = writeln!(text, "\n{BOLD}What it did{BOLD:#}");
        for (what, names) in [
            ("operations changed (FltSetCallbackDataDirty)", &CHANGES[..]),
            ("input and output of its own", &OWN_IO[..]),
            ("messages sent", &MESSAGES[..]),
        ] {
            let _ = writeln!(text, "  {what}: {}", grouped(self.sum(names)));
        }
        let mut routines: Vec<_> = tally.routines.iter().collect();
        routines.sort_by_key(|(name, calls)| (std::cmp::Reverse(**calls), **name));
        let called: Vec<String> =
            routines.iter().map(|(name, calls)| format!("{name} {}", grouped(**calls))).collect();
        let _ = writeln!(text, "  routines called: {}", called.join(", "));
        let _ = writeln!(text, "\n{BOLD}Rules that it broke{BOLD:#}");
        if tally.broken.is_empty() {
            let _ = writeln!(text, "  none");
        }
        for Broken { rule, number, callback, detail, count, scenario, operation } in &tally.broken {
            let _ = writeln!(
                text,
                "  {BAD}{rule}{BAD:#} (rule {number}), {} ×: {detail}\n      in {callback}, {operation}; first in {scenario}",
                grouped(*count)
            );
        }
        let _ = writeln!(text, "\n{BOLD}What it left behind{BOLD:#}");
        if tally.stays {
            let _ = writeln!(text, "  it cannot be unloaded, so nobody knows");
        } else if tally.leaks.is_empty() {
            let _ = writeln!(text, "  nothing");
        }
        for (what, count) in &tally.leaks {
            let _ = writeln!(text, "  {} × {what}", grouped(*count));
        }
        text
    }

    fn json(&self) -> String {
        let tally = &self.tally;
        let mut lines = Vec::new();
        for Played { name, windows, trouble } in &self.scenarios {
            lines.push(json!({
                "kind": "scenario", "name": name, "windows": windows.to_string(), "trouble": trouble,
            }));
        }
        for (name, Callback { calls, answers, own }) in &tally.callbacks {
            let measured = |spread: Option<Spread>| spread.filter(|_| COUNTS_INSTRUCTIONS);
            lines.push(json!({
                "kind": "callback", "callback": name, "calls": calls, "answers": answers,
                "own_instructions": measured(own.spread()),
            }));
        }
        if COUNTS_INSTRUCTIONS {
            for (name, costs) in &tally.operations {
                lines.push(
                    json!({"kind": "operation", "operation": name, "own_instructions": costs.spread()}),
                );
            }
        }
        for (name, calls) in &tally.routines {
            lines.push(json!({"kind": "routine", "routine": name, "calls": calls}));
        }
        for Broken { rule, number, callback, detail, count, scenario, operation } in &tally.broken {
            lines.push(json!({
                "kind": "violation", "rule": rule, "number": number, "callback": callback, "detail": detail,
                "count": count, "scenario": scenario, "operation": operation,
            }));
        }
        for (what, count) in &tally.leaks {
            lines.push(json!({"kind": "leak", "what": what, "count": count}));
        }
        lines.push(json!({
            "kind": "summary", "driver": self.service, "changes": self.sum(&CHANGES), "own_io": self.sum(&OWN_IO),
            "messages": self.sum(&MESSAGES), "unloads": !tally.stays,
        }));
        lines.iter().flat_map(|line| [line.to_string(), "\n".to_owned()]).collect()
    }
}

fn spread_cells(spread: Option<Spread>) -> [String; 3] {
    match spread.filter(|_| COUNTS_INSTRUCTIONS) {
        Some(Spread { median, p99, max }) => [median, p99, max].map(grouped),
        None => ["-".to_owned(), "-".to_owned(), "-".to_owned()],
    }
}

fn callback_row(name: &str, callback: &Callback) -> Vec<String> {
    let mut row = vec![name.to_owned(), grouped(callback.calls)];
    row.extend(spread_cells(callback.own.spread()));
    let answers = callback.answers.iter().map(|(answer, count)| format!("{answer} {}", grouped(*count)));
    row.push(answers.collect::<Vec<_>>().join(", "));
    row
}

/// Appends a table: the first and last column to the left, the numbers between them to the right.
pub(in crate::simulate) fn table(text: &mut String, headings: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([headings[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let headings: Vec<String> = headings.iter().map(ToString::to_string).collect();
    let words = headings.last().is_some_and(|last| last == "answers");
    for row in std::iter::once(&headings).chain(rows) {
        let mut line = String::from("  ");
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let left = column == 0 || words && column + 1 == headings.len();
            let _ = if left { write!(line, "{cell:<width$}  ") } else { write!(line, "{cell:>width$}  ") };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}
