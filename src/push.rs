//! The way of a record into the ring.

use audit::record::Event;
use audit::ring::Places;

use crate::irql::AtDispatchLevel;
use crate::state::State;
use crate::{processor, time};

/// A record is being put into the ring, at `DISPATCH_LEVEL`: a producer that is suspended between reserving its place and
/// filling it would hold its processor's records back.
pub(crate) struct Push {
    _level: AtDispatchLevel,
    processor: usize,
    time: u64,
}

impl Push {
    /// Maximum IRQL: `DISPATCH_LEVEL`.
    #[expect(clippy::inline_always, reason = "nothing of what every write takes is handed over in memory")]
    #[inline(always)]
    pub(crate) fn begin() -> Self {
        let level = AtDispatchLevel::raise();
        let time = time::now();
        // last, so that it need not be kept over a call
        Self { _level: level, time, processor: processor::current() }
    }

    /// When it began: the record's time.
    ///
    /// Maximum IRQL: any.
    #[inline]
    pub(crate) fn time(&self) -> u64 {
        self.time
    }

    /// Puts the record into the ring; a full ring counts what it refuses.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL`.
    #[expect(clippy::inline_always, reason = "as for `begin`")]
    #[inline(always)]
    pub(crate) fn end(self, state: &State, event: &Event) {
        if state.ring.push(self.processor, event).is_ok_and(|pushed| pushed.wake) {
            state.wake.set();
        }
    }

    /// The places of a record, if they can be had at once, as they nearly always can: it is made after that, so that what goes
    /// into it need not be kept in registers until then. Where they cannot, it is to be put there by [`end`](Self::end).
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL`.
    #[expect(clippy::inline_always, reason = "as for `begin`")]
    #[inline(always)]
    pub(crate) fn reserve_at_once(self, state: &State, slots: u8) -> Option<Reserved<'_>> {
        let places = state.ring.reserve_at_once(self.processor, slots)?;
        Some(Reserved { push: self, places, state })
    }
}

/// A record has its places in the ring, and must be put there at once.
#[must_use]
pub(crate) struct Reserved<'s> {
    places: Places<'s, 'static>,
    state: &'s State,
    push: Push,
}

impl Reserved<'_> {
    /// The record's time.
    ///
    /// Maximum IRQL: any.
    #[inline]
    pub(crate) fn time(&self) -> u64 {
        self.push.time
    }

    /// Puts the record into the ring.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL`.
    #[expect(clippy::inline_always, reason = "as for `Push::begin`")]
    #[inline(always)]
    pub(crate) fn end(self, event: &Event) {
        if self.places.publish(event).wake {
            self.state.wake.set();
        }
    }
}
