//! The program that reads the driver's records, in its various manners, and what it received.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use audit::batch::{Acknowledgement, Batch};
use audit::record::WriteFlags;
use ntsim::PortReply;

use crate::consumer::Consumer;
use crate::consumer::names::Drives;
use crate::model::{Change, Loss, Offset, Write};
use crate::output::Sink;
use crate::scenario::model::Manner;

/// A write as it was received.
#[derive(Clone, Debug)]
pub(super) struct Received {
    /// Which run of the driver made it.
    pub(super) session: u64,
    pub(super) pid: Option<u32>,
    pub(super) tid: Option<u32>,
    pub(super) image: Option<String>,
    pub(super) path: Option<String>,
    pub(super) offset: Offset,
    pub(super) length: u32,
    pub(super) missing: u32,
    pub(super) basis: String,
    pub(super) confidence: String,
    pub(super) kernel_mode: bool,
    /// PID of the thread that ran, where it is another; 0 if it is not known.
    pub(super) executor: Option<u32>,
    pub(super) source: Option<(Option<String>, i64)>,
}

#[derive(Default)]
struct Inbox {
    session: u64,
    received: Vec<Received>,
    /// The run of the driver of each event that is no write.
    others: Vec<u64>,
}

impl Sink for Inbox {
    fn write(&mut self, write: &Write<'_>) -> io::Result<()> {
        self.received.push(Received {
            session: self.session,
            pid: write.originator.pid,
            tid: write.originator.tid,
            image: write.originator.image.map(str::to_owned),
            path: write.path.map(str::to_owned),
            offset: write.offset,
            length: write.length,
            missing: write.missing,
            basis: write.basis.to_string(),
            confidence: write.confidence.to_string(),
            kernel_mode: !write.flags.contains(WriteFlags::USER_MODE),
            executor: write.executor.map(|executor| executor.pid.unwrap_or(0)),
            source: write.copy_source.map(|source| (source.path.map(str::to_owned), source.offset)),
        });
        Ok(())
    }

    fn change(&mut self, _: &Change<'_>) -> io::Result<()> {
        self.others.push(self.session);
        Ok(())
    }

    fn loss(&mut self, _: &Loss) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct State {
    consumer: Consumer<Inbox>,
    manner: Manner,
    /// The run of the driver that the last message was from.
    session: Option<u64>,
    /// What was wrong with what came.
    faults: Vec<String>,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Reader {
    state: Arc<Mutex<State>>,
}

impl Reader {
    pub(super) fn new(drives: Drives) -> Self {
        let state = State {
            consumer: Consumer::new(Inbox::default(), drives),
            manner: Manner::Good,
            session: None,
            faults: Vec::new(),
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_manner(&self, manner: Manner) {
        self.lock().manner = manner;
    }

    /// What it does with a message.
    pub(super) fn take(&self, message: &[u8]) -> PortReply {
        let mut state = self.lock();
        let State { consumer, manner, session, faults } = &mut *state;
        if *manner == Manner::Deaf {
            return PortReply::Silent;
        }
        let header = match Batch::parse(message) {
            Ok(batch) => *batch.header(),
            Err(error) => {
                faults.push(format!("a message that cannot be read: {error}"));
                return PortReply::Disconnect;
            }
        };
        *session = Some(header.session);
        consumer.sink().session = header.session;
        let reply = match consumer.on_message(message) {
            Ok(reply) => reply,
            Err(error) => {
                faults.push(error.to_string());
                return PortReply::Disconnect;
            }
        };
        faults.extend(consumer.books().faults.first().cloned().filter(|_| faults.is_empty()));
        match manner {
            Manner::Good => PortReply::Reply(reply.to_vec()),
            Manner::Confused => {
                PortReply::Reply(Acknowledgement::accepted(header.batch.wrapping_add(1)).encode().to_vec())
            }
            Manner::Silent | Manner::Deaf => PortReply::Silent,
        }
    }

    /// How many events of a run of the driver have come.
    pub(super) fn count(&self, sessions: std::ops::RangeInclusive<u64>) -> u64 {
        let mut state = self.lock();
        let inbox = state.consumer.sink();
        let writes = inbox.received.iter().map(|write| write.session);
        writes.chain(inbox.others.iter().copied()).filter(|session| sessions.contains(session)).count() as u64
    }

    /// How many writes of a run of the driver are told as lost, if anything has come of that run.
    pub(super) fn lost(&self, sessions: std::ops::RangeInclusive<u64>) -> u64 {
        let state = self.lock();
        state.session.filter(|session| sessions.contains(session)).map_or(0, |_| state.consumer.books().lost)
    }

    /// All that came: writes, the runs of the driver of what else there was, and what was wrong with it.
    pub(super) fn finish(&self) -> (Vec<Received>, Vec<u64>, Vec<String>) {
        let mut state = self.lock();
        let Inbox { received, others, .. } = std::mem::take(state.consumer.sink());
        (received, others, std::mem::take(&mut state.faults))
    }
}
