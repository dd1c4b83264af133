//! How what was recorded is shown: lines for people, or JSON Lines for programs.

pub mod explain;
mod json;
mod table;
pub(crate) mod time;
pub(crate) mod words;

use std::io;

use self::explain::Explanation;
pub use self::json::Json;
pub use self::table::Table;
use crate::model::{Change, Client, File, Loss, Omission, Parameter, Process, Volume, Write};

/// Takes what the stream tells, in its order. Every method fails when the output cannot be written.
#[expect(clippy::missing_errors_doc, reason = "stated once, above")]
pub trait Sink {
    /// Somebody wrote.
    fn write(&mut self, write: &Write<'_>) -> io::Result<()>;
    /// Somebody changed a file without a write; a sink that is about writes alone has no use for it.
    fn change(&mut self, _: &Change<'_>) -> io::Result<()> {
        Ok(())
    }
    /// What a process key stands for; a sink that shows names only where they are used has no use for it.
    fn process(&mut self, _: &Process) -> io::Result<()> {
        Ok(())
    }
    /// What a volume key stands for; a sink that shows names only where they are used has no use for it.
    fn volume(&mut self, _: &Volume) -> io::Result<()> {
        Ok(())
    }
    /// What a file key stands for; a sink that shows names only where they are used has no use for it.
    fn file(&mut self, _: &File) -> io::Result<()> {
        Ok(())
    }
    /// What a client key stands for; a sink that shows names only where they are used has no use for it.
    fn client(&mut self, _: &Client) -> io::Result<()> {
        Ok(())
    }
    /// Records are missing.
    fn loss(&mut self, loss: &Loss) -> io::Result<()>;
    /// Writes were left out on purpose; a sink that is about what was recorded has no use for it.
    fn omission(&mut self, _: &Omission) -> io::Result<()> {
        Ok(())
    }
    /// How the driver is set up; a sink that is about what was recorded has no use for it.
    fn parameter(&mut self, _: &Parameter) -> io::Result<()> {
        Ok(())
    }
    /// Everything so far must have gone out when this returns.
    fn flush(&mut self) -> io::Result<()>;
}

/// Shows writes with what other filters would have concluded of them.
pub trait ExplainedSink: Sink {
    /// A write, explained.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    fn explained(&mut self, write: &Write<'_>, explanation: &Explanation) -> io::Result<()>;
    /// A change without a write, explained; as if it were not, unless the sink can.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    fn explained_change(&mut self, change: &Change<'_>, _explanation: &Explanation) -> io::Result<()> {
        self.change(change)
    }
    /// A write that whowrote did not record, explained.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    fn unrecorded(&mut self, explanation: &Explanation) -> io::Result<()>;
}

impl<S: Sink + ?Sized> Sink for Box<S> {
    fn write(&mut self, write: &Write<'_>) -> io::Result<()> {
        (**self).write(write)
    }

    fn change(&mut self, change: &Change<'_>) -> io::Result<()> {
        (**self).change(change)
    }

    fn process(&mut self, process: &Process) -> io::Result<()> {
        (**self).process(process)
    }

    fn volume(&mut self, volume: &Volume) -> io::Result<()> {
        (**self).volume(volume)
    }

    fn file(&mut self, file: &File) -> io::Result<()> {
        (**self).file(file)
    }

    fn client(&mut self, client: &Client) -> io::Result<()> {
        (**self).client(client)
    }

    fn loss(&mut self, loss: &Loss) -> io::Result<()> {
        (**self).loss(loss)
    }

    fn omission(&mut self, omission: &Omission) -> io::Result<()> {
        (**self).omission(omission)
    }

    fn parameter(&mut self, parameter: &Parameter) -> io::Result<()> {
        (**self).parameter(parameter)
    }

    fn flush(&mut self) -> io::Result<()> {
        (**self).flush()
    }
}

impl<S: ExplainedSink + ?Sized> ExplainedSink for Box<S> {
    fn explained(&mut self, write: &Write<'_>, explanation: &Explanation) -> io::Result<()> {
        (**self).explained(write, explanation)
    }

    fn explained_change(&mut self, change: &Change<'_>, explanation: &Explanation) -> io::Result<()> {
        (**self).explained_change(change, explanation)
    }

    fn unrecorded(&mut self, explanation: &Explanation) -> io::Result<()> {
        (**self).unrecorded(explanation)
    }
}

#[cfg(test)]
mod tests;
