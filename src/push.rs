//! The way of a record into the ring.

use audit::record::Event;

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
        Self { _level: AtDispatchLevel::raise(), processor: processor::current(), time: time::now() }
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
}
