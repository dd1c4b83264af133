//! Keeps what was recorded together with what a filter saw.

use std::io;

use crate::model::{Change, Loss, Party, Write};
use crate::output::explain::Explanation;
use crate::output::words::file_name;
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
    /// Whom it names instead: a client on another machine, or candidates.
    pub(super) instead: Option<String>,
}

/// See the module.
pub(super) struct Collector {
    seen: Shared<Vec<Seen>>,
}

impl Collector {
    pub(super) fn new(seen: Shared<Vec<Seen>>) -> Self {
        Self { seen }
    }

    fn keep(&self, party: &Party<'_>, instead: Option<String>, explanation: &Explanation) {
        let originator = Originator { pid: party.pid, image: party.image.map(str::to_owned), instead };
        lock(&self.seen).push(Seen { explanation: explanation.clone(), recorded: Some(originator) });
    }
}

/// Whom a record names that has no originator of this machine, or not one alone.
fn instead(write: &Write<'_>) -> Option<String> {
    if let Some(client) = write.client {
        let address = client.address.map_or_else(|| "?".to_owned(), |address| address.to_string());
        return Some(format!("the client {address}"));
    }
    let name = |party: &Party<'_>| {
        let pid = party.pid.map_or_else(|| "?".to_owned(), |pid| pid.to_string());
        format!("{} ({pid})", file_name(party.image.unwrap_or("?")))
    };
    let names: Vec<String> = write.candidates.iter().flatten().map(name).collect();
    (!names.is_empty()).then(|| format!("likely {}", names.join(" or ")))
}

impl ExplainedSink for Collector {
    fn explained(&mut self, write: &Write<'_>, explanation: &Explanation) -> io::Result<()> {
        self.keep(&write.originator, instead(write), explanation);
        Ok(())
    }

    fn explained_change(&mut self, change: &Change<'_>, explanation: &Explanation) -> io::Result<()> {
        self.keep(&change.originator, None, explanation);
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
