//! JSON Lines: one object per record. The fields are described in `docs/output.md`.
//!
//! Keys and sequence numbers are 64-bit and go as decimal strings: many JSON readers take numbers for floating point,
//! which is exact up to 2^53 only.

mod change;
mod control;
mod entries;
mod explain;
mod text;
mod write;

use std::io;

use serde::Serialize;

use self::change::ChangeLine;
use self::control::{OmissionLine, ParameterLine};
use self::entries::{ClientLine, FileLine, LossLine, ProcessLine, VolumeLine};
use self::explain::UnrecordedLine;
use self::text::Digits;
use self::write::WriteLine;
use super::explain::Explanation;
use super::{ExplainedSink, Sink};
use crate::model::{Change, Client, File, Loss, Offset, Omission, Parameter, Process, Volume, Write};

/// Writes JSON Lines.
#[derive(Debug)]
pub struct Json<W> {
    out: W,
    /// The line that is being made: whole lines go out, or nothing.
    line: Vec<u8>,
}

impl<W: io::Write> Json<W> {
    /// Writes to `out`, which should be buffered.
    pub fn new(out: W) -> Self {
        Self { out, line: Vec::new() }
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }
}

/// A 64-bit key as a decimal string.
fn key(key: Option<u64>) -> Option<Digits> {
    key.map(Digits)
}

fn mode(user: bool) -> &'static str {
    if user { "user" } else { "kernel" }
}

fn byte_offset(offset: Offset) -> Option<i64> {
    match offset {
        Offset::At(offset) => Some(offset),
        Offset::EndOfFile | Offset::FilePointer => None,
    }
}

impl<W: io::Write> Sink for Json<W> {
    fn write(&mut self, write: &Write<'_>) -> io::Result<()> {
        self.line(&WriteLine::new(write, None))
    }

    fn change(&mut self, change: &Change<'_>) -> io::Result<()> {
        self.line(&ChangeLine::new(change))
    }

    fn process(&mut self, process: &Process) -> io::Result<()> {
        self.line(&ProcessLine::new(process))
    }

    fn volume(&mut self, volume: &Volume) -> io::Result<()> {
        self.line(&VolumeLine::new(volume))
    }

    fn file(&mut self, file: &File) -> io::Result<()> {
        self.line(&FileLine::new(file))
    }

    fn client(&mut self, client: &Client) -> io::Result<()> {
        self.line(&ClientLine::new(client))
    }

    fn loss(&mut self, loss: &Loss) -> io::Result<()> {
        self.line(&LossLine::new(loss))
    }

    fn omission(&mut self, omission: &Omission) -> io::Result<()> {
        self.line(&OmissionLine::new(omission))
    }

    fn parameter(&mut self, parameter: &Parameter) -> io::Result<()> {
        self.line(&ParameterLine::new(parameter))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: io::Write> ExplainedSink for Json<W> {
    fn explained(&mut self, write: &Write<'_>, explanation: &Explanation) -> io::Result<()> {
        self.line(&WriteLine::new(write, Some(explanation)))
    }

    fn unrecorded(&mut self, explanation: &Explanation) -> io::Result<()> {
        self.line(&UnrecordedLine::new(explanation))
    }
}
