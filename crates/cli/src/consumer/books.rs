//! The books: whether every record that the driver made was delivered or is counted as lost.

use std::collections::{BTreeMap, HashMap};

use audit::batch::Header;
use audit::record::{Change, Sequence, Write};

/// What was received, and what the driver says it sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Event records received, each counted once.
    pub received: u64,
    /// Event records that came again and were left out.
    pub duplicates: u64,
    /// Event records made, as the driver counted when it closed the last batch.
    pub produced: u64,
    /// Event records that it counts as lost.
    pub lost: u64,
    /// The same by reason, as told by loss records.
    pub lost_by_reason: BTreeMap<String, u64>,
    /// Writes that were left out on purpose, by what excluded them: neither produced nor lost.
    pub left_out: BTreeMap<String, u64>,
    /// What does not add up, in words.
    pub faults: Vec<String>,
    /// Whether nobody took records of this session before, so that all of them must come here.
    from_start: bool,
    /// Records told as overwritten, for which no gap was found yet.
    overwritten: u64,
    /// Where the next record of each shard must be.
    expected: HashMap<u8, Sequence>,
}

/// What is to be done with an event record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    New,
    Again,
}

impl Books {
    /// The books of a session of which this is the first batch seen here.
    pub(crate) fn open(header: &Header) -> Self {
        Self { from_start: header.delivered == 0, ..Self::default() }
    }

    /// Enters a write.
    pub(crate) fn enter(&mut self, write: &Write) -> Arrival {
        self.enter_event(write.sequence, write.has_second())
    }

    /// Enters another change.
    pub(crate) fn enter_change(&mut self, change: &Change) -> Arrival {
        let has_second = change.executor.is_some() || change.source.is_some() || change.detail.is_some();
        self.enter_event(change.sequence, has_second)
    }

    fn enter_event(&mut self, sequence: Sequence, has_second: bool) -> Arrival {
        let shard = sequence.shard();
        let slots = if has_second { 2 } else { 1 };
        if let Some(expected) = self.expected.get(&shard).copied() {
            if sequence.position() < expected.position() {
                self.duplicates += 1;
                return Arrival::Again;
            }
            let gap = sequence.position().saturating_sub(expected.position());
            if gap > 0 && !self.is_overwritten(gap) {
                self.faults.push(format!(
                    "records are missing: shard {shard} goes on at position {} where {} was due",
                    sequence.position(),
                    expected.position()
                ));
            }
        } else if self.from_start
            && sequence.position() != 1
            && !self.is_overwritten(sequence.position().saturating_sub(1))
        {
            self.faults.push(format!(
                "records are missing: shard {shard} begins at position {}",
                sequence.position()
            ));
        }
        self.expected.insert(shard, sequence.after(slots));
        self.received += 1;
        Arrival::New
    }

    /// Enters a loss record: what was overwritten has had places in the stream, which come to nothing.
    pub(crate) fn enter_overwritten(&mut self, count: u64) {
        self.overwritten += count;
    }

    /// Whether a gap of so many slots is of records told as overwritten, each of which has one slot or two.
    fn is_overwritten(&mut self, slots: u64) -> bool {
        let records = slots.div_ceil(2);
        let is = records <= self.overwritten;
        if is {
            self.overwritten -= records;
        }
        is
    }

    /// Enters a record of a kind that this version does not know: its place in the stream is not known either.
    pub(crate) fn enter_unknown(&mut self) {
        self.expected.clear();
        self.from_start = false;
    }

    /// Enters a batch that held `events` event records, all entered before.
    ///
    /// Batches need not come in the order of their numbers: one that was not acknowledged comes again to the next
    /// connection, after newer ones that hold its dictionary.
    pub(crate) fn close_batch(&mut self, header: &Header, events: u64) {
        let Header { produced, delivered, lost, batch, .. } = *header;
        self.produced = self.produced.max(produced);
        self.lost = self.lost.max(lost);
        if produced < delivered.saturating_add(lost).saturating_add(events) {
            self.faults.push(format!(
                "batch {batch} says produced {produced}, but delivered {delivered}, lost {lost} and {events} in it"
            ));
        }
        if self.from_start && self.received < delivered {
            let Self { received, .. } = self;
            self.faults
                .push(format!("batch {batch} says delivered {delivered}, but {received} were received"));
        }
    }

    /// Checks that nothing is missing, once the driver has nothing left to send.
    pub(crate) fn check_settled(&mut self) {
        let accounted = self.received.saturating_add(self.lost);
        if self.from_start && self.produced != accounted {
            let Self { produced, received, lost, .. } = self;
            self.faults.push(format!("produced {produced}, but delivered {received} and lost {lost}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Regression test: records that were overwritten before anybody connected, and told so, were held to be missing.
    #[test]
    fn a_gap_is_no_fault_if_so_many_records_were_overwritten() {
        let mut books = Books { from_start: true, ..Books::default() };
        books.enter_overwritten(3);
        books.enter_event(Sequence(6), false);
        assert_eq!(books.faults, [""; 0], "five slots of three records");
        books.enter_event(Sequence(8), false);
        assert_eq!(books.faults.len(), 1, "no more were");
    }
}
