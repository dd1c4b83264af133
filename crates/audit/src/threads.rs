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
use crate::index::{AddressIndex, Bucket, Full, NotAPowerOfTwo, Place};
use crate::key::ProcessKey;
use crate::record::{high, low, pair};

/// Words of an entry.
const WORDS: usize = 3;

const KERNEL: u64 = 1 << 0;

/// Memory for eight threads. All-zero memory is an empty bucket.
pub type ThreadBucket = Bucket<WORDS>;

/// Threads by the addresses of their objects, over memory that the caller owns.
#[derive(Clone, Copy, Debug)]
pub struct ThreadIndex<'m> {
    index: AddressIndex<'m, WORDS>,
}

impl<'m> ThreadIndex<'m> {
    /// The threads that `buckets` hold.
    ///
    /// # Errors
    ///
    /// [`NotAPowerOfTwo`].
    pub const fn new(buckets: &'m [ThreadBucket]) -> Result<Self, NotAPowerOfTwo> {
        match AddressIndex::new(buckets) {
            Ok(index) => Ok(Self { index }),
            Err(error) => Err(error),
        }
    }

    /// The thread at an address and the process that owns it, if it was learnt; none of that changes as long as it lives. A
    /// system thread is of [`ProcessKind::Kernel`] in whatever process. Wait-free.
    #[expect(clippy::inline_always, reason = "on the way of every write")]
    #[inline(always)]
    #[must_use]
    pub fn find(&self, address: NonZeroU64) -> Option<Thread> {
        self.index.find(address.get()).map(of_words)
    }

    /// Where the thread at an address is kept, if it was learnt. Wait-free.
    #[must_use]
    pub fn place(&self, address: NonZeroU64) -> Option<Place> {
        self.index.place(address)
    }

    /// The thread that is kept at a place, unless it was forgotten since [`place`](Self::place) found it: never another one.
    /// Wait-free.
    #[must_use]
    pub fn at(&self, place: Place) -> Option<Thread> {
        self.index.at(place).map(of_words)
    }

    /// Learns the thread at an address. To be called in that thread, while it is not terminating.
    ///
    /// # Errors
    ///
    /// [`Full`]: it will be asked for.
    pub fn learn(&self, address: NonZeroU64, thread: &Thread) -> Result<(), Full> {
        self.index.put(address, words(thread))
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

#[inline]
fn words(thread: &Thread) -> [u64; WORDS] {
    let Thread { tid, process: Process { key, pid, kind } } = *thread;
    [key.0, pair(pid, tid), if kind == ProcessKind::Kernel { KERNEL } else { 0 }]
}

#[inline]
fn of_words([key, ids, flags]: [u64; WORDS]) -> Thread {
    let kind = if flags & KERNEL == 0 { ProcessKind::User } else { ProcessKind::Kernel };
    Thread { tid: high(ids), process: Process { key: ProcessKey(key), pid: low(ids), kind } }
}
