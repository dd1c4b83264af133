//! Bytes by file and originator: what the records come to, and what was written.

use std::collections::HashMap;

use super::consumer::Received;
use super::oracle::{Fault, Played, Session};
use super::world::{Author, Truth};

/// PID and TID as a record tells them.
type Originator = (Option<u32>, Option<u32>);

/// The run of the driver, the file and who wrote to it. Who gets the numbers of somebody who has ended has his account.
type Account = (usize, usize, Originator);

#[derive(Clone, Copy, Debug, Default)]
struct Bytes {
    /// Of writes that must be recorded.
    must: u64,
    /// Of writes that must or may be.
    may: u64,
    recorded: u64,
}

/// See the module.
pub(super) struct Ledger {
    accounts: HashMap<Account, Bytes>,
}

impl Ledger {
    pub(super) fn new(played: &[Played]) -> Self {
        let mut accounts: HashMap<Account, Bytes> = HashMap::new();
        for Played { truth, sessions, certain } in played {
            let length = u64::from(truth.length);
            for session in sessions {
                let bytes = accounts.entry((*session, truth.file.file, originator(truth))).or_default();
                bytes.may += length;
                bytes.must += if *certain && sessions.len() == 1 { length } else { 0 };
            }
        }
        Self { accounts }
    }

    /// A record of a write to the file of that truth, by whom the record says.
    pub(super) fn record(&mut self, session: usize, truth: &Truth, record: &Received) {
        let account = (session, truth.file.file, (record.pid, record.tid));
        self.accounts.entry(account).or_default().recorded += u64::from(record.length);
    }

    /// What was written is recorded in every account, to the byte, unless records were lost; more never is.
    pub(super) fn close(&self, number: usize, session: &Session) -> Result<(), Fault> {
        let lost = session.printed.map_or(0, |printed| printed.lost_total());
        for ((run, file, (pid, tid)), Bytes { must, may, recorded }) in &self.accounts {
            if *run == number && (recorded > may || lost == 0 && recorded < must) {
                let message = format!(
                    "file {file}, originator {pid:?}:{tid:?}: {recorded} bytes recorded of {must} to {may} written, \
                     {lost} records lost"
                );
                return Err(Fault::new("totals differ", message));
            }
        }
        Ok(())
    }
}

fn originator(truth: &Truth) -> Originator {
    match &truth.author {
        Author::Thread { tid, process } => (Some(process.pid), Some(*tid)),
        Author::Requestor(process) => (Some(process.pid), None),
        Author::Unknown => (None, None),
    }
}
