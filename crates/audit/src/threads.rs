//! Who a thread is, by the address of its object (`FLT_CALLBACK_DATA::Thread`): learnt once in the thread's life, and then
//! known without a call.
//!
//! An entry must never be found for another thread that got the address later. Two rules of the caller see to that, and
//! each does so alone:
//!
//! * **Only a thread itself has itself learnt**, from a callback that runs in it while it is not terminating, and
//!   it is forgotten when it exits, in its own context too (`PCREATE_THREAD_NOTIFY_ROUTINE`). Learning and
//!   forgetting are thus steps of one thread, in that order: nobody learns it late. What others do in its name, or while it
//!   exits, they ask for.
//! * **An address is forgotten when a thread is created at it**, before that thread is heard of.
//!
//! A thread that is not found is asked for, which costs calls and is never wrong.

use core::num::NonZeroU64;

use crate::attribution::{Process, ProcessKind, Thread};
use crate::index::{AddressIndex, Bucket, Full, Place, WrongSize};
use crate::key::ProcessKey;
use crate::record::{high, low, pair};

/// Words of an entry: the process's key, and the ids.
const WORDS: usize = 2;

/// Ids are multiples of four: the process id's two lowest bits are flags in an entry.
const FLAGS: u64 = 0b11;
const KERNEL: u64 = 1 << 0;
const EXCLUDED: u64 = 1 << 1;

/// Memory for eight threads. All-zero memory is an empty bucket.
pub type ThreadBucket = Bucket<WORDS>;

/// Threads by the addresses of their objects, over memory that the caller owns.
#[derive(Clone, Copy, Debug)]
pub struct ThreadIndex<'m, const BUCKETS: usize> {
    index: AddressIndex<'m, BUCKETS, WORDS>,
}

/// What is known of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    key: u64,
    ids: u64,
}

impl Known {
    /// A thread, and whether its process is excluded from the audit. `None` if its ids are not what ids are.
    #[must_use]
    pub fn new(thread: &Thread, excluded: bool) -> Option<Self> {
        let Thread { tid, process: Process { key, pid, kind } } = *thread;
        let ids = pair(pid, tid);
        let kernel = if kind == ProcessKind::Kernel { KERNEL } else { 0 };
        let flags = kernel | if excluded { EXCLUDED } else { 0 };
        (ids & FLAGS == 0).then_some(Self { key: key.0, ids: ids | flags })
    }

    /// Whether it is neither the kernel's nor excluded: one test.
    #[inline]
    #[must_use]
    pub const fn is_ordinary(self) -> bool {
        self.ids & FLAGS == 0
    }

    /// Whether its process is excluded from the audit.
    #[inline]
    #[must_use]
    pub const fn is_excluded(self) -> bool {
        self.ids & EXCLUDED != 0
    }

    /// The thread and the process that owns it.
    #[inline]
    #[must_use]
    pub const fn thread(self) -> Thread {
        let kind = if self.ids & KERNEL == 0 { ProcessKind::User } else { ProcessKind::Kernel };
        let process = Process { key: ProcessKey(self.key), pid: low(self.ids & !FLAGS), kind };
        Thread { tid: high(self.ids), process }
    }
}

impl<'m, const BUCKETS: usize> ThreadIndex<'m, BUCKETS> {
    /// The threads that `buckets` hold.
    ///
    /// # Errors
    ///
    /// [`WrongSize`].
    pub fn new(buckets: &'m [ThreadBucket]) -> Result<Self, WrongSize> {
        AddressIndex::new(buckets).map(|index| Self { index })
    }

    /// What is known of the thread at an address, if it was learnt; none of that changes as long as it lives. A
    /// system thread is of [`ProcessKind::Kernel`] in whatever process. Wait-free.
    #[expect(clippy::inline_always, reason = "on the way of every write")]
    #[inline(always)]
    #[must_use]
    pub fn find(&self, address: NonZeroU64) -> Option<Known> {
        self.index.find(address.get()).map(|[key, ids]| Known { key, ids })
    }

    /// What is known of the thread at an address, if it is found without a call; otherwise [`find`](Self::find) may still
    /// know it.
    #[expect(clippy::inline_always, reason = "as for `find`")]
    #[inline(always)]
    #[must_use]
    pub fn find_first(&self, address: NonZeroU64) -> Option<Known> {
        self.index.find_first(address).map(|[key, ids]| Known { key, ids })
    }

    /// Where the thread at an address is kept, if it was learnt. Wait-free.
    #[expect(clippy::inline_always, reason = "on the way of every copy's writes")]
    #[inline(always)]
    #[must_use]
    pub fn place(&self, address: NonZeroU64) -> Option<Place> {
        self.index.place(address)
    }

    /// The thread that is kept at a place, unless it was forgotten since [`place`](Self::place) found it: never another one.
    /// Wait-free.
    #[expect(clippy::inline_always, reason = "on the way of every copy's writes")]
    #[inline(always)]
    #[must_use]
    pub fn at(&self, place: Place) -> Option<Known> {
        self.index.at(place).map(|[key, ids]| Known { key, ids })
    }

    /// Learns the thread at an address. To be called in that thread, while it is not terminating.
    ///
    /// # Errors
    ///
    /// [`Full`]: it will be asked for.
    pub fn learn(&self, address: NonZeroU64, known: Known) -> Result<(), Full> {
        self.index.put(address, [known.key, known.ids])
    }

    /// Forgets all threads but those that are being learnt: what is known of them may not be true any more.
    pub fn forget_all(&self) {
        self.index.clear_all();
    }

    /// Forgets the thread at an address: it exits, or another is created there.
    pub fn forget(&self, address: NonZeroU64) {
        self.index.clear(address, None);
    }
}
