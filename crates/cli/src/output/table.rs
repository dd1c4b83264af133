//! Lines for people: one per write, aligned, in colour on a terminal; two where there is more to tell.

use std::fmt::Arguments;
use std::io;

use anstyle::{AnsiColor, Style};
use audit::attribution::{Basis, Confidence};
use audit::record::{Code, Operation, WriteFlags};

use super::explain::{Conclusion, Explanation, Rule, Truth, Verdict, Who};
use super::time::{civil, of_day};
use super::words::{count, elided, file_name, grouped, offset, printable};
use super::{ExplainedSink, Sink};
use crate::model::{Change, FileTime, Loss, Offset, Omission, Parameter, Party, RefusedValue, Write};

const DIM: Style = Style::new().dimmed();
const HEADING: Style = Style::new().bold().underline();
const PROCESS: Style = AnsiColor::Cyan.on_default().bold();
const KERNEL: Style = AnsiColor::Magenta.on_default();
const UNKNOWN: Style = AnsiColor::Yellow.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Columns of the table before the path: time, process and thread, offset, length, basis.
const TIME: usize = 16;
const WHO: usize = 26;
const OFFSET: usize = 13;
const LENGTH: usize = 10;
const BASIS: usize = 9;
/// Where other changes than those of a range say what they are: offset and length.
const CHANGE: usize = OFFSET + LENGTH + 1;
/// All of them with a space after each.
const BEFORE_PATH: usize = TIME + WHO + OFFSET + LENGTH + BASIS + 5;
/// The least room that a path gets.
const LEAST_PATH: usize = 24;

/// Writes the table.
#[derive(Debug)]
pub struct Table<W> {
    out: W,
    /// Whether escape sequences may be written.
    colour: bool,
    /// Width to keep to, if the output has one.
    width: Option<usize>,
    /// The day that the last line was of.
    day: Option<time::Date>,
    /// Whether the head of the table has been written.
    headed: bool,
    /// Number of the next explained write.
    number: u64,
}

impl<W: io::Write> Table<W> {
    /// Writes to `out`, which should be buffered, keeping to `width` columns if there is one: paths lose their middle
    /// where they must.
    pub fn new(out: W, colour: bool, width: Option<usize>) -> Self {
        Self { out, colour, width, day: None, headed: false, number: 1 }
    }

    /// Writes a line.
    fn line(&mut self, line: Arguments<'_>) -> io::Result<()> {
        let line = line.to_string();
        if self.colour {
            writeln!(self.out, "{}", line.trim_end())
        } else {
            writeln!(self.out, "{}", anstream::adapter::strip_str(&line).to_string().trim_end())
        }
    }

    fn path(&self, path: Option<&str>, room_taken: usize) -> String {
        match path {
            None => format!("{UNKNOWN}unknown file{UNKNOWN:#}"),
            Some(path) => self.fitted(path, room_taken),
        }
    }

    fn fitted(&self, path: &str, room_taken: usize) -> String {
        let path = printable(path);
        match self.width {
            Some(width) => elided(&path, width.saturating_sub(room_taken).max(LEAST_PATH)),
            None => path,
        }
    }

    /// Names the day when it is another than the last line's.
    fn day(&mut self, time: Option<FileTime>) -> io::Result<()> {
        let day = time.and_then(civil).map(|(moment, _)| moment.date());
        if day.is_some() && day != self.day {
            self.day = day;
            if let Some(day) = day {
                let (year, month, day) = day.to_calendar_date();
                self.line(format_args!("{DIM}{year:04}-{:02}-{day:02}{DIM:#}", u8::from(month)))?;
            }
        }
        Ok(())
    }

    fn head(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.headed, true) {
            return Ok(());
        }
        self.line(format_args!(
            "{HEADING}{:<TIME$} {:<WHO$} {:>OFFSET$} {:>LENGTH$} {:<BASIS$} {}{HEADING:#}",
            "time", "who (pid:tid)", "offset", "length", "basis", "file"
        ))
    }
}

