//! The dirty pages of one stream, and the file object by which they are written.

use std::ops::Range;
use std::sync::Arc;

use super::ranges::Ranges;
use super::{CacheManager, PAGE_BYTES};
use crate::io::file::File;
use crate::io::volume::round_up;
use crate::io::{self, Fcb, file_object};
use crate::ke::Cpu;
use crate::util::Lock;

/// A range without an end.
pub(crate) const EVERYTHING: Range<i64> = 0..i64::MAX;

/// How pages came to be dirty, which decides who writes them if nobody flushes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dirtied {
    /// Through the cache: the lazy writer writes them.
    Cached,
    /// Through a view: the modified page writer writes them.
    Mapped,
}

/// The dirty pages of one stream.
#[derive(Default)]
pub(crate) struct Pages {
    state: Lock<State>,
}

#[derive(Default)]
struct State {
    /// What is in memory.
    resident: Ranges,
    cached: Ranges,
    mapped: Ranges,
    /// The first file object that cached or mapped the stream; paging I/O goes by it, and it is not closed while pages
    /// are dirty or sections exist.
    holder: Option<Arc<File>>,
    /// Handles of sections, and views.
    mappings: usize,
}

impl State {
    fn is_dirty(&self) -> bool {
        !self.cached.is_empty() || !self.mapped.is_empty()
    }

    fn hold(&mut self, file: &Arc<File>) {
        if self.holder.is_none() {
            file.hold();
            self.holder = Some(Arc::clone(file));
        }
    }
}

/// The pages that a range of bytes lies in.
fn pages_of(bytes: &Range<i64>) -> Range<i64> {
    bytes.start / PAGE_BYTES * PAGE_BYTES..round_up(bytes.end, PAGE_BYTES)
}

impl Pages {
    /// Something has been written. Returns how many streams are dirty if this one was clean.
    pub(crate) fn dirty(
        &self,
        manager: &CacheManager,
        file: &Arc<File>,
        bytes: &Range<i64>,
        how: Dirtied,
        now: u64,
    ) -> Option<usize> {
        let fcb = file.fcb()?;
        let pages = pages_of(bytes);
        let mut state = self.state.lock();
        let was_dirty = state.is_dirty();
        state.resident.insert(pages.clone());
        match how {
            Dirtied::Cached => state.cached.insert(pages),
            Dirtied::Mapped => state.mapped.insert(pages),
        }
        state.hold(file);
        // Under this stream's lock, so that it is listed exactly while it is dirty.
        (!was_dirty && state.is_dirty()).then(|| manager.became_dirty(fcb, now))
    }

    /// Takes the next dirty pages to write out, and the file object to write by.
    pub(super) fn take(
        &self,
        manager: &CacheManager,
        fcb: &Arc<Fcb>,
        within: &Range<i64>,
        only: Option<Dirtied>,
        limit: i64,
    ) -> Option<(Range<i64>, Arc<File>)> {
        let within = &pages_of(within);
        let mut state = self.state.lock();
        let holder = Arc::clone(state.holder.as_ref()?);
        let cached =
            (only != Some(Dirtied::Mapped)).then(|| state.cached.take_first(within, limit)).flatten();
        let taken = match cached {
            Some(taken) => taken,
            None if only == Some(Dirtied::Cached) => return None,
            None => state.mapped.take_first(within, limit)?,
        };
        // A page that was dirtied both ways is written once.
        state.mapped.remove(&taken);
        state.cached.remove(&taken);
        if !state.is_dirty() {
            manager.became_clean(fcb);
        }
        Some((taken, holder))
    }

    /// The first pages of a range that are not in memory, and the file object to read them by, which the cache or memory manager
    /// refers to from now on.
    pub(super) fn missing(
        &self,
        file: &Arc<File>,
        within: &Range<i64>,
        limit: i64,
    ) -> Option<(Range<i64>, Arc<File>)> {
        let mut state = self.state.lock();
        let missing = state.resident.first_gap(within, limit)?;
        state.hold(file);
        let holder = state.holder.clone()?;
        Some((missing, holder))
    }

    /// Pages have been read.
    pub(super) fn came(&self, pages: &Range<i64>) {
        self.state.lock().resident.insert(pages.clone());
    }

    /// Pages are in memory no more: what is on disk has changed, or is gone.
    pub(crate) fn evict(&self, bytes: &Range<i64>) {
        let mut state = self.state.lock();
        let pages = pages_of(bytes);
        state.resident.remove(&pages);
    }

    /// The pages of a range are clean: written by other means, or gone.
    pub(crate) fn clean(&self, manager: &CacheManager, fcb: &Arc<Fcb>, bytes: &Range<i64>) {
        let mut state = self.state.lock();
        if !state.is_dirty() {
            return;
        }
        let pages = pages_of(bytes);
        state.cached.remove(&pages);
        state.mapped.remove(&pages);
        if !state.is_dirty() {
            manager.became_clean(fcb);
        }
    }

    /// The file object by which pages are written, if any in a range are dirty.
    pub(crate) fn holder_if_dirty(&self, bytes: &Range<i64>) -> Option<Arc<File>> {
        let state = self.state.lock();
        let pages = pages_of(bytes);
        let dirty = state.cached.overlaps(&pages) || state.mapped.overlaps(&pages);
        state.holder.clone().filter(|_| dirty)
    }

    pub(crate) fn has_mapped_dirt(&self) -> bool {
        !self.state.lock().mapped.is_empty()
    }

    pub(crate) fn has_cached_dirt(&self) -> bool {
        !self.state.lock().cached.is_empty()
    }

    /// A section or view comes.
    pub(crate) fn mapped(&self, file: &Arc<File>) {
        let mut state = self.state.lock();
        state.mappings += 1;
        state.hold(file);
    }

    /// A section or view goes.
    pub(crate) fn unmapped(&self) {
        let mut state = self.state.lock();
        state.mappings = state.mappings.saturating_sub(1);
    }

    pub(crate) fn is_mapped(&self) -> bool {
        self.state.lock().mappings > 0
    }

    /// The file object is needed no more if nothing is dirty or mapped and its handles are gone.
    fn take_idle_holder(&self) -> Option<Arc<File>> {
        let mut state = self.state.lock();
        let idle = !state.is_dirty() && state.mappings == 0;
        let gone = |holder: &Arc<File>| holder.has(file_object::CLEANUP_COMPLETE);
        if idle && state.holder.as_ref().is_some_and(gone) { state.holder.take() } else { None }
    }
}

/// Lets go of the file object that the stream was cached or mapped by, if it is needed no more; its close follows.
pub(crate) fn release_idle(cpu: &Cpu, fcb: &Fcb) {
    if let Some(holder) = fcb.pages().take_idle_holder() {
        io::close::release(cpu, &holder);
    }
}

/// The dirty pages that lie in a range entirely are never written: their file has been deleted, or they are behind its new
/// end, or replaced.
pub(crate) fn discard(cpu: &Cpu, fcb: &Arc<Fcb>, bytes: &Range<i64>) {
    let whole = round_up(bytes.start, PAGE_BYTES)..bytes.end / PAGE_BYTES * PAGE_BYTES;
    if !whole.is_empty() {
        fcb.pages().clean(&cpu.kernel().cache, fcb, &whole);
        fcb.pages().evict(&whole);
    }
}
