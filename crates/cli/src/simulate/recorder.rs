//! Where the consumer's records go during a simulation: to the output, explained if wanted, and into memory for
//! comparing them with what a scenario expects.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::expect::RecordedChange;
use super::observe::Observations;
use crate::model::{Change, Client, File, Loss, Process, Volume, Write};
use crate::output::{ExplainedSink, Sink};

/// What is shared between the machine's observer and the consumer.
pub(super) type Shared<T> = Arc<Mutex<T>>;

/// The value inside, whatever became of a thread that held it.
pub(super) fn lock<T>(shared: &Shared<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// See the module.
pub(super) struct Recorder {
    output: Box<dyn ExplainedSink + Send>,
    observations: Option<Shared<Observations>>,
    /// What was recorded, if it is to be compared.
    recorded: Option<Vec<RecordedChange>>,
    pub(super) counts: Counts,
}

/// What the summary tells of the writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) writes: u64,
    /// What was done besides.
    pub(super) changes: u64,
    pub(super) unknown: u64,
    pub(super) copied: u64,
    pub(super) bytes: u64,
    processes: HashSet<Option<u64>>,
    files: HashSet<Option<u64>>,
}

impl Counts {
    pub(super) fn processes(&self) -> u64 {
        self.processes.iter().flatten().count() as u64
    }

    pub(super) fn files(&self) -> u64 {
        self.files.iter().flatten().count() as u64
    }
}

impl Recorder {
    pub(super) fn new(
        output: Box<dyn ExplainedSink + Send>,
        observations: Option<Shared<Observations>>,
        keep: bool,
    ) -> Self {
        Self { output, observations, recorded: keep.then(Vec::new), counts: Counts::default() }
    }

    /// What was recorded so far, taken out.
    pub(super) fn take_recorded(&mut self) -> Vec<RecordedChange> {
        self.recorded.take().unwrap_or_default()
    }

    /// Shows the callbacks that no record came from, at the end.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if let Some(observations) = &self.observations {
            for seen in lock(observations).rest() {
                self.output.unrecorded(&seen)?;
            }
        }
        self.output.flush()
    }
}

impl Sink for Recorder {
    fn write(&mut self, write: &Write<'_>) -> io::Result<()> {
        let Counts { writes, changes: _, unknown, copied, bytes, processes, files } = &mut self.counts;
        *writes += 1;
        let nobody =
            write.originator.pid.is_none() && write.client.is_none() && write.candidates[0].is_none();
        *unknown += u64::from(nobody);
        *copied += u64::from(write.copy_source.is_some());
        *bytes += u64::from(write.length);
        processes.insert(write.originator.process_key);
        files.insert(write.file_key);
        if let Some(recorded) = &mut self.recorded {
            recorded.push(RecordedChange::new(write));
        }
        let Some(observations) = &self.observations else {
            return self.output.write(write);
        };
        let (before, own) = lock(observations).match_record(write);
        for seen in &before {
            self.output.unrecorded(seen)?;
        }
        match own {
            Some(seen) => self.output.explained(write, &seen),
            None => self.output.write(write),
        }
    }

    fn change(&mut self, change: &Change<'_>) -> io::Result<()> {
        let Counts { changes, unknown, processes, files, .. } = &mut self.counts;
        *changes += 1;
        *unknown += u64::from(change.originator.pid.is_none());
        processes.insert(change.originator.process_key);
        files.insert(change.file_key);
        let compared = RecordedChange::of_change(change);
        let own = self
            .observations
            .as_ref()
            .and_then(|observations| lock(observations).match_change(change, compared.kind()));
        if let Some(recorded) = &mut self.recorded {
            recorded.push(compared);
        }
        match own {
            Some(seen) => self.output.explained_change(change, &seen),
            None => self.output.change(change),
        }
    }

    fn process(&mut self, process: &Process) -> io::Result<()> {
        self.output.process(process)
    }

    fn volume(&mut self, volume: &Volume) -> io::Result<()> {
        self.output.volume(volume)
    }

    fn file(&mut self, file: &File) -> io::Result<()> {
        self.output.file(file)
    }

    fn client(&mut self, client: &Client) -> io::Result<()> {
        self.output.client(client)
    }

    fn loss(&mut self, loss: &Loss) -> io::Result<()> {
        self.output.loss(loss)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}
