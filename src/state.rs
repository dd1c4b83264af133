//! What callbacks and the delivery thread share.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use audit::debug::Item;
use audit::ledger::{Ledger, LossReason};
use audit::omission::Because;
use audit::ring::{LossStage, Ring, Shard, Slot, WhenFull};
use fltmgr::irql::{PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::{PoolArray, PoolBox};
use fltmgr::{ClientSlot, FileObject, NtStatus, Result};
use wdk_sys::PDRIVER_OBJECT;

use crate::changes::deletions::Deletions;
use crate::changes::tokens::Tokens;
use crate::dictionary::Deliverable;
use crate::dictionary::clients::Clients;
use crate::dictionary::files::Files;
use crate::dictionary::processes::Processes;
use crate::dictionary::volumes::Volumes;
use crate::event::Event;
use crate::exclusions::Exclusions;
use crate::exports::Exports;
use crate::heed::Heed;
use crate::memory::TAG;
use crate::parameters::{Parameters, Setup};
use crate::threads::Threads;
use crate::{debug, diagnosis, processor, time};

/// On larger machines processors share.
const MAX_SHARDS: usize = 1 << 6;

/// The driver, from before its first callback to after its last.
pub(crate) struct State {
    /// When the driver started: tells its sequence numbers from those of other runs.
    pub(crate) session: u64,
    stopping: AtomicBool,
    pub(crate) ring: Ring<'static>,
    /// Events in acknowledged batches.
    pub(crate) delivered: AtomicU64,
    /// Events in the batch that the delivery thread left unacknowledged when it ended.
    pub(crate) undelivered: AtomicU64,
    pub(crate) parameters: Parameters,
    pub(crate) exclusions: Exclusions,
    pub(crate) threads: Threads,
    pub(crate) deletions: Deletions,
    pub(crate) tokens: Tokens,
    pub(crate) files: Files,
    pub(crate) processes: Processes,
    pub(crate) volumes: Volumes,
    pub(crate) clients: Clients,
    pub(crate) exports: Exports,
    pub(crate) client: ClientSlot,
    /// Whoever changes parameters.
    pub(crate) controller: ClientSlot,
    pub(crate) connection: Connection,
    /// Sends the delivery thread to work.
    pub(crate) wake: Event,
    // what `ring` refers to: dropped after it
    _shards: PoolArray<Shard>,
    _slots: PoolArray<Slot>,
}

impl State {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// `driver` is the driver object that `DriverEntry` got.
    unsafe fn try_new(driver: PDRIVER_OBJECT) -> Result<Self> {
        // SAFETY: by the function's own condition.
        let Setup { ring_size, parameters, exclusions } = unsafe { Setup::read(driver) }?;
        let shard_count = processor::count().clamp(1, MAX_SHARDS);
        let shards = PoolArray::try_from_fn(shard_count, TAG, |_| Shard::default())?;
        let slot_count = shard_count.saturating_mul(ring_size as usize);
        let slots = PoolArray::try_from_fn(slot_count, TAG, |_| Slot::default())?;
        // SAFETY: the ring is dropped with the arrays, and lends nothing.
        let ring_shards = unsafe { shards.detached() };
        // SAFETY: as above.
        let ring_slots = unsafe { slots.detached() };
        Ok(Self {
            session: time::now(),
            stopping: AtomicBool::new(false),
            // Nobody is connected: the delivery thread changes that with the connection.
            ring: Ring::new(ring_shards, ring_slots, WhenFull::OverwriteOldest)
                .map_err(|_| NtStatus::INTERNAL_ERROR)?,
            delivered: AtomicU64::new(0),
            undelivered: AtomicU64::new(0),
            parameters,
            exclusions,
            threads: Threads::try_new()?,
            deletions: Deletions::try_new()?,
            tokens: Tokens::try_new()?,
            files: Files::try_new()?,
            processes: Processes::try_new()?,
            volumes: Volumes::try_new()?,
            clients: Clients::try_new()?,
            exports: Exports::find(),
            client: ClientSlot::new(),
            controller: ClientSlot::new(),
            connection: Connection::new(),
            wake: Event::try_new()?,
            _shards: shards,
            _slots: slots,
        })
    }

    /// Tells a debugger where the state's own variables are.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn describe(&self, [recording, stopping, connection]: [&Item; 3]) {
        recording.at(&RECORDING);
        stopping.at(&self.stopping);
        connection.at(&self.connection.epoch);
    }

    /// The parameters, and the dictionaries, each after those that its entries refer to.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn dictionaries(&self) -> [&dyn Deliverable; 5] {
        [
            self.parameters.told(),
            self.volumes.shelf(),
            self.processes.shelf(),
            self.clients.shelf(),
            self.files.shelf(),
        ]
    }

    /// Rules changed: everybody and everything that is known is judged by the new ones.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn judge_again(&self) {
        assert_at_most(PASSIVE_LEVEL);
        self.processes.judge_again(&self.exclusions);
        self.threads.forget_all();
        self.files.judge_again(self);
    }

    /// Whether what is done to a file is left out on purpose, which is counted.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn is_excluded(&self, file: FileObject<'_>) -> bool {
        let excluded = self.files.is_excluded(file);
        if excluded {
            self.exclusions.count(Because::Path);
        }
        excluded
    }

    /// Whether the delivery thread is to end.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn is_stopping(&self) -> bool {
        // Acquire: pairs with the Release in `stop`, so that the thread's last round has all that came
        // before.
        self.stopping.load(Ordering::Acquire)
    }

    /// Has the delivery thread end.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL`.
    pub(crate) fn stop(&self) {
        // Release: pairs with the Acquire in `is_stopping`.
        self.stopping.store(true, Ordering::Release);
        self.wake.set();
    }

    /// What is still there will not be delivered.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn write_off(&self) {
        let mut left = self.undelivered.load(Ordering::Relaxed); // its writer, a thread, has ended
        if let Some(mut consumer) = self.ring.consumer() {
            let drained = consumer.snapshot().drain(|_| core::ops::ControlFlow::Continue(()));
            left = left.wrapping_add(drained.records);
        }
        self.ring.record_loss(LossReason::Shutdown, left, LossStage::AfterPush);
    }
}

