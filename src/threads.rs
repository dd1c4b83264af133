//! Who a thread is: known by its address once it has been met, asked for otherwise.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};

use audit::attribution::{self, ProcessKind};
use audit::index::Place;
use audit::key::ProcessKey;
use audit::threads::{Known, ThreadBucket, ThreadIndex};
use fltmgr::irql::{APC_LEVEL, DISPATCH_LEVEL, PASSIVE_LEVEL, assert_at_most};
use fltmgr::pool::PoolArray;
use fltmgr::{NtStatus, Process, Result, Thread};
use wdk_sys::HANDLE;

use crate::memory::TAG;
use crate::state;

/// Eight threads each: 65,536 in 2 MiB. Those beyond are asked for at each write.
const BUCKETS: usize = 1 << 13;

/// The threads that have been met. [`audit::threads`] says why none is taken for another.
pub(crate) struct Threads {
    index: ThreadIndex<'static, BUCKETS>,
    /// Whether the driver is told when threads begin and end; none is learnt otherwise.
    told: AtomicBool,
    /// Goes up when what is known of threads may not be true any more.
    round: AtomicU64,
    // what `index` refers to: dropped after it
    _buckets: PoolArray<ThreadBucket>,
}

impl Threads {
    /// Maximum IRQL: `PASSIVE_LEVEL`.
    pub(crate) fn try_new() -> Result<Self> {
        assert_at_most(PASSIVE_LEVEL);
        let buckets = PoolArray::try_from_fn(BUCKETS, TAG, |_| ThreadBucket::default())?;
        // SAFETY: the index is dropped with the buckets, and lends nothing.
        let detached = unsafe { buckets.detached() };
        Ok(Self {
            index: ThreadIndex::new(detached).map_err(|_| NtStatus::INTERNAL_ERROR)?,
            told: AtomicBool::new(false),
            round: AtomicU64::new(0),
            _buckets: buckets,
        })
    }

    /// The driver is told of all threads from now on, for as long as it is called for operations.
    ///
    /// Maximum IRQL: any.
    pub(crate) fn are_told(&self) {
        // Relaxed: a callback that misses it learns nothing yet.
        self.told.store(true, Ordering::Relaxed);
    }

    /// The thread, if it was learnt: no lock, no call.
    ///
    /// Maximum IRQL: any.
    #[expect(clippy::inline_always, reason = "on the way of every write")]
    #[inline(always)]
    pub(crate) fn find(&self, thread: Thread<'_>) -> Option<Known> {
        self.index.find(thread.address())
    }

    /// The thread, if it was learnt and is found at the first place. [`find`](Self::find) looks at all.
    ///
    /// Maximum IRQL: any.
    #[expect(clippy::inline_always, reason = "on the way of every write")]
    #[inline(always)]
    pub(crate) fn find_first(&self, thread: Thread<'_>) -> Option<Known> {
        self.index.find_first(thread.address())
    }

    /// Where the thread is kept, if it was learnt.
    ///
    /// Maximum IRQL: any.
    #[inline]
    pub(crate) fn place(&self, thread: Thread<'_>) -> Option<Place> {
        self.index.place(thread.address())
    }

    /// The thread that is kept at a place, unless it ended since.
    ///
    /// Maximum IRQL: any.
    #[inline]
    pub(crate) fn at(&self, place: Place) -> Option<Known> {
        self.index.at(place)
    }

    /// Who a thread is.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL`; no lock.
    #[inline]
    pub(crate) fn who(&self, thread: Thread<'_>) -> attribution::Thread {
        match self.find(thread) {
            Some(known) => known.thread(),
            None => self.meet(thread),
        }
    }

    /// Asks who a thread is. The thread that runs is learnt, unless it is terminating: then it may have been forgotten
    /// already, and would never be again.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL`.
    #[cold]
    #[inline(never)]
    pub(crate) fn meet(&self, thread: Thread<'_>) -> attribution::Thread {
        assert_at_most(DISPATCH_LEVEL);
        // Acquire: pairs with the Release in `forget_all`.
        let round = self.round.load(Ordering::Acquire);
        let known = ask(thread);
        // Relaxed: see `are_told`.
        let told = self.told.load(Ordering::Relaxed);
        if told
            && Thread::with_current(|current| current == thread)
            && !thread.is_terminating()
            && let Some(entry) = Known::new(&known, is_excluded(&known))
        {
            let _full_so_asked_again = self.index.learn(thread.address(), entry);
            // Pairs with the fence in `forget_all`.
            fence(Ordering::SeqCst);
            // Relaxed: ordered by the fence.
            if self.round.load(Ordering::Relaxed) != round {
                self.index.forget(thread.address());
            }
        }
        known
    }

    /// Nobody is known any more: what is known of threads may have changed.
    ///
    /// Maximum IRQL: `DISPATCH_LEVEL`.
    pub(crate) fn forget_all(&self) {
        assert_at_most(DISPATCH_LEVEL);
        // Release: pairs with the Acquire in `meet`: who asks in this round asks after what changed.
        self.round.fetch_add(1, Ordering::Release);
        // Pairs with the fence in `meet`: either the entry is found here, or the new round is seen there.
        fence(Ordering::SeqCst);
        self.index.forget_all();
    }

    /// The thread that runs exits.
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn exits(&self) {
        assert_at_most(APC_LEVEL);
        Thread::with_current(|current| self.index.forget(current.address()));
    }

    /// A thread was created: nobody who had its address before it is known by it any more. (He was forgotten when he
    /// exited; this is to be independent of that.)
    ///
    /// Maximum IRQL: `APC_LEVEL`.
    pub(crate) fn created(&self, id: HANDLE) {
        assert_at_most(APC_LEVEL);
        let _gone_again = Thread::with_id(id, |thread| self.index.forget(thread.address()));
    }
}

/// Maximum IRQL: any.
fn is_excluded(thread: &attribution::Thread) -> bool {
    state::get().is_some_and(|state| state.exclusions.excludes(thread.process.key))
}

/// A system thread is the kernel's wherever it runs, whatever mode its request claims: minimal processes such as Registry
/// have no others.
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
fn ask(thread: Thread<'_>) -> attribution::Thread {
    let process = thread.process();
    let kind = if thread.is_system() { ProcessKind::Kernel } else { kind(process) };
    attribution::Thread { tid: thread.id(), process: of_kind(process, kind) }
}

/// A process without a thread of its to go by.
///
/// Maximum IRQL: `DISPATCH_LEVEL`.
pub(crate) fn process(process: Process<'_>) -> attribution::Process {
    of_kind(process, kind(process))
}

/// Maximum IRQL: any.
fn kind(process: Process<'_>) -> ProcessKind {
    if process == Process::system() { ProcessKind::Kernel } else { ProcessKind::User }
}

/// Maximum IRQL: `DISPATCH_LEVEL`.
fn of_kind(process: Process<'_>, kind: ProcessKind) -> attribution::Process {
    attribution::Process { key: ProcessKey(process.start_key()), pid: process.id(), kind }
}
