//! A cycle: what is new in the dictionaries, then what is in the ring.

use core::ops::ControlFlow;
use core::sync::atomic::Ordering;

use audit::batch::{BatchWriter, NoRoom};
use audit::ledger::{LossReason, LossReporter};
use audit::omission::OmissionReporter;
use audit::record::{Event, Loss};
use audit::ring::{Consumer, DrainEnd, Snapshot, WhenFull};
use fltmgr::Result;
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};

use super::outbox::{Filled, NotDelivered, Outbox};
use crate::state::State;
use crate::time;

type Delivered = core::result::Result<(), NotDelivered>;

/// What the delivery thread knows.
pub(crate) struct Delivery {
    /// The batch with events. One that is not acknowledged is kept for the next connection.
    outbox: Outbox,
    /// Batches with dictionary entries alone, for a new connection that is to get a kept batch.
    catch_up: Outbox,
    last_number: u64,
    /// The connection that the dictionaries are in step with.
    connection: Option<u64>,
    losses: LossReporter,
    omissions: OmissionReporter,
}

impl Delivery {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(super) fn try_new() -> Result<Self> {
        Ok(Self {
            outbox: Outbox::try_new()?,
            catch_up: Outbox::try_new()?,
            last_number: 0,
            connection: None,
            losses: LossReporter::new(),
            omissions: OmissionReporter::new(),
        })
    }

    /// Delivers all that is there; an error also when nobody is connected.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(super) fn cycle(&mut self, state: &'static State, consumer: &mut Consumer<'_, '_>) -> Delivered {
        assert_at_most(PASSIVE_LEVEL);
        let Some(connection) = state.connection.current() else {
            // Whoever comes gets the newest.
            if consumer.set_when_full(WhenFull::OverwriteOldest) {
                for dictionary in state.dictionaries() {
                    dictionary.end_connection();
                }
            }
            return Err(NotDelivered::NobodyConnected);
        };
        // What waits for somebody who is there is not taken away from him.
        consumer.set_when_full(WhenFull::DropNewest);
        if self.connection != Some(connection) {
            self.begin_connection(state, connection)?;
        }
        self.outbox.deliver(state, connection)?;

        // In this order: what is retired from here on is needed beyond this cycle; what the snapshot holds
        // refers to entries that are there by now.
        for dictionary in state.dictionaries() {
            dictionary.begin_cycle();
        }
        let mut snapshot = consumer.snapshot();
        let mut end = DrainEnd::Complete;
        loop {
            let Self { outbox, last_number, losses, omissions, .. } = self;
            let filled = outbox.fill(state, last_number, |batch| {
                match fill(state, losses, &mut snapshot, &mut end, batch) {
                    Filled::Everything => report_omissions(state, omissions, batch),
                    Filled::Full => Filled::Full,
                }
            });
            self.outbox.deliver(state, connection)?;
            if filled == Filled::Everything {
                break;
            }
        }
        if end == DrainEnd::Complete {
            for dictionary in state.dictionaries() {
                dictionary.complete_cycle();
            }
        }
        Ok(())
    }

    /// The dictionaries start again for a new connection. If a batch was kept, it gets all of them before
    /// that.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn begin_connection(&mut self, state: &'static State, connection: u64) -> Delivered {
        self.connection = None;
        self.catch_up.discard();
        for dictionary in state.dictionaries() {
            dictionary.begin_connection();
        }
        while self.outbox.is_pending() {
            let Self { catch_up, last_number, .. } = self;
            let filled = catch_up.fill(state, last_number, |batch| match write_unsent(state, batch) {
                Ok(()) => Filled::Everything,
                Err(NoRoom) => Filled::Full,
            });
            // A failure here begins the connection again.
            catch_up.deliver(state, connection)?;
            if filled == Filled::Everything {
                break;
            }
        }
        self.connection = Some(connection);
        Ok(())
    }

    /// The thread ends: what it still has is nobody's any more.
    ///
    /// Maximum IRQL: any.
    pub(super) fn leave(&self, state: &State) {
        // Relaxed: read when the thread has ended.
        state.undelivered.store(self.outbox.pending_events(), Ordering::Relaxed);
    }
}

/// Maximum IRQL: `PASSIVE_LEVEL`.
fn fill(
    state: &State,
    losses: &mut LossReporter,
    snapshot: &mut Snapshot<'_, '_>,
    end: &mut DrainEnd,
    batch: &mut BatchWriter<'_>,
) -> Filled {
    if write_unsent(state, batch) == Err(NoRoom) {
        return Filled::Full;
    }
    // What was overwritten is older than what is in the ring.
    let overwritten = losses.due_of(LossReason::Overwritten, &state.ring.ledger(), time::now());
    if overwritten.is_some_and(|loss| write_loss(&loss, losses, batch) == Err(NoRoom)) {
        return Filled::Full;
    }
    *end = snapshot
        .drain(|event| match write_event(state, event, batch) {
            Ok(()) => ControlFlow::Continue(()),
            Err(NoRoom) => ControlFlow::Break(()),
        })
        .end;
    if *end == DrainEnd::Stopped {
        return Filled::Full;
    }
    while let Some(loss) = losses.due(&state.ring.ledger(), time::now()) {
        if write_loss(&loss, losses, batch) == Err(NoRoom) {
            return Filled::Full;
        }
    }
    Filled::Everything
}

/// Maximum IRQL: any.
fn write_loss(
    loss: &Loss,
    losses: &mut LossReporter,
    batch: &mut BatchWriter<'_>,
) -> core::result::Result<(), NoRoom> {
    batch.push_loss(loss)?;
    losses.reported(loss);
    Ok(())
}

/// Maximum IRQL: `PASSIVE_LEVEL`.
fn report_omissions(state: &State, omissions: &mut OmissionReporter, batch: &mut BatchWriter<'_>) -> Filled {
    while let Some(omission) = omissions.due(state.exclusions.totals(), time::now()) {
        if batch.push_omission(&omission) == Err(NoRoom) {
            return Filled::Full;
        }
        omissions.reported(&omission);
    }
    Filled::Everything
}

/// Maximum IRQL: `PASSIVE_LEVEL`.
fn write_unsent(state: &State, batch: &mut BatchWriter<'_>) -> core::result::Result<(), NoRoom> {
    state.dictionaries().into_iter().try_for_each(|dictionary| dictionary.write_unsent(batch))
}

/// The event, after the processes that it names.
///
/// Maximum IRQL: `PASSIVE_LEVEL`.
fn write_event(
    state: &State,
    event: &Event,
    batch: &mut BatchWriter<'_>,
) -> core::result::Result<(), NoRoom> {
    for actor in event.actors().into_iter().flatten() {
        state.processes.write_needed(state, actor, batch)?;
    }
    batch.push_event(event)
}