/// What a basis is called where there is little room.
fn basis(basis: Code<Basis>) -> String {
    match basis {
        Code::Known(Basis::RequestorProcess) => "requestor".to_owned(),
        other => other.to_string(),
    }
}

/// Image name, PID and TID, as far as they are known.
fn who(party: &Party<'_>) -> String {
    let Some(pid) = party.pid else {
        return "unknown".to_owned();
    };
    let tid = party.tid.map_or_else(|| "?".to_owned(), |tid| tid.to_string());
    let ids = format!("({pid}:{tid})");
    let name = printable(file_name(party.image.unwrap_or("?")));
    format!("{} {ids}", elided(&name, (WHO - 1).saturating_sub(ids.len()).max(3)))
}

/// Who wrote, and how he is shown: a process of this machine, a client on another one, or the only one who can have.
fn writer(write: &Write<'_>) -> (String, Style) {
    match (write.originator.pid, write.client, &write.candidates) {
        (None, Some(client), _) => {
            let address = client.address.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
            (elided(&format!("client {address}"), WHO - 1), PROCESS)
        }
        (None, None, [Some(only), None, ..]) if !write.other_candidates => (who(only), PROCESS),
        (None, None, [Some(_), ..]) => ("one of several".to_owned(), UNKNOWN),
        (None, ..) => (who(&write.originator), UNKNOWN),
        (Some(_), ..) => (who(&write.originator), PROCESS),
    }
}

/// What is told of a mapped write besides.
fn mapped(write: &Write<'_>) -> String {
    let mut text = "through a mapped view, likely".to_owned();
    let name = |party: &Party<'_>| {
        let pid = party.pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string());
        format!("{} ({pid})", printable(file_name(party.image.unwrap_or("?"))))
    };
    let names: Vec<String> = write.candidates.iter().flatten().map(name).collect();
    if names.len() > 1 || write.other_candidates {
        let others = if write.other_candidates { " or another" } else { "" };
        text = format!("through a mapped view, likely by {}{others}", names.join(" or "));
    }
    if write.flags.contains(WriteFlags::MAY_BE_CACHED) {
        text.push_str("; or written before, through a handle");
    }
    text
}

/// What was done, in a word or two.
fn deed(change: &Change<'_>) -> String {
    match (change.operation, change.size, change.end_before) {
        (Operation::Clone, ..) => "cloned".to_owned(),
        (Operation::OffloadWrite, ..) => "copied by the storage".to_owned(),
        (Operation::Zero, ..) => "made zeroes".to_owned(),
        (Operation::SetEndOfFile | Operation::SetAllocation, Some(size), Some(before)) if size < before => {
            format!("cut to {}", grouped(size))
        }
        (Operation::SetEndOfFile, Some(size), Some(_)) => format!("extended to {}", grouped(size)),
        (Operation::SetEndOfFile, Some(size), None) => format!("ends at {}", grouped(size)),
        (Operation::SetAllocation, Some(size), _) => format!("allocated {}", grouped(size)),
        (Operation::SetValidData, Some(size), _) => format!("valid to {}", grouped(size)),
        (operation, ..) => operation.to_string(),
    }
}

fn thread(who: &Who) -> String {
    format!("{} ({}:{})", printable(file_name(&who.image)), who.pid, who.tid)
}

