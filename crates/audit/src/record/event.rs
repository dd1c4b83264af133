//! Event records as the ring carries them.

use super::candidates::MAX_CANDIDATES;
use super::change::Change;
use super::layout::{Kind, Lead, SlotBytes, Words, bytes};
use super::sequence::Sequence;
use super::write::{Actor, Write};

/// An encoded event record of one or two slots.
///
/// Made by [`Write::encode`](super::Write::encode) or [`Change::encode`](super::Change::encode), numbered by the
/// ring, and put into a message by
/// [`BatchWriter::push_event`](crate::batch::BatchWriter::push_event).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    first: Words,
    second: Option<Words>,
}

impl Event {
    /// An event of these slots; the lead of `first` must state their number.
    pub(crate) const fn new(first: Words, second: Option<Words>) -> Self {
        Self { first, second }
    }

    pub(crate) const fn first(&self) -> &Words {
        &self.first
    }

    pub(crate) const fn second(&self) -> Option<&Words> {
        self.second.as_ref()
    }

    /// Whether a record that begins with this slot has a second one.
    pub(crate) const fn has_second(first: &Words) -> bool {
        Lead::of(first).slots > 1
    }

    /// How many slots a record has whose first slot has this third word.
    pub(crate) const fn slots_of_lead(lead: u64) -> u8 {
        if Self::has_second(&[0, 0, lead, 0, 0, 0, 0, 0]) { 2 } else { 1 }
    }

    /// How many slots it takes: 1 or 2.
    #[must_use]
    pub const fn slot_count(&self) -> u8 {
        match self.second {
            None => 1,
            Some(_) => 2,
        }
    }

    /// When it happened: 100 ns units since 1601 UTC.
    #[must_use]
    pub const fn time(&self) -> u64 {
        let [_, time, ..] = self.first;
        time
    }

    /// Its place in the ring; 0 before it was there.
    #[must_use]
    pub const fn sequence(&self) -> Sequence {
        let [sequence, ..] = self.first;
        Sequence(sequence)
    }

    /// The write that it tells of; `None` if it is another kind of event.
    #[must_use]
    pub fn write(&self) -> Option<Write> {
        let is_write =
            Lead::of(&self.first).kind == Kind::WRITE && Change::operation_of(&self.first).is_none();
        if is_write { Write::of_words(&self.first, self.second.as_ref()).ok() } else { None }
    }

    /// The change that it tells of; `None` if it is a write or another kind of event.
    #[must_use]
    pub fn change(&self) -> Option<Change> {
        let operation = Change::operation_of(&self.first)?;
        if Lead::of(&self.first).kind == Kind::WRITE {
            Change::of_words(operation, &self.first, self.second.as_ref()).ok()
        } else {
            None
        }
    }

    /// Those whom it names: the originator, the executor, and candidates, of whom nothing but the process is known.
    #[must_use]
    pub fn actors(&self) -> [Option<Actor>; 2 + MAX_CANDIDATES] {
        let mut actors = [None; 2 + MAX_CANDIDATES];
        let [originator, executor, candidates @ ..] = &mut actors;
        if let Some(write) = self.write() {
            [*originator, *executor] = [write.originator, write.executor];
            for (candidate, process) in candidates.iter_mut().zip(write.candidates.named()) {
                *candidate = Some(Actor { process, ..Actor::default() });
            }
        } else if let Some(change) = self.change() {
            [*originator, *executor] = [change.originator, change.executor];
        }
        actors
    }

    /// The slots as they travel.
    #[must_use]
    pub fn to_bytes(&self) -> (SlotBytes, Option<SlotBytes>) {
        (bytes(&self.first), self.second.as_ref().map(bytes))
    }
}
