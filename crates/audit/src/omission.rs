//! What is left out on purpose, counted: by each processor on a line of its own.

use core::mem::offset_of;

use crate::record::{Code, Omission};
use crate::sync::{AtomicU64, Ordering};

/// What excluded an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Because {
    /// Its originator's image.
    Image,
    /// The path of its file.
    Path,
}

impl Because {
    /// All of them, in the order of [`Omitted`]'s counts.
    pub const ALL: [Self; 2] = [Self::Image, Self::Path];
}

/// One processor's counts. All-zero memory is none so far.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Omitted {
    counts: [AtomicU64; Because::ALL.len()],
}

impl Omitted {
    /// For debuggers: where the counts are, in the order of [`Because::ALL`].
    pub(crate) const OFFSETS: [usize; Because::ALL.len()] =
        [offset_of!(Self, counts), offset_of!(Self, counts) + size_of::<u64>()];

    /// Counts one.
    #[inline]
    pub fn count(&self, because: Because) {
        let [image, path] = &self.counts;
        let count = match because {
            Because::Image => image,
            Because::Path => path,
        };
        // Relaxed: a count; nothing depends on it. Another processor counts here only if it took the thread over meanwhile.
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// The sums over all processors, in the order of [`Because::ALL`].
    #[must_use]
    pub fn totals(of: &[Self]) -> [u64; Because::ALL.len()] {
        let mut totals = [0_u64; Because::ALL.len()];
        for Self { counts } in of {
            for (total, count) in totals.iter_mut().zip(counts) {
                // Relaxed: see `count`.
                *total = total.wrapping_add(count.load(Ordering::Relaxed));
            }
        }
        totals
    }
}

/// Remembers which omissions a record has been written for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OmissionReporter {
    reported: [u64; Because::ALL.len()],
}

impl OmissionReporter {
    /// Nothing reported yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { reported: [0; Because::ALL.len()] }
    }

    /// The next omission record due, if any. It stays due until [`reported`](Self::reported) is told.
    #[must_use]
    pub fn due(&self, totals: [u64; Because::ALL.len()], time: u64) -> Option<Omission> {
        let mut counted = Because::ALL.iter().zip(totals).zip(self.reported);
        counted.find(|((_, total), reported)| total != reported).map(|((because, total), reported)| {
            Omission { time, because: Code::Known(*because), count: total.wrapping_sub(reported), total }
        })
    }

    /// An omission record got into a batch.
    pub fn reported(&mut self, omission: &Omission) {
        for (because, reported) in Because::ALL.iter().zip(&mut self.reported) {
            if omission.because == Code::Known(*because) {
                *reported = omission.total;
            }
        }
    }
}
