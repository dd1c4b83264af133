//! Process Monitor captures, as it exports them: CSV, perhaps compressed with gzip.
//!
//! The whole capture is read and checked before anything is played. Needed are the columns `Operation`, `Path`,
//! `Result`, `Detail`, `PID`, `TID`, one that tells time (`Time of Day`, `Date & Time` or `Relative Time`) and one that
//! tells the process (`Image Path` or `Process Name`); `Parent PID` and `Session` are used where they are.

mod clock;
mod columns;
mod csv;
mod detail;
mod identity;
mod number;
mod results;
mod rows;
mod source;
mod time;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use self::clock::Clock;
pub use self::clock::ClockBasis;
use self::columns::Columns;
use self::csv::{CsvError, CsvFault, Reader, Row};
pub(crate) use self::detail::{Open, Outcome, Transfer};
use self::rows::{Meaning, RowFault, RowReader};
use self::source::Source;
use crate::date_order::DateOrder;
use crate::place::{BadInput, Place};

/// A process of a capture. The same PID with another image is another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Path of its image, or only its name where the path is not known.
    pub(crate) image: Option<String>,
    pub(crate) parent_pid: Option<u32>,
    pub(crate) session: Option<u32>,
    /// System, or a process like Registry, which is the kernel's too.
    pub(crate) kernel: bool,
}

/// What is played on a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Open(Open),
    Read(Transfer),
    /// A write; the capture does not tell whether as fast I/O, so it is played as an IRP.
    Write(Transfer),
    /// A write by fast I/O that was accepted.
    FastWrite(Transfer),
    /// A write by fast I/O that was refused. What was done instead is another row.
    RefusedFastWrite(Transfer),
    Close,
}

/// A step of the capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// An operation on the file `path` (an index) by the thread `tid`.
    File { tid: u32, path: usize, operation: Operation },
    /// The process, or one thread of it, ends.
    Exit { tid: Option<u32> },
}

/// A step, when it was taken and by which process (an index).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) time: u64,
    /// Line of the capture that its row begins at.
    pub(crate) line: u64,
    pub(crate) process: usize,
    pub(crate) step: Step,
}

/// How many rows are left out for some reason, and where the first one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) count: u64,
    pub(crate) first_line: u64,
}

impl LeftOut {
    /// Counts the row that begins at a line.
    pub(crate) fn count(counts: &mut BTreeMap<String, Self>, reason: &str, line: u64) {
        let first = Self { count: 0, first_line: line };
        counts.entry(reason.to_owned()).or_insert(first).count += 1;
    }
}

impl Operation {
    pub(crate) fn is_write(&self) -> bool {
        matches!(self, Self::Write(_) | Self::FastWrite(_) | Self::RefusedFastWrite(_))
    }
}

/// A capture, read and checked.
#[derive(Debug)]
pub struct Capture {
    pub(crate) processes: Vec<Process>,
    pub(crate) paths: Vec<String>,
    pub(crate) events: Vec<Event>,
    /// Rows that are not played, by operation.
    pub(crate) left_out: BTreeMap<String, u64>,
    /// Writes that are not played, by the reason.
    pub(crate) writes_left_out: BTreeMap<String, LeftOut>,
    pub(crate) rows: u64,
    pub(crate) clock: ClockBasis,
}

impl Capture {
    /// Reads a capture from a file; `advance` is told how many of the file's bytes were read.
    ///
    /// # Errors
    ///
    /// The first place in the text that cannot be read, or the missing columns by name.
    pub fn read(
        path: &Path,
        order: Option<DateOrder>,
        advance: Box<dyn FnMut(u64)>,
    ) -> Result<Self, BadInput> {
        let name = path.display().to_string();
        read(&name, source::open(path, advance)?, order)
    }
}

