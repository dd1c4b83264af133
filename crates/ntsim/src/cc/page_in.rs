//! Pages that are not in memory are read, as paging reads: in the thread that touches them, and ahead of it in a System worker.

use std::ops::Range;
use std::sync::Arc;

use super::PAGE_BYTES;
use crate::ex::work::{self, Queue};
use crate::io::file::File;
use crate::io::paging::{TopLevel, read_pages};
use crate::io::volume::round_up;
use crate::io::{self, file_object};
use crate::ke::Cpu;
use crate::status::NtStatus;

/// Bytes of a paging read at most [inf].
const MAX_READ_BYTES: i64 = 1 << 20;
/// Bytes that are read ahead of a file that is read sequentially [inf].
const READ_AHEAD_BYTES: i64 = 128 << 10;

/// Sees to it that what the current thread is about to touch is in memory. What has never been written is zeroes, which
/// nobody reads. Returns whether anything had to be read.
pub(crate) fn page_in(
    cpu: &Cpu,
    file: &Arc<File>,
    bytes: &Range<i64>,
    top_level: TopLevel,
) -> Result<bool, NtStatus> {
    let Some(fcb) = file.fcb().filter(|_| cpu.kernel().config.paging_reads) else { return Ok(false) };
    let valid = round_up(fcb.node().valid_bytes(), PAGE_BYTES);
    let within = bytes.start / PAGE_BYTES * PAGE_BYTES
        ..round_up(bytes.end.max(bytes.start + 1), PAGE_BYTES).min(valid);
    let mut from = within.start;
    while let Some((missing, holder)) = fcb.pages().missing(file, &(from..within.end), MAX_READ_BYTES) {
        from = missing.end;
        match read_pages(cpu, &holder, &missing, top_level) {
            Ok(()) => fcb.pages().came(&missing),
            // The file was truncated meanwhile: there is nothing to read any more.
            Err(NtStatus::END_OF_FILE) => break,
            Err(status) => return Err(status),
        }
    }
    Ok(from > within.start)
}

/// Likewise of a write, which has to read only those pages of which something stays.
pub(crate) fn page_in_partly_written(
    cpu: &Cpu,
    file: &Arc<File>,
    bytes: &Range<i64>,
) -> Result<(), NtStatus> {
    if bytes.start % PAGE_BYTES != 0 {
        page_in(cpu, file, &(bytes.start..bytes.start), TopLevel::Irp)?;
    }
    let valid = file.fcb().map_or(0, |fcb| fcb.node().valid_bytes());
    if bytes.end % PAGE_BYTES != 0 && bytes.end < valid {
        page_in(cpu, file, &(bytes.end..bytes.end), TopLevel::Irp)?;
    }
    Ok(())
}

/// A sequential reader has read up to somewhere: a System worker reads on (ntifs, `CcScheduleReadAhead`).
pub(crate) fn read_ahead(cpu: &Cpu, file: &Arc<File>, from: i64) {
    let size = file.fcb().map_or(0, |fcb| fcb.node().size());
    if !file.has(file_object::SEQUENTIAL_ONLY) || from >= size {
        return;
    }
    file.hold();
    let file = Arc::clone(file);
    work::queue(cpu, Queue::Critical, move |cpu| {
        let ahead = from..from.saturating_add(READ_AHEAD_BYTES);
        // Whoever needs the pages will find out that they cannot be read.
        let _ = page_in(cpu, &file, &ahead, TopLevel::Cache);
        io::close::release(cpu, &file);
    });
}
