//! Other filters on the machine: models without an image, which do to operations what other people's filters do.

use super::Major;
use crate::status::NtStatus;

/// A model filter, on every volume at one altitude.
#[derive(Clone, Debug)]
pub struct FilterSpec {
    /// Its name, for reports.
    pub name: String,
    /// Its altitude, such as `385000` or `385000.5`; none other on the machine may have it.
    pub altitude: String,
    /// What it does with which operations; the first that applies counts.
    pub acts: Vec<(When, Act)>,
    /// Whether it has every operation shown to the observer in its name, as it comes down and as it goes up.
    pub watches: bool,
}

impl FilterSpec {
    /// A filter that lets everything pass.
    #[must_use]
    pub fn new(name: &str, altitude: &str) -> Self {
        Self { name: name.to_owned(), altitude: altitude.to_owned(), acts: Vec::new(), watches: false }
    }

    /// The same filter, which has every operation shown to the observer as well. Its acts that need the way up
    /// ([`Act::CompleteAtDispatch`]) are not done.
    #[must_use]
    pub fn watching(self) -> Self {
        Self { watches: true, ..self }
    }

    /// The same filter, doing this with such operations too.
    #[must_use]
    pub fn act(mut self, when: When, act: Act) -> Self {
        self.acts.push((when, act));
        self
    }
}

/// Which operations a model filter does something with.
#[derive(Clone, Debug)]
pub struct When {
    /// Operations of this major function.
    pub major: Major,
    /// Of these, every n-th; 1 is each.
    pub every: u64,
    /// Only on files whose NT path contains this, whatever its case.
    pub path: Option<String>,
    /// Whether paging I/O is meant too. Those that pend it may deadlock a real machine.
    pub paging: bool,
}

impl When {
    /// Every operation of a major function that is no paging I/O.
    #[must_use]
    pub fn every(major: Major) -> Self {
        Self { major, every: 1, path: None, paging: false }
    }

    /// Every n-th of them.
    #[must_use]
    pub fn nth(self, every: u64) -> Self {
        Self { every: every.max(1), ..self }
    }

    /// Only those on files whose NT path contains this.
    #[must_use]
    pub fn path(self, part: &str) -> Self {
        Self { path: Some(part.to_owned()), ..self }
    }

    /// Paging I/O too.
    #[must_use]
    pub fn paging(self) -> Self {
        Self { paging: true, ..self }
    }
}

/// What a model filter does with an operation. Fast I/O that it would have to pend or reissue it disallows, so that an IRP
/// follows.
#[derive(Clone, Debug)]
pub enum Act {
    /// It pends the operation, and a System worker sends it on: those below run there, with the same callback data.
    Repost,
    /// It holds the operation up until [`crate::Sim::release_held`], or until everything else waits; then a System worker
    /// sends it on.
    Hold,
    /// It pends the operation, and a System worker completes it with a status; those below never see it.
    PendAndComplete(NtStatus),
    /// It completes the operation at once; those below never see it.
    Complete(NtStatus),
    /// It sends a copy of the operation to those below, marked `FLTFL_CALLBACK_DATA_REISSUED_IO`, and completes the
    /// operation as the copy ended.
    Reissue,
    /// Before it lets the operation pass it writes to the same file itself, at this offset so many bytes: kernel mode,
    /// in the current thread, marked `FLTFL_CALLBACK_DATA_GENERATED_IO`, seen by those below only.
    Write {
        /// Byte offset.
        offset: i64,
        /// Length in bytes.
        length: u32,
    },
    /// It lets the operation pass and holds its completion up: those above are told at `DISPATCH_LEVEL` in an arbitrary
    /// thread.
    CompleteAtDispatch,
}
