//! The thread that takes records out of the ring and sends them to the consumer.
//!
//! Nothing else waits for the consumer: no operation on a file ever does.

mod cycle;
mod outbox;

use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolBox;
use fltmgr::{Result, Timeout};

use crate::memory::TAG;
use crate::state;
use crate::thread::{SystemThread, Work};
use cycle::Delivery;
use outbox::NotDelivered;

/// How long the thread waits before it tries again what a connected consumer did not acknowledge.
const PAUSE: Timeout = Timeout::milliseconds(100);

/// The delivery thread; dropping it makes a last attempt to deliver and ends it.
pub(crate) struct DeliveryThread {
    _thread: SystemThread,
}

impl DeliveryThread {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn start() -> Result<Self> {
        assert_at_most(PASSIVE_LEVEL);
        let delivery = PoolBox::try_new(Delivery::try_new()?, TAG)?;
        SystemThread::spawn(delivery).map(|thread| Self { _thread: thread })
    }
}

impl Drop for DeliveryThread {
    /// Maximum IRQL: `PASSIVE_LEVEL`. The thread itself is waited for afterwards, as its field is dropped.
    fn drop(&mut self) {
        if let Some(state) = state::get() {
            state.stop();
        }
    }
}

impl Work for Delivery {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn run(&mut self) {
        assert_at_most(PASSIVE_LEVEL);
        // The state outlives this thread, for whose end it is not dropped before.
        let Some(state) = state::get() else { return };
        let Some(mut consumer) = state.ring.consumer() else { return };
        loop {
            let stopping = state.is_stopping();
            let delivered = self.cycle(state, &mut consumer);
            if stopping {
                break;
            }
            match delivered {
                Ok(()) => {
                    // With nothing to do, nothing is done until there is: no timer runs.
                    if consumer.prepare_sleep() {
                        state.wake.wait(None);
                        consumer.wake_up();
                    }
                }
                Err(NotDelivered::NobodyConnected) => state.wake.wait(None),
                Err(NotDelivered::NotAcknowledged) => state.wake.wait(Some(PAUSE)),
            }
        }
        self.leave(state);
    }
}
