//! The consumer: messages in, lines out, an acknowledgement once they are out. The transport does not matter.

mod books;
mod dictionary;
pub mod names;

use std::io;

use audit::batch::{Acknowledgement, Batch};
use audit::ledger::LossReason;
use audit::record::{Code, DecodeError, MAX_CANDIDATES, Omission, Record};

use self::books::Arrival;
pub use self::books::Books;
use self::dictionary::Dictionary;
use self::names::Drives;
use crate::model::{self, Change, FileTime, Loss, Write, known};
use crate::output::Sink;

/// Why a message was not acknowledged. Nothing more can be received then: the driver keeps it for the next connection.
#[derive(Debug, thiserror::Error)]
pub enum ConsumerError {
    /// The message is not one, or of a newer version.
    #[error("the driver sent a message that cannot be read: {0}")]
    Message(DecodeError),
    /// What it says could not be written.
    #[error("the output cannot be written: {0}")]
    Output(#[from] io::Error),
}

/// Turns messages into lines.
#[derive(Debug)]
pub struct Consumer<S> {
    sink: S,
    dictionary: Dictionary,
    session: Option<u64>,
    books: Books,
    /// Records of kinds that this version does not know.
    unknown_records: u64,
}

impl<S: Sink> Consumer<S> {
    /// A consumer that has seen nothing yet.
    pub fn new(sink: S, drives: Drives) -> Self {
        Self {
            sink,
            dictionary: Dictionary::new(drives),
            session: None,
            books: Books::default(),
            unknown_records: 0,
        }
    }

    /// Takes a message in. The reply is returned once everything it says has been written and flushed.
    ///
    /// # Errors
    ///
    /// A message that cannot be read as a whole, of which nothing has been written then, or an output that cannot be
    /// written. Neither must be acknowledged.
    pub fn on_message(&mut self, message: &[u8]) -> Result<[u8; Acknowledgement::SIZE], ConsumerError> {
        let batch = Batch::parse(message).map_err(ConsumerError::Message)?;
        let records: Vec<Record<'_>> =
            batch.records().collect::<Result<_, _>>().map_err(ConsumerError::Message)?;
        let header = batch.header();
        if self.session != Some(header.session) {
            self.session = Some(header.session);
            self.dictionary.clear();
            self.books = Books::open(header);
        }
        let acknowledgement = Acknowledgement::accepted(header.batch).encode();
        let mut events = 0;
        for record in records {
            self.on_record(record, &mut events)?;
        }
        self.sink.flush()?;
        self.books.close_batch(header, events);
        Ok(acknowledgement)
    }

    fn on_record(&mut self, record: Record<'_>, events: &mut u64) -> io::Result<()> {
        let Self { sink, dictionary, books, .. } = self;
        match record {
            Record::Write(write) => {
                *events += 1;
                if books.enter(&write) == Arrival::New {
                    sink.write(&named(dictionary, &write))?;
                }
            }
            Record::Change(change) => {
                *events += 1;
                if books.enter_change(&change) == Arrival::New {
                    sink.change(&named_change(dictionary, &change))?;
                }
            }
            Record::Process(entry) => {
                if let Some(process) = dictionary.process(&entry) {
                    sink.process(process)?;
                }
            }
            Record::Volume(entry) => {
                if let Some(volume) = dictionary.volume(&entry) {
                    sink.volume(volume)?;
                }
            }
            Record::File(entry) => {
                if let Some(file) = dictionary.file(&entry) {
                    sink.file(file)?;
                }
            }
            Record::Client(entry) => {
                if let Some(client) = dictionary.client(&entry) {
                    sink.client(client)?;
                }
            }
            Record::Loss(loss) => {
                let reason = loss.reason.to_string();
                let known_total = books.lost_by_reason.entry(reason.clone()).or_default();
                if loss.total > *known_total {
                    let count = loss.total - *known_total;
                    *known_total = loss.total;
                    if loss.reason == Code::Known(LossReason::Overwritten) {
                        books.enter_overwritten(count);
                    }
                    let time = known(loss.time).map(FileTime);
                    sink.loss(&Loss { time, reason, count: loss.count, total: loss.total })?;
                }
            }
            Record::Omission(omission) => {
                let because = omission.because.to_string();
                let known_total = books.left_out.entry(because.clone()).or_default();
                if omission.total > *known_total {
                    *known_total = omission.total;
                    let time = known(omission.time).map(FileTime);
                    let Omission { count, total, .. } = omission;
                    sink.omission(&model::Omission { time, because, count, total })?;
                }
            }
            Record::Parameter(entry) => {
                if let Some(parameter) = dictionary.parameter(&entry) {
                    sink.parameter(parameter)?;
                }
            }
            Record::Unknown { .. } => {
                self.unknown_records += 1;
                books.enter_unknown();
            }
        }
        Ok(())
    }

    /// What was received so far.
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// The same, checked for anything missing: to be called when the driver has nothing left to send.
    pub fn settled_books(&mut self) -> &Books {
        self.books.check_settled();
        &self.books
    }

    /// How many processes and files the driver has told of.
    pub fn counts(&self) -> (usize, usize) {
        self.dictionary.counts()
    }

    /// How many records were of kinds that this version does not know.
    pub fn unknown_records(&self) -> u64 {
        self.unknown_records
    }

    /// The sink.
    pub fn sink(&mut self) -> &mut S {
        &mut self.sink
    }
}

/// The write with the names of what its keys stand for.
fn named<'a>(dictionary: &'a Dictionary, write: &audit::record::Write) -> Write<'a> {
    let mut named = write.candidates.named();
    let candidates = [(); MAX_CANDIDATES].map(|()| named.next().map(|key| dictionary.candidate(key)));
    Write {
        sequence: write.sequence.0,
        time: known(write.time).map(FileTime),
        operation: write.operation,
        originator: dictionary.party(write.originator),
        basis: write.basis,
        confidence: write.confidence,
        flags: write.flags,
        file_key: known(write.file.0),
        path: dictionary.path(write.file.0),
        offset: write.offset.into(),
        length: write.length,
        missing: write.missing,
        executor: write.executor.map(|executor| dictionary.party(Some(executor))),
        copy_source: write.copy.map(|source| dictionary.source(source)),
        client: Some(write.client).filter(|key| key.is_known()).map(|key| dictionary.client_party(key)),
        candidates,
        other_candidates: write.candidates.others,
    }
}

/// The change with the names of what its keys stand for.
fn named_change<'a>(dictionary: &'a Dictionary, change: &audit::record::Change) -> Change<'a> {
    Change {
        sequence: change.sequence.0,
        time: known(change.time).map(FileTime),
        operation: change.operation,
        originator: dictionary.party(change.originator),
        basis: change.basis,
        confidence: change.confidence,
        flags: change.flags,
        file_key: known(change.file.0),
        path: dictionary.path(change.file.0),
        range: change.range(),
        size: change.size(),
        end_before: change.end_before(),
        to_key: change.new_name().map(|key| key.0),
        to: change.new_name().and_then(|key| dictionary.path(key.0)),
        since: change.since().map(FileTime),
        source: change.source.map(|source| dictionary.source(source)),
        executor: change.executor.map(|executor| dictionary.party(Some(executor))),
    }
}

#[cfg(test)]
mod tests;
