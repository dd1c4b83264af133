//! From a row's cells to what happened.

use super::Operation;
use super::clock::{Clock, ClockColumn, ClockFault, RowTime};
use super::columns::Columns;
use super::csv::Row;
use super::detail::{self, DetailError, GroupingSeen};
use super::identity::{Claim, Processes};
use super::results::{Ending, ending};

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
    /// It is a write that failed for this reason, so that nothing was written.
    FailedWrite(String),
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
        let file_operation = FILE_OPERATIONS.contains(&operation);
        if !file_operation
            && let Some(meant) = FILE_OPERATIONS.iter().find(|known| one_change_apart(known, operation))
        {
            let message = format!("`{operation}` is no operation; `{meant}` is");
            return Err(RowFault::new(columns.operation, 0, message));
        }
        let result = cell(columns.result);
        if file_operation && ending(result).is_none() {
            let message = format!("`{result}` is no result that Process Monitor knows");
            return Err(RowFault::new(columns.result, 0, message));
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
        if let Meaning::Play(played) = &meaning {
            if pid == 0 {
                return Err(RowFault::new(columns.pid, 0, "the PID 0 is no process that opens files"));
            }
            if tid == 0 {
                return Err(RowFault::new(columns.tid, 0, "the TID 0 is no thread's"));
            }
            if cell(columns.path).is_empty() && played.is_write() {
                return Err(RowFault::new(columns.path, 0, "the path of a write is missing"));
            }
        }
        Ok(ParsedRow { time, process, tid, meaning })
    }
}

/// Operations that may be played, and must therefore be told precisely.
const FILE_OPERATIONS: &[&str] = &[
    "WriteFile",
    "IRP_MJ_WRITE",
    "FASTIO_WRITE",
    "ReadFile",
    "IRP_MJ_READ",
    "CreateFile",
    "IRP_MJ_CREATE",
    "CloseFile",
    "IRP_MJ_CLEANUP",
];

/// Whether a text becomes the other by changing, adding or taking away one character, or exchanging case.
fn one_change_apart(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    let ahead = one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let behind = one.bytes().rev().zip(other.bytes().rev()).take_while(|(a, b)| a == b).count();
    let longest = one.len().max(other.len());
    one.len().abs_diff(other.len()) <= 1 && ahead + behind + 1 >= longest
}

/// What an operation with that result and detail means for the simulation.
fn meaning(
    operation: &str,
    result: &str,
    detail: &str,
    grouping: &mut GroupingSeen,
) -> Result<Meaning, DetailError> {
    let ending = ending(result).unwrap_or(Ending::Failed);
    let succeeded = ending == Ending::Succeeded;
    let reason = if result.is_empty() { "PENDING" } else { result };
    Ok(match operation {
        "WriteFile" | "IRP_MJ_WRITE" | "FASTIO_WRITE" => {
            let transfer = detail::transfer(detail, grouping)?;
            match ending {
                Ending::Refused => Meaning::Play(Operation::RefusedFastWrite(transfer)),
                Ending::Failed => Meaning::FailedWrite(reason.to_owned()),
                Ending::Succeeded if operation == "FASTIO_WRITE" => {
                    Meaning::Play(Operation::FastWrite(transfer))
                }
                Ending::Succeeded => Meaning::Play(Operation::Write(transfer)),
            }
        }
        "ReadFile" | "IRP_MJ_READ" => {
            let transfer = detail::transfer(detail, grouping)?;
            if succeeded { Meaning::Play(Operation::Read(transfer)) } else { left_out(operation, reason) }
        }
        "CreateFile" | "IRP_MJ_CREATE" if succeeded => Meaning::Play(Operation::Open(detail::open(detail)?)),
        "CloseFile" | "IRP_MJ_CLEANUP" if succeeded => Meaning::Play(Operation::Close),
        "CreateFile" | "IRP_MJ_CREATE" | "CloseFile" | "IRP_MJ_CLEANUP" => left_out(operation, reason),
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

fn left_out(operation: &str, reason: &str) -> Meaning {
    Meaning::LeaveOut(format!("{operation} ({reason})"))
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
        assert!(matches!(
            play("WriteFile", "FAST IO DISALLOWED", range),
            Meaning::Play(Operation::RefusedFastWrite(_))
        ));
        assert_eq!(play("WriteFile", "DISK FULL", range), Meaning::FailedWrite("DISK FULL".into()));
        assert_eq!(play("WriteFile", "", range), Meaning::FailedWrite("PENDING".into()));
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
    fn a_name_that_is_nearly_another_is_noticed() {
        for near in ["WriteFi1e", "WriteFil", "riteFile", "WriteFilee", "writefile"] {
            assert!(one_change_apart("WriteFile", near), "{near}");
        }
        for far in ["ReadFile", "LockFile", "", "WriteFiles2", "FASTIO_WRITE"] {
            assert!(!one_change_apart("WriteFile", far), "{far}");
        }
    }

    #[test]
    fn a_failed_write_is_validated_all_the_same() {
        assert!(meaning("WriteFile", "DISK FULL", "nonsense", &mut GroupingSeen::default()).is_err());
    }
}
