//! Who carries an operation out, in the one word that a pre-operation callback can hand to the post-operation callback.
//!
//! The first comes in the thread that carries the operation out; the second, where what became of it is known, may come in
//! any thread. Between the two the executor can end, and another thread can get its address or its id. So the word holds
//! no address: it holds where the thread is kept ([`crate::threads`]), by which it is found only as long as it is the same
//! thread; or, of one that is not kept, the ids that it had.

use crate::index::Place;
use crate::record::{high, low, pair};

const PLACE: u64 = 1;
const IDS: u64 = 2;
const TAG: u64 = 0b11;

/// Who carries an operation out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Executor {
    /// The thread that the operation records: the usual case.
    Originator,
    /// The thread that is kept here.
    Kept(Place),
    /// A thread that is not kept. Ids are multiples of four.
    Told {
        /// The id of its process.
        pid: u32,
        /// Its id.
        tid: u32,
    },
}

impl Executor {
    /// As one word; 0 is the originator.
    #[inline]
    #[must_use]
    pub fn word(self) -> u64 {
        match self {
            Self::Originator => 0,
            Self::Kept(place) => place.word() | PLACE,
            Self::Told { pid, tid } => pair(pid, tid) & !TAG | IDS,
        }
    }

    /// What [`word`](Self::word) made a word of.
    #[inline]
    #[must_use]
    pub fn of_word(word: u64) -> Self {
        match word & TAG {
            PLACE => Self::Kept(Place::of_word(word)),
            IDS => Self::Told { pid: low(word & !TAG), tid: high(word) },
            _ => Self::Originator,
        }
    }
}
