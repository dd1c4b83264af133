//! From a row's cells to what happened.

use super::Operation;
use super::clock::{Clock, ClockColumn, ClockFault, RowTime};
use super::columns::Columns;
use super::csv::Row;
use super::detail::{self, DetailError, GroupingSeen};
use super::identity::{Claim, Processes};

/// A cell that cannot be used.
#[derive(Debug)]
pub(crate) struct RowFault {
    pub(crate) field: usize,
    /// Byte of the field's text.
    pub(crate) at: usize,
    pub(crate) message: String,
    pub(crate) help: Option<&'static str>,
}

impl RowFault {
    pub(crate) fn new(field: usize, at: usize, message: impl Into<String>) -> Self {
        Self { field, at, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: &'static str) -> Self {
        self.help = Some(help);
        self
    }
}

/// What a row says.
#[derive(Debug)]
pub(crate) struct ParsedRow {
    pub(crate) time: RowTime,
    pub(crate) process: usize,
    pub(crate) tid: u32,
    pub(crate) meaning: Meaning,
}

/// What is done with a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It is played on the file of its path.
    Play(Operation),
    /// The process, or the thread given, ends.
    Exit(Option<u32>),
    /// It is left out, and counted under this name.
    LeaveOut(String),
    /// It says nothing that would be played, and nothing is missed by that.
    Known,
}

/// What reading rows keeps from one to the next.
#[derive(Debug)]
pub(crate) struct RowReader {
    pub(crate) columns: Columns,
    pub(crate) clock: Clock,
    pub(crate) processes: Processes,
    grouping: GroupingSeen,
}

/// Results under which an operation took place.
const SUCCEEDED: &[&str] = &["SUCCESS", "OPLOCK BREAK IN PROGRESS"];
/// A fast I/O that a filter or the file system refused; the I/O manager then sends an IRP, which has a row of its own.
const REFUSED: &str = "FAST IO DISALLOWED";

impl RowReader {
    pub(crate) fn new(columns: Columns, clock: Clock) -> Self {
        Self { columns, clock, processes: Processes::default(), grouping: GroupingSeen::default() }
    }

    /// Reads one row.
    pub(crate) fn read(&mut self, row: &Row) -> Result<ParsedRow, RowFault> {
        let columns = &self.columns;
        let cell = |column: usize| row.field(column);
        let optional = |column: Option<usize>| column.map(cell);
        let time = self
            .clock
            .read(
                optional(columns.time_of_day),
                optional(columns.date_and_time),
                optional(columns.relative_time),
            )
            .map_err(|ClockFault { column, message }| {
                let field = match column {
                    ClockColumn::TimeOfDay => columns.time_of_day,
                    ClockColumn::DateAndTime => columns.date_and_time.or(columns.relative_time),
                    ClockColumn::RelativeTime => columns.relative_time,
                };
                RowFault::new(field.unwrap_or(0), 0, message)
            })?;
        let pid = identifier(row, columns.pid, "PID")?;
        let tid = identifier(row, columns.tid, "TID")?;
        let parent_pid =
            columns.parent_pid.map(|column| identifier(row, column, "parent PID")).transpose()?;
        let session = columns.session.map(|column| identifier(row, column, "session")).transpose()?;
        let operation = cell(columns.operation);
        if operation.is_empty() {
            return Err(RowFault::new(columns.operation, 0, "the operation is missing"));
        }
        let result = cell(columns.result);
        if let Some(at) = result.find(|c: char| c.is_lowercase() && !result.starts_with("0x")) {
            return Err(RowFault::new(
                columns.result,
                at,
                format!("`{result}` is no result of an operation"),
            ));
        }
        let process = self.processes.identify(Claim {
            pid,
            image: optional(columns.image_path),
            name: optional(columns.process_name),
            parent_pid,
            session,
            starts: operation == "Process Start",
        });
        let meaning = meaning(operation, result, cell(columns.detail), &mut self.grouping)
            .map_err(|DetailError { at, message }| RowFault::new(columns.detail, at, message))?;
        if let Meaning::Play(_) = meaning {
            if pid == 0 {
                return Err(RowFault::new(columns.pid, 0, "the PID 0 is no process that opens files"));
            }
            if tid == 0 {
                return Err(RowFault::new(columns.tid, 0, "the TID 0 is no thread's"));
            }
            if cell(columns.path).is_empty() {
                return Ok(ParsedRow {
                    time,
                    process,
                    tid,
                    meaning: Meaning::LeaveOut(format!("{operation} (no path)")),
                });
            }
        }
        Ok(ParsedRow { time, process, tid, meaning })
    }
}

