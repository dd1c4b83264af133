//! What a write has to heed before all else: one word, which is 0 almost always.

use core::sync::atomic::{AtomicU32, Ordering};

/// A circumstance that not every write can pass over.
#[derive(Clone, Copy)]
pub(crate) enum Heed {
    /// The driver has not begun, or ends.
    NotRecording = 1 << 0,
    /// Writes are none of what is recorded.
    NotAudited = 1 << 1,
    /// There are rules for images.
    Excluding = 1 << 2,
}

static HEEDED: AtomicU32 = AtomicU32::new(Heed::NotRecording as u32);

impl Heed {
    /// From now on the circumstance is given, or is not.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn set(self, given: bool) {
        // Relaxed, both: a write that misses it is one that came before it. What `NotRecording` guards is found by
        // `state::get`, which orders for itself.
        if given {
            HEEDED.fetch_or(self as u32, Ordering::Relaxed);
        } else {
            HEEDED.fetch_and(!(self as u32), Ordering::Relaxed);
        }
    }

    /// Whether the circumstance is among those that `heeded` has.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn is_in(self, heeded: u32) -> bool {
        heeded & self as u32 != 0
    }
}

/// What a write has to heed; 0 is nothing.
///
/// Maximum IRQL: any.
#[inline]
pub(crate) fn heeded() -> u32 {
    // Relaxed: see `Heed::set`.
    HEEDED.load(Ordering::Relaxed)
}
