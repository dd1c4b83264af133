//! The lazy writer, and the modified page writer beside it: in System workers, on virtual time.

use std::sync::Arc;

use super::CacheManager;
use super::pages::EVERYTHING;
use super::write_out::{Writer, write_out};
use crate::ex::work::{self, Queue};
use crate::io::Fcb;
use crate::ke::Cpu;
use crate::sim::LazyWriter;

/// How often the lazy writer scans: once a second (Win32, "File Caching"), in 100 ns.
pub(super) const SCAN_PERIOD: u64 = 10_000_000;
/// Of what is dirty it writes one part in so many at a time (Win32, "File Caching").
const PART: usize = 8;
/// How often pages that views dirtied are written, in 100 ns: within five minutes [inf].
pub(super) const MODIFIED_SCAN_PERIOD: u64 = 300 * 10_000_000;
/// Dirty streams at which nothing is left for later (ntifs, `CcCanIWrite`: writes are throttled) [inf].
const MAX_DIRTY_STREAMS: usize = 1024;

/// A scan that is due.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scan {
    Lazy,
    Modified,
}

impl CacheManager {
    /// When the next scan is due, if that is not after a time.
    fn due(&self, until: u64) -> Option<u64> {
        let state = self.state.lock();
        [state.next_scan, state.next_modified_scan].into_iter().flatten().min().filter(|due| *due <= until)
    }

    /// The scan that is due now, which is due again a period later.
    fn take_due(&self, now: u64) -> Option<Scan> {
        let mut state = self.state.lock();
        if let Some(due) = state.next_scan.filter(|due| *due <= now) {
            state.next_scan = Some(due.max(now) + SCAN_PERIOD);
            return Some(Scan::Lazy);
        }
        let due = state.next_modified_scan.filter(|due| *due <= now)?;
        state.next_modified_scan = Some(due.max(now) + MODIFIED_SCAN_PERIOD);
        Some(Scan::Modified)
    }
}

/// Lets time pass up to a moment, with the scans that are due on the way.
pub(crate) fn advance_to(cpu: &Cpu, time: u64) {
    let kernel = cpu.kernel();
    if kernel.config.lazy_writer == LazyWriter::OnTime {
        while let Some(due) = kernel.cache.due(time) {
            kernel.scheduler.advance_to(cpu, due);
            while let Some(scan) = kernel.cache.take_due(kernel.clock.now()) {
                match scan {
                    Scan::Lazy => lazy_scan(cpu),
                    Scan::Modified => scan_streams(cpu, Writer::Modified, Fcb::has_mapped_dirt, usize::MAX),
                }
            }
            kernel.scheduler.settle(cpu);
        }
    }
    kernel.scheduler.advance_to(cpu, time);
}

fn lazy_scan(cpu: &Cpu) {
    let dirty = cpu.kernel().cache.dirty_streams().len();
    scan_streams(cpu, Writer::Lazy, Fcb::has_cached_dirt, dirty.div_ceil(PART).max(1));
}

/// Has a System worker write what is dirty of the streams that have been so longest.
fn scan_streams(cpu: &Cpu, writer: Writer, wants: fn(&Fcb) -> bool, limit: usize) {
    let dirty = cpu.kernel().cache.dirty_streams();
    let chosen: Vec<Arc<Fcb>> = dirty.into_iter().filter(|fcb| wants(fcb)).take(limit).collect();
    if chosen.is_empty() {
        return;
    }
    work::queue(cpu, Queue::Critical, move |cpu| {
        for fcb in chosen {
            // A delayed write that fails is lost, and the writer goes on with the next file.
            let _ = write_out(cpu, &fcb, &EVERYTHING, writer);
        }
    });
}

/// Has everything that was written through the cache written to disk soon.
pub(crate) fn write_all_lazily(cpu: &Cpu) {
    scan_streams(cpu, Writer::Lazy, Fcb::has_cached_dirt, usize::MAX);
}

/// Has everything that views dirtied written to disk soon.
pub(crate) fn write_all_modified(cpu: &Cpu) {
    scan_streams(cpu, Writer::Modified, Fcb::has_mapped_dirt, usize::MAX);
}

/// Too much is dirty for it to wait its time.
pub(crate) fn throttle(cpu: &Cpu, dirty_streams: usize) {
    if dirty_streams >= MAX_DIRTY_STREAMS {
        write_all_lazily(cpu);
        write_all_modified(cpu);
    }
}