/// What an operation with that result and detail means for the simulation.
fn meaning(
    operation: &str,
    result: &str,
    detail: &str,
    grouping: &mut GroupingSeen,
) -> Result<Meaning, DetailError> {
    let succeeded = SUCCEEDED.contains(&result);
    let failed =
        || Meaning::LeaveOut(format!("{operation} ({})", if result.is_empty() { "PENDING" } else { result }));
    Ok(match operation {
        "WriteFile" | "IRP_MJ_WRITE" | "FASTIO_WRITE" => {
            let transfer = detail::transfer(detail, grouping)?;
            if result == REFUSED {
                Meaning::Play(Operation::RefusedFastWrite(transfer))
            } else if !succeeded {
                failed()
            } else if operation == "FASTIO_WRITE" {
                Meaning::Play(Operation::FastWrite(transfer))
            } else {
                Meaning::Play(Operation::Write(transfer))
            }
        }
        "ReadFile" | "IRP_MJ_READ" => {
            let transfer = detail::transfer(detail, grouping)?;
            if succeeded { Meaning::Play(Operation::Read(transfer)) } else { failed() }
        }
        "CreateFile" | "IRP_MJ_CREATE" if succeeded => Meaning::Play(Operation::Open(detail::open(detail)?)),
        "CloseFile" | "IRP_MJ_CLEANUP" if succeeded => Meaning::Play(Operation::Close),
        "CreateFile" | "IRP_MJ_CREATE" | "CloseFile" | "IRP_MJ_CLEANUP" => failed(),
        "Thread Exit" => Meaning::Exit(Some(detail::thread_id(detail)?)),
        "Process Exit" => Meaning::Exit(None),
        "Thread Create" => {
            detail::thread_id(detail)?;
            Meaning::Known
        }
        "Process Start" | "Process Create" => Meaning::Known,
        other => Meaning::LeaveOut(other.to_owned()),
    })
}

/// A PID, TID or session, which are never grouped.
fn identifier(row: &Row, column: usize, name: &str) -> Result<u32, RowFault> {
    let text = row.field(column);
    if let Some((at, character)) = text.char_indices().find(|(_, character)| !character.is_ascii_digit()) {
        return Err(RowFault::new(column, at, format!("the {name} `{text}` is not a number: `{character}`")));
    }
    text.parse().map_err(|_| RowFault::new(column, 0, format!("the {name} `{text}` is no 32-bit number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(operation: &str, result: &str, detail: &str) -> Meaning {
        meaning(operation, result, detail, &mut GroupingSeen::default()).unwrap()
    }

    #[test]
    fn operations_mean_what_they_say() {
        let range = "Offset: 0, Length: 8";
        assert!(matches!(play("WriteFile", "SUCCESS", range), Meaning::Play(Operation::Write(_))));
        assert!(matches!(play("IRP_MJ_WRITE", "SUCCESS", range), Meaning::Play(Operation::Write(_))));
        assert!(matches!(play("FASTIO_WRITE", "SUCCESS", range), Meaning::Play(Operation::FastWrite(_))));
        assert!(matches!(play("WriteFile", REFUSED, range), Meaning::Play(Operation::RefusedFastWrite(_))));
        assert_eq!(play("WriteFile", "DISK FULL", range), Meaning::LeaveOut("WriteFile (DISK FULL)".into()));
        assert_eq!(play("WriteFile", "", range), Meaning::LeaveOut("WriteFile (PENDING)".into()));
        assert_eq!(play("CloseFile", "SUCCESS", ""), Meaning::Play(Operation::Close));
        assert_eq!(
            play("CreateFile", "NAME NOT FOUND", "?"),
            Meaning::LeaveOut("CreateFile (NAME NOT FOUND)".into())
        );
        assert_eq!(play("Thread Exit", "SUCCESS", "Thread ID: 12"), Meaning::Exit(Some(12)));
        assert_eq!(play("Process Exit", "SUCCESS", "Exit Status: 0"), Meaning::Exit(None));
        assert_eq!(play("RegOpenKey", "SUCCESS", ""), Meaning::LeaveOut("RegOpenKey".into()));
    }

    #[test]
    fn a_failed_write_is_validated_all_the_same() {
        assert!(meaning("WriteFile", "DISK FULL", "nonsense", &mut GroupingSeen::default()).is_err());
    }
}