impl<W: io::Write> Sink for Table<W> {
    fn write(&mut self, write: &Write<'_>) -> io::Result<()> {
        self.head()?;
        self.day(write.time)?;
        let time = write.time.and_then(of_day).unwrap_or_else(|| "unknown".to_owned());
        let (who, style) = writer(write);
        let at = match write.offset {
            Offset::EndOfFile => "end".to_owned(),
            Offset::FilePointer => "pointer".to_owned(),
            at @ Offset::At(_) => offset(at),
        };
        let path = self.path(write.path, BEFORE_PATH);
        self.line(format_args!(
            "{DIM}{time:<TIME$}{DIM:#} {style}{:<WHO$}{style:#} {at:>OFFSET$} {:>LENGTH$} {:<BASIS$} {path}",
            who,
            grouped(write.length),
            basis(write.basis),
        ))?;
        let mut more = Vec::new();
        if let Some(source) = write.copy_source {
            let from = format!("copied, from offset {} of ", grouped(source.offset));
            more.push(format!("{from}{}", self.path(source.path, TIME + 3 + from.len())));
        }
        if let Some(share) = write.client.and_then(|client| client.share) {
            more.push(format!("by way of the share {}", self.fitted(share, TIME + 23)));
        }
        if write.operation == Code::Known(Operation::MappedWrite) {
            more.push(mapped(write));
        }
        if let Some(executor) = &write.executor {
            more.push(format!("carried out by {KERNEL}{}{KERNEL:#}", self::who(executor)));
        }
        if write.flags.contains(WriteFlags::GENERATED) {
            more.push("issued by another filter".to_owned());
        }
        for line in more {
            self.line(format_args!("{:TIME$} {DIM}↳{DIM:#} {line}", ""))?;
        }
        Ok(())
    }

    fn change(&mut self, change: &Change<'_>) -> io::Result<()> {
        self.head()?;
        self.day(change.time)?;
        let time = change.time.and_then(of_day).unwrap_or_else(|| "unknown".to_owned());
        let style = if change.originator.pid.is_none() { UNKNOWN } else { PROCESS };
        let path = self.path(change.path, BEFORE_PATH);
        let who_did = who(&change.originator);
        let basis = basis(change.basis);
        match change.range {
            Some((at, length)) => self.line(format_args!(
                "{DIM}{time:<TIME$}{DIM:#} {style}{who_did:<WHO$}{style:#} {:>OFFSET$} {:>LENGTH$} {basis:<BASIS$} {path}",
                grouped(at),
                grouped(length),
            ))?,
            None => self.line(format_args!(
                "{DIM}{time:<TIME$}{DIM:#} {style}{who_did:<WHO$}{style:#} {:>CHANGE$} {basis:<BASIS$} {path}",
                deed(change),
            ))?,
        }
        let mut more = Vec::new();
        if change.range.is_some() && change.source.is_none() {
            more.push(deed(change));
        }
        if let Some(source) = change.source {
            let from = format!("{}, from offset {} of ", deed(change), grouped(source.offset));
            more.push(format!("{from}{}", self.path(source.path, TIME + 3 + from.len())));
        }
        if change.to_key.is_some() {
            let to = match change.operation {
                Operation::Link => "is also called ",
                _ => "is now called ",
            };
            more.push(format!("{to}{}", self.path(change.to, TIME + 3 + to.len())));
        }
        if let Some(executor) = &change.executor {
            more.push(format!("carried out by {KERNEL}{}{KERNEL:#}", who(executor)));
        }
        if change.flags.contains(WriteFlags::GENERATED) {
            more.push("issued by another filter".to_owned());
        }
        for line in more {
            self.line(format_args!("{:TIME$} {DIM}↳{DIM:#} {line}", ""))?;
        }
        Ok(())
    }

    fn loss(&mut self, loss: &Loss) -> io::Result<()> {
        self.day(loss.time)?;
        let time = loss.time.and_then(of_day).unwrap_or_else(|| "unknown".to_owned());
        let records = count(loss.count, "record");
        self.line(format_args!("{DIM}{time:<TIME$}{DIM:#} {BAD}{records} lost here: {}{BAD:#}", loss.reason))
    }

    fn omission(&mut self, omission: &Omission) -> io::Result<()> {
        self.day(omission.time)?;
        let time = omission.time.and_then(of_day).unwrap_or_else(|| "unknown".to_owned());
        let Omission { because, count: left_out, .. } = omission;
        let writes = count(*left_out, "write");
        self.line(format_args!("{DIM}{time:<TIME$} {writes} left out on purpose, by {because}{DIM:#}"))
    }

