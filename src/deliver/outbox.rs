//! One batch at a time, from filling it to its acknowledgement.

use core::sync::atomic::Ordering;

use audit::batch::{Acknowledgement, BatchFlags, BatchWriter, Header, MAX_MESSAGE_SIZE, mark_redelivered};
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;
use fltmgr::{Result, Timeout};

use crate::memory::TAG;
use crate::state::State;

/// For the message to be taken, and again for it to be acknowledged.
const PATIENCE: Timeout = Timeout::milliseconds(1000);

/// The consumer's reply travels behind a header that is not handed on; the page of `FltSendMessage` has room
/// for it all the same.
const REPLY_BYTES: usize = Acknowledgement::SIZE + FILTER_REPLY_HEADER_SIZE;
const FILTER_REPLY_HEADER_SIZE: usize = 16;

/// Why there is something left to deliver.
pub(super) enum NotDelivered {
    /// There is no connection.
    NobodyConnected,
    /// The connection ended, or the reply was not in time, or it was another one.
    NotAcknowledged,
}

/// Room for one batch.
pub(super) struct Outbox {
    message: PoolArray<u8>,
    pending: Option<Pending>,
}

/// A batch that waits for its acknowledgement.
struct Pending {
    number: u64,
    bytes: usize,
    events: u64,
    sent: bool,
}

/// Whether a batch was filled because it was full.
#[derive(PartialEq, Eq)]
pub(super) enum Filled {
    /// There is more than fits.
    Full,
    /// There is nothing more.
    Everything,
}

impl Outbox {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(super) fn try_new() -> Result<Self> {
        Ok(Self { message: PoolArray::try_from_fn(MAX_MESSAGE_SIZE, TAG, |_| 0)?, pending: None })
    }

    /// Whether a batch waits for its acknowledgement.
    ///
    /// Maximum IRQL: any.
    pub(super) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The events in the batch that waits for its acknowledgement.
    ///
    /// Maximum IRQL: any.
    pub(super) fn pending_events(&self) -> u64 {
        self.pending.as_ref().map_or(0, |pending| pending.events)
    }

    /// Lets go of a batch without events.
    ///
    /// Maximum IRQL: any.
    pub(super) fn discard(&mut self) {
        self.pending = None;
    }

    /// Fills a batch and numbers it, unless `fill` has nothing to say. There must be none pending.
    ///
    /// Maximum IRQL: that of `fill`.
    pub(super) fn fill(
        &mut self,
        state: &State,
        last_number: &mut u64,
        fill: impl FnOnce(&mut BatchWriter<'_>) -> Filled,
    ) -> Filled {
        let Ok(mut batch) = BatchWriter::new(&mut self.message) else { return Filled::Everything };
        let filled = fill(&mut batch);
        if batch.is_empty() {
            return filled;
        }
        let number = last_number.wrapping_add(1);
        *last_number = number;
        let ledger = state.ring.ledger();
        let events = batch.events();
        let bytes = batch.finish(&Header {
            session: state.session,
            batch: number,
            flags: BatchFlags::empty(),
            produced: ledger.produced,
            delivered: state.delivered.load(Ordering::Relaxed), // written by this thread alone
            lost: ledger.lost_total(),
        });
        self.pending = Some(Pending { number, bytes, events, sent: false });
        filled
    }

    /// Sends the pending batch, if there is one, to this connection. Unless it is acknowledged it stays
    /// pending.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(super) fn deliver(
        &mut self,
        state: &'static State,
        connection: u64,
    ) -> core::result::Result<(), NotDelivered> {
        assert_at_most(PASSIVE_LEVEL);
        let Some(pending) = &mut self.pending else { return Ok(()) };
        let Some(message) = self.message.get_mut(..pending.bytes) else { return Ok(()) };
        if pending.sent {
            mark_redelivered(message);
        }
        pending.sent = true;
        let mut reply = [0; REPLY_BYTES];
        let replied =
            state.client.send(message, &mut reply, PATIENCE).map_err(|_| NotDelivered::NotAcknowledged)?;
        let reply = reply.get(..replied).ok_or(NotDelivered::NotAcknowledged)?;
        let acknowledged = Acknowledgement::decode(reply).is_ok_and(|reply| reply.accepts(pending.number));
        // Somebody else may be connected by now, who has taken a batch without what came before it.
        if !acknowledged || state.connection.current() != Some(connection) {
            return Err(NotDelivered::NotAcknowledged);
        }
        // Relaxed: only this thread writes it; it is read when the thread has ended.
        state.delivered.fetch_add(pending.events, Ordering::Relaxed);
        self.pending = None;
        Ok(())
    }
}
