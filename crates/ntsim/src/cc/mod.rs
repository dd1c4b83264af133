//! Cache manager: which pages of which streams are in memory, which are dirty, and who reads and writes them when. No bytes are
//! kept.
//!
//! A cached write only marks pages. They reach the file system as paging writes: of the lazy writer, of whoever flushes
//! the file, of a write-through, or of the modified page writer where views dirtied them.

pub(crate) mod lazy_writer;
pub(crate) mod page_in;
pub(crate) mod pages;
mod ranges;
pub(crate) mod write_out;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::io::Fcb;
use crate::util::Lock;

/// Bytes of a page.
pub(crate) const PAGE_BYTES: i64 = 4096;

/// What the cache manager of one kernel knows of all its streams.
#[derive(Default)]
pub(crate) struct CacheManager {
    state: Lock<State>,
}

#[derive(Default)]
struct State {
    /// Streams that have dirty pages, in the order in which they came to have them.
    dirty: VecDeque<Arc<Fcb>>,
    /// When the lazy writer scans next.
    next_scan: Option<u64>,
    /// When the modified page writer scans next.
    next_modified_scan: Option<u64>,
}

impl CacheManager {
    /// Notes a stream that has come to have dirty pages.
    fn became_dirty(&self, fcb: &Arc<Fcb>, now: u64) -> usize {
        let mut state = self.state.lock();
        state.dirty.push_back(Arc::clone(fcb));
        state.next_scan.get_or_insert(now + lazy_writer::SCAN_PERIOD);
        state.next_modified_scan.get_or_insert(now + lazy_writer::MODIFIED_SCAN_PERIOD);
        state.dirty.len()
    }

    /// Notes a stream that has no dirty pages any more.
    fn became_clean(&self, fcb: &Arc<Fcb>) {
        let mut state = self.state.lock();
        state.dirty.retain(|other| !Arc::ptr_eq(other, fcb));
        if state.dirty.is_empty() {
            state.next_scan = None;
            state.next_modified_scan = None;
        }
    }

    /// The streams with dirty pages, longest dirty first.
    pub(crate) fn dirty_streams(&self) -> Vec<Arc<Fcb>> {
        self.state.lock().dirty.iter().cloned().collect()
    }
}