/// Which consumer is connected.
pub(crate) struct Connection {
    /// Odd while there is one; goes up with each connecting and disconnecting.
    epoch: AtomicU64,
}

impl Connection {
    /// Nobody is connected.
    ///
    /// Maximum IRQL: any.
    const fn new() -> Self {
        Self { epoch: AtomicU64::new(0) }
    }

    /// The connection that there is, by a number that no other one has.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn current(&self) -> Option<u64> {
        // Acquire: pairs with the Release in `begin`, so that whoever sees the connection finds its port.
        Some(self.epoch.load(Ordering::Acquire)).filter(|epoch| !epoch.is_multiple_of(2))
    }

    /// Somebody is connected, and nobody was. Connecting and disconnecting come one after the other.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn begin(&self) {
        let epoch = self.epoch.load(Ordering::Relaxed);
        // Release: pairs with the Acquire in `current`.
        self.epoch.store(epoch.wrapping_add(1) | 1, Ordering::Release);
    }

    /// Nobody is connected. May be told more than once.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn end(&self) {
        let epoch = self.epoch.load(Ordering::Relaxed);
        // Release: as in `begin`.
        self.epoch.store(epoch.wrapping_add(epoch & 1), Ordering::Release);
    }
}

/// Null, or a [`State`] that a [`Published`] owns.
static STATE: AtomicPtr<State> = AtomicPtr::new(ptr::null_mut());

/// The same while writes are recorded, and null before and after.
static RECORDING: AtomicPtr<State> = AtomicPtr::new(ptr::null_mut());

/// The state, if operations that begin are recorded. For the same callers as [`get`].
///
/// Maximum IRQL: any.
#[inline]
pub(crate) fn recording() -> Option<&'static State> {
    // Acquire: pairs with the Release in `publish`. A callback that misses the end is one that ran before it.
    let state = RECORDING.load(Ordering::Acquire);
    // SAFETY: null, or what `get` returns.
    unsafe { state.as_ref() }
}

/// Refuses new work.
///
/// Maximum IRQL: any.
pub(crate) fn stop_recording() {
    Heed::NotRecording.set(true);
    // Relaxed: see `recording`.
    RECORDING.store(ptr::null_mut(), Ordering::Relaxed);
}

/// The state; there is none before `DriverEntry` has made it.
///
/// Only callbacks, and the delivery thread, may call this: `entry::Loaded` ends them all before it drops the
/// state.
///
/// Maximum IRQL: any.
#[inline]
pub(crate) fn get() -> Option<&'static State> {
    // Acquire: pairs with the Release in `publish`.
    let state = STATE.load(Ordering::Acquire);
    // SAFETY: `publish` made the pointer of a box; the state is not dropped before all callers have ended, as
    // said above, so that for them it lives forever.
    unsafe { state.as_ref() }
}

/// The state's owner.
pub(crate) struct Published {
    state: NonNull<State>,
}

// SAFETY: the state is shared by all threads, and this hands out nothing else.
unsafe impl Send for Published {}

impl Published {
    /// Makes the state and lets callbacks find it.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// `driver` is the driver object that `DriverEntry` got.
    pub(crate) unsafe fn publish(driver: PDRIVER_OBJECT) -> Result<Self> {
        assert_at_most(PASSIVE_LEVEL);
        // SAFETY: by the function's own condition.
        let state = unsafe { State::try_new(driver) }?;
        let state = PoolBox::try_new(state, TAG)?.into_raw();
        // Release: pairs with the Acquire in `get`.
        STATE.store(state.as_ptr(), Ordering::Release);
        // Release: pairs with the Acquire in `recording`.
        RECORDING.store(state.as_ptr(), Ordering::Release);
        Heed::NotRecording.set(false);
        let published = Self { state };
        debug::tell(&published);
        published.processes.meet_system();
        Ok(published)
    }
}

impl core::ops::Deref for Published {
    type Target = State;

    /// Maximum IRQL: any.
    fn deref(&self) -> &State {
        // SAFETY: the state lives until this is dropped.
        unsafe { self.state.as_ref() }
    }
}

impl Drop for Published {
    /// All callers of [`get`] have ended.
    ///
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    fn drop(&mut self) {
        assert_at_most(PASSIVE_LEVEL);
        // first, so that nobody is led to what goes
        debug::forget();
        self.write_off();
        let ledger: Ledger = self.ring.ledger();
        diagnosis::report(self, &ledger);
        stop_recording();
        // Relaxed: nobody is left to read it.
        STATE.store(ptr::null_mut(), Ordering::Relaxed);
        // SAFETY: `publish` gave the box up to this, and nobody has a reference any more.
        drop(unsafe { PoolBox::from_raw(self.state, TAG) });
    }
}