/// Reads a capture's text, with the byte-order mark taken off.
fn read(name: &str, text: Source, order: Option<DateOrder>) -> Result<Capture, BadInput> {
    let mut csv = Reader::new(text);
    let mut row = Row::default();
    let next = |csv: &mut Reader<Source>, row: &mut Row| csv.read(row).map_err(|error| bad_csv(name, &error));
    if !next(&mut csv, &mut row)? {
        return Err(BadInput::new(name, "the capture is empty: there is not even a header").at(Place::START));
    }
    let columns = Columns::read(&row).map_err(|fault| bad_row(name, &row, fault))?;
    let mut reader = RowReader::new(columns, Clock::new(order));
    let mut collected = Collected::default();
    let mut blank = None;
    while next(&mut csv, &mut row)? {
        if row.len() == 1 && row.field(0).is_empty() {
            // Editors leave one at the end.
            blank = blank.or(Some(row.line()));
            continue;
        }
        if let Some(line) = blank {
            return Err(BadInput::new(name, "an empty line amid the rows").at(Place { line, column: 1 }));
        }
        if row.len() != reader.columns.count {
            let message =
                format!("a row of {} fields, where the header has {}", row.len(), reader.columns.count);
            let last = row.len().min(reader.columns.count) - 1;
            let (line, at) = row.line_around(last, row.field(last).len());
            return Err(BadInput::new(name, message).at(row.end()).excerpt(line, at));
        }
        let parsed = reader.read(&row).map_err(|fault| bad_row(name, &row, fault))?;
        collected.add(parsed, row.field(reader.columns.path), row.line());
    }
    if reader.clock.contradicts(order) {
        return Err(BadInput::new(
            name,
            "the dates of this capture are not in the order given by --date-order",
        ));
    }
    Ok(collected.finish(reader))
}

/// What the rows add up to before their times are known.
#[derive(Default)]
struct Collected {
    paths: Vec<String>,
    path_numbers: HashMap<String, usize>,
    events: Vec<(u64, usize, Step)>,
    times: Vec<clock::RowTime>,
    left_out: BTreeMap<String, u64>,
    writes_left_out: BTreeMap<String, LeftOut>,
    rows: u64,
    exits: Vec<(usize, Option<u32>)>,
}

impl Collected {
    fn add(&mut self, row: rows::ParsedRow, path: &str, line: u64) {
        self.rows += 1;
        match row.meaning {
            Meaning::Play(operation) => {
                let path = if let Some(number) = self.path_numbers.get(path) {
                    *number
                } else {
                    self.paths.push(path.to_owned());
                    self.path_numbers.insert(path.to_owned(), self.paths.len() - 1);
                    self.paths.len() - 1
                };
                self.events.push((line, row.process, Step::File { tid: row.tid, path, operation }));
                self.times.push(row.time);
            }
            Meaning::Exit(tid) => self.exits.push((row.process, tid)),
            Meaning::FailedWrite(reason) => LeftOut::count(&mut self.writes_left_out, &reason, line),
            Meaning::LeaveOut(name) => *self.left_out.entry(name).or_default() += 1,
            Meaning::Known => {}
        }
    }

    /// Gives the events their times, and puts each exit behind the last event of its process or thread: Windows reports
    /// the exit of a process before its handles are closed.
    fn finish(self, reader: RowReader) -> Capture {
        let (times, clock) = reader.clock.resolve(&self.times);
        let mut last_event = HashMap::new();
        for (index, (_, process, step)) in self.events.iter().enumerate() {
            last_event.insert((*process, None), index);
            if let Step::File { tid, .. } = step {
                last_event.insert((*process, Some(*tid)), index);
            }
        }
        let mut exits_after: HashMap<usize, Vec<Event>> = HashMap::new();
        let mut exits = self.exits;
        // Threads before their process.
        exits.sort_by_key(|(process, tid)| (*process, tid.is_none(), *tid));
        exits.dedup();
        for (process, tid) in exits {
            if let Some(&index) = last_event.get(&(process, tid)) {
                let (line, ..) = self.events[index];
                let exit = Event { time: times[index], line, process, step: Step::Exit { tid } };
                exits_after.entry(index).or_default().push(exit);
            }
        }
        let mut events = Vec::with_capacity(self.events.len());
        for (index, ((line, process, step), time)) in self.events.into_iter().zip(times).enumerate() {
            events.push(Event { time, line, process, step });
            events.append(&mut exits_after.remove(&index).unwrap_or_default());
        }
        Capture {
            processes: reader.processes.into_vec(),
            paths: self.paths,
            events,
            left_out: self.left_out,
            writes_left_out: self.writes_left_out,
            rows: self.rows,
            clock,
        }
    }
}

fn bad_csv(name: &str, CsvError { place, what }: &CsvError) -> BadInput {
    let message = match what {
        CsvFault::Read(error) => source::damaged(error),
        other => other.to_string(),
    };
    let bad = BadInput::new(name, message).at(*place);
    match what {
        CsvFault::NoLineBreak => bad.help("if it is whole, end the file with a line break"),
        _ => bad,
    }
}

fn bad_row(name: &str, row: &Row, RowFault { field, at, message, help }: RowFault) -> BadInput {
    let (line, offset) = row.line_around(field, at);
    let bad = BadInput::new(name, message).at(row.place(field, at)).excerpt(line, offset);
    match help {
        Some(help) => bad.help(help),
        None => bad,
    }
}

#[cfg(test)]
mod tests;