    fn parameter(&mut self, parameter: &Parameter) -> io::Result<()> {
        self.day(parameter.since)?;
        let Parameter { name, since, source, value, refused } = parameter;
        let time = since.and_then(of_day).unwrap_or_else(|| "unknown".to_owned());
        self.line(format_args!("{DIM}{time:<TIME$} parameter {name} is {value}, by {source}{DIM:#}"))?;
        let Some(refused) = refused else { return Ok(()) };
        let RefusedValue { source, reason, text_index, text, found } = refused;
        let text = text
            .as_ref()
            .map_or(String::new(), |text| format!(" in text {text_index}, «{}»", printable(text)));
        self.line(format_args!(
            "{:TIME$} {DIM}↳{DIM:#} {BAD}the value by {source} was refused: {reason} ({found}){text}{BAD:#}",
            ""
        ))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Columns of an explanation: what is looked at, and what it says.
const LABEL: usize = 28;
/// See [`LABEL`].
const ANSWER: usize = 46;

impl<W: io::Write> Table<W> {
    /// What a filter sees, and what the rules make of it.
    fn explanation(&mut self, seen: &Explanation, recorded: Option<&Write<'_>>) -> io::Result<()> {
        self.day(Some(seen.time))?;
        self.explained_operation(seen)?;
        self.line(format_args!("    {DIM}what a filter sees{DIM:#}"))?;
        let style = |pid: u32| if pid == super::explain::SYSTEM_PID { KERNEL } else { PROCESS };
        self.entry("current thread", &thread(&seen.current), style(seen.current.pid), None)?;
        if let Some((pid, image)) = &seen.attached_to {
            let process = format!("{} ({pid})", printable(file_name(image)));
            self.entry("attached to", &process, style(*pid), None)?;
        }
        let (owner, owner_style) = match &seen.thread {
            Some(who) => (thread(who), style(who.pid)),
            None => ("NULL".to_owned(), UNKNOWN),
        };
        self.entry("FLT_CALLBACK_DATA->Thread", &owner, owner_style, None)?;
        let mode = if seen.user_mode { "UserMode" } else { "KernelMode" };
        self.entry("RequestorMode", mode, Style::new(), None)?;
        self.line(format_args!("    {DIM}who wrote, judging by{DIM:#}"))?;
        for rule in Rule::ALL {
            let conclusion = rule.concludes(seen);
            let answer = match &conclusion {
                Conclusion::Skipped => "nothing: it skips the write".to_owned(),
                Conclusion::Unknown => "unknown".to_owned(),
                Conclusion::Process { pid, image: Some(image) } => {
                    format!("{} ({pid})", printable(file_name(image)))
                }
                Conclusion::Process { pid, image: None } => format!("process {pid}"),
            };
            self.entry(rule.looks_at(), &answer, Style::new(), Some(rule.verdict(seen)))?;
        }
        let (answer, style, conclusion) = match recorded {
            None => (why_unrecorded(seen), Style::new(), Some(Conclusion::Skipped)),
            Some(write) => says(write),
        };
        let verdict = conclusion.map(|conclusion| conclusion.verdict(seen));
        self.entry("whowrote", &answer, style.bold(), verdict)?;
        self.line(format_args!(""))
    }

    /// The first lines of an explanation: what was done to which file.
    fn explained_operation(&mut self, seen: &Explanation) -> io::Result<()> {
        let number = self.number;
        self.number += 1;
        let time = of_day(seen.time).unwrap_or_default();
        let kind = match (&seen.copy_source, seen.paging, seen.fast_io) {
            (Some(_), ..) => "copied chunk",
            (None, true, _) => "paging write",
            (None, false, true) => "fast I/O write",
            (None, false, false) => "write",
        };
        let where_to = match seen.offset {
            Offset::At(at) => format!("at {}", grouped(at)),
            Offset::EndOfFile => "at the end".to_owned(),
            Offset::FilePointer => "at the file pointer".to_owned(),
        };
        let what = format!("#{number} {kind}, {} {where_to} of", count(u64::from(seen.length), "byte"));
        let path = self.fitted(&seen.path, TIME + 2 + what.chars().count());
        self.line(format_args!("{DIM}{time:<TIME$}{DIM:#} {HEADING}{what} {path}{HEADING:#}"))?;
        let Some((source, at)) = &seen.copy_source else {
            return Ok(());
        };
        let from = format!("copied, from offset {} of", grouped(*at));
        let source = self.fitted(source, TIME + 4 + from.len());
        self.line(format_args!("{:TIME$} {DIM}↳{DIM:#} {from} {source}", ""))
    }

    /// A line of an explanation: what is looked at, what it says, and whether that is right.
    fn entry(&mut self, label: &str, answer: &str, style: Style, verdict: Option<Verdict>) -> io::Result<()> {
        match verdict {
            None => self.line(format_args!("      {label:<LABEL$} {style}{answer}{style:#}")),
            Some(verdict) => {
                let (colour, mark, word) = match verdict {
                    Verdict::Right => (GOOD, '✓', "right"),
                    Verdict::Missed => (BAD, '✗', "misses the write"),
                    Verdict::Wrong => (BAD, '✗', "blames the wrong one"),
                    Verdict::Kernels => (BAD, '✗', "takes it for a user's"),
                    Verdict::NoWrite => (BAD, '✗', "takes it for a write"),
                    Verdict::Unknown => (UNKNOWN, '?', "names nobody"),
                    Verdict::Again => (UNKNOWN, '≈', "counts it twice"),
                };
                self.line(format_args!(
                    "      {label:<LABEL$} {style}{answer:<ANSWER$}{style:#} {colour}{mark} {word}{colour:#}"
                ))
            }
        }
    }
}

/// What whowrote says of a write that it recorded.
fn says(write: &Write<'_>) -> (String, Style, Option<Conclusion>) {
    if write.client.is_some() || write.candidates[0].is_some() {
        let (answer, style) = writer(write);
        return (format!("{answer}, by {}", basis(write.basis)), style, None);
    }
    let Party { pid: Some(pid), image, .. } = write.originator else {
        // To say so is no error, but it names nobody either.
        return ("unknown: nothing tells who wrote".to_owned(), UNKNOWN, None);
    };
    let sure = match write.confidence {
        Code::Known(Confidence::Certain) => "certain",
        Code::Known(Confidence::Likely) => "likely",
        Code::Known(Confidence::None) | Code::Newer(_) => "unsure",
    };
    let answer = format!("{}, by {}, {sure}", who(&write.originator), basis(write.basis));
    (answer, PROCESS, Some(Conclusion::Process { pid, image: image.map(str::to_owned) }))
}

/// Why whowrote did not record a write.
fn why_unrecorded(seen: &Explanation) -> String {
    match (&seen.truth, &seen.failed) {
        (_, Some(_)) if seen.fast_io => "nothing: refused, so it comes again as an IRP".to_owned(),
        (_, Some(status)) => format!("nothing: it failed with {status}"),
        (Truth::Kernel(_), None) => "nothing: it is the kernel's own".to_owned(),
        (Truth::Again(_), None) => "nothing: it was written before".to_owned(),
        (Truth::User(_) | Truth::Several(_) | Truth::Remote(_), None) => "nothing".to_owned(),
    }
}

impl<W: io::Write> ExplainedSink for Table<W> {
    fn explained(&mut self, write: &Write<'_>, explanation: &Explanation) -> io::Result<()> {
        self.explanation(explanation, Some(write))
    }

    fn unrecorded(&mut self, explanation: &Explanation) -> io::Result<()> {
        self.explanation(explanation, None)
    }
}
