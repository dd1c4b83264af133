//! Memory that is watched: what lies where, so that a fault can say what was touched, and what is pageable.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::block::{Block, PAGE_BYTES};
use crate::abi::Address;
use crate::util::Lock;
use crate::verifier::site::Origin;

/// What a watched block is.
#[derive(Clone)]
pub(crate) struct Purpose {
    /// Such as "pool block".
    pub(crate) kind: &'static str,
    pub(crate) tag: String,
    pub(crate) paged: bool,
    pub(crate) allocated: Origin,
}

/// A block as the watch knows it.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) purpose: Purpose,
    /// The block itself, without the rest of its pages.
    pub(crate) block: Range<Address>,
    /// Where it was freed, if it was.
    pub(crate) freed: Option<Origin>,
}

/// The blocks with pages of their own, live ones and those freed a while ago.
#[derive(Default)]
pub(crate) struct WatchedBlocks {
    /// By the first address of the pages; with the address behind them.
    blocks: Lock<BTreeMap<Address, (Address, Watched)>>,
}

impl WatchedBlocks {
    pub(super) fn add(&self, block: &Block, purpose: Purpose) {
        if let Some(pages) = block.pages() {
            let start = block.ptr::<u8>().address();
            let watched = Watched { purpose, block: start..start + block.bytes(), freed: None };
            self.blocks.lock().insert(pages.start, (pages.end, watched));
        }
    }

    pub(super) fn freed(&self, block: &Block, by: Origin) {
        if let Some(pages) = block.pages()
            && let Some((_, watched)) = self.blocks.lock().get_mut(&pages.start)
        {
            watched.freed = Some(by);
        }
    }

    pub(super) fn remove(&self, block: &Block) {
        if let Some(pages) = block.pages() {
            self.blocks.lock().remove(&pages.start);
        }
    }

    /// Makes the page of an address accessible, whatever it was.
    pub(crate) fn open(&self, address: Address) -> bool {
        let start = address - address % PAGE_BYTES;
        self.find(start).is_some()
            && protect(&Pages { start, bytes: PAGE_BYTES, protection: 0 }, libc::PROT_READ | libc::PROT_WRITE)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.blocks.lock().len()
    }

    /// The block to whose pages an address belongs.
    pub(crate) fn find(&self, address: Address) -> Option<Watched> {
        let blocks = self.blocks.lock();
        let (_, (end, watched)) = blocks.range(..=address).next_back()?;
        (address < *end).then(|| watched.clone())
    }
}

/// Pages that may be on disk: not to be touched at `DISPATCH_LEVEL`, nor on behalf of paging I/O.
#[derive(Clone, Copy)]
struct Pages {
    start: Address,
    bytes: usize,
    /// `PROT_*` while they may be touched.
    protection: i32,
}

/// What is pageable in one kernel: paged pool, and sections of images.
#[derive(Default)]
pub(crate) struct Pageable {
    pages: Lock<Vec<Pages>>,
    /// How many ranges there are, so that the usual change of the IRQL need not look.
    count: AtomicUsize,
}

impl Pageable {
    pub(crate) fn add(&self, pages: Range<Address>, protection: i32) {
        let mut all = self.pages.lock();
        all.push(Pages { start: pages.start, bytes: pages.len(), protection });
        self.count.store(all.len(), Ordering::Relaxed);
    }

    /// Forgets what lies in a range, and makes it accessible.
    pub(crate) fn remove(&self, range: &Range<Address>) {
        let mut all = self.pages.lock();
        all.retain(|pages| {
            let goes = range.contains(&pages.start);
            if goes {
                protect(pages, pages.protection);
            }
            !goes
        });
        self.count.store(all.len(), Ordering::Relaxed);
    }

    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        // Relaxed: a thread sees what it made pageable itself; what others make at the same time may be seen later.
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Makes all of it inaccessible, or accessible again.
    pub(crate) fn set_accessible(&self, accessible: bool) {
        for pages in self.pages.lock().iter() {
            protect(pages, if accessible { pages.protection } else { libc::PROT_NONE });
        }
    }

    /// Makes what an address belongs to accessible. Returns whether there is such.
    pub(crate) fn open(&self, address: Address) -> bool {
        let all = self.pages.lock();
        let found = all.iter().find(|pages| (pages.start..pages.start + pages.bytes).contains(&address));
        found.is_some_and(|pages| protect(pages, pages.protection))
    }
}

fn protect(pages: &Pages, protection: i32) -> bool {
    let start = std::ptr::with_exposed_provenance_mut(pages.start);
    // SAFETY: the pages belong to a block or an image that is there as long as they are listed; no Rust reference to their
    // content exists.
    unsafe { libc::mprotect(start, pages.bytes, protection) == 0 }
}
