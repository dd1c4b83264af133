//! Keeps what was recorded together with what a filter saw.

use std::io;

use crate::model::{Change, Loss, Party, Write};
use crate::output::explain::Explanation;
use crate::output::{ExplainedSink, Sink};
use crate::simulate::recorder::{Shared, lock};

/// A write as a filter saw it, and what whowrote made of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) explanation: Explanation,
    /// `None` if whowrote did not record it.
    pub(super) recorded: Option<Originator>,
}

/// Whom whowrote names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Originator {
    /// `None` if it says that nobody can tell.
    pub(super) pid: Option<u32>,
    pub(super) image: Option<String>,
}

/// See the module.
pub(super) struct Collector {
    seen: Shared<Vec<Seen>>,
}

impl Collector {
    pub(super) fn new(seen: Shared<Vec<Seen>>) -> Self {
        Self { seen }
    }

    fn keep(&self, party: &Party<'_>, explanation: &Explanation) {
        let originator = Originator { pid: party.pid, image: party.image.map(str::to_owned) };
        lock(&self.seen).push(Seen { explanation: explanation.clone(), recorded: Some(originator) });
    }
}

impl ExplainedSink for Collector {
    fn explained(&mut self, write: &Write<'_>, explanation: &Explanation) -> io::Result<()> {
        self.keep(&write.originator, explanation);
        Ok(())
    }

    fn explained_change(&mut self, change: &Change<'_>, explanation: &Explanation) -> io::Result<()> {
        self.keep(&change.originator, explanation);
        Ok(())
    }

    fn unrecorded(&mut self, explanation: &Explanation) -> io::Result<()> {
        lock(&self.seen).push(Seen { explanation: explanation.clone(), recorded: None });
        Ok(())
    }
}

impl Sink for Collector {
    fn write(&mut self, _: &Write<'_>) -> io::Result<()> {
        Ok(())
    }

    fn loss(&mut self, _: &Loss) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
