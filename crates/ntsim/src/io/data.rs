//! What a file system does with the data of a read or write: sizes, positions and dirty pages; no bytes are kept.

use std::ops::Range;
use std::sync::Arc;

use super::file::File;
use super::lock::Owner;
use super::paging::TopLevel;
use super::request::{IoStatus, decide};
use super::{Fcb, file_object, irp, stack_location};
use crate::cc::lazy_writer;
use crate::cc::page_in::{page_in, page_in_partly_written, read_ahead};
use crate::cc::pages::Dirtied;
use crate::cc::write_out::{Writer, write_out};
use crate::fltmgr::{Answer, Arrival};
use crate::ke::Cpu;
use crate::sim::Outcome;
use crate::status::NtStatus;

/// `FILE_WRITE_TO_END_OF_FILE`, sign-extended.
pub(super) const TO_END_OF_FILE: i64 = -1;
/// `FILE_USE_FILE_POINTER_POSITION`, sign-extended.
pub(super) const AT_FILE_POINTER: i64 = -2;

/// Whose locks let a transfer through: those of a process, by a key.
#[derive(Clone, Copy)]
pub(super) struct Locker {
    process: u64,
    key: u32,
}

impl Locker {
    fn of(arrival: &Arrival<'_>, key: u32) -> Option<Self> {
        arrival.process.map(|process| Self { process, key })
    }
}

/// The file system's part of a write.
#[derive(Clone)]
pub(super) struct WriteTarget {
    pub(super) file: Arc<File>,
    pub(super) offset: i64,
    pub(super) length: u32,
    pub(super) paging: bool,
    pub(super) non_cached: bool,
    pub(super) write_through: bool,
    pub(super) outcome: Outcome,
    /// Whose it is, where that is known: locks of others stand against it.
    pub(super) locker: Option<Locker>,
}

impl WriteTarget {
    /// A write as the file was opened: through the cache or past it.
    pub(super) fn new(file: &Arc<File>, offset: i64, length: u32) -> Self {
        Self {
            offset,
            length,
            paging: false,
            non_cached: file.has(file_object::NO_INTERMEDIATE_BUFFERING),
            write_through: file.has(file_object::WRITE_THROUGH),
            outcome: Outcome::Model,
            file: Arc::clone(file),
            locker: None,
        }
    }

    /// The write as the lowest filter left it.
    pub(super) fn heed(self, arrival: &Arrival<'_>) -> Self {
        // SAFETY: this is a write, whose parameters have one form in all its minor functions.
        let write = unsafe { arrival.parameters.write };
        Self {
            offset: write.byte_offset,
            length: write.length,
            paging: arrival.heed_irp_flag(irp::PAGING_IO, self.paging),
            non_cached: arrival.heed_irp_flag(irp::NOCACHE, self.non_cached),
            write_through: arrival.heed_operation_flag(stack_location::WRITE_THROUGH, self.write_through),
            outcome: self.outcome,
            file: Arc::clone(arrival.file),
            locker: Locker::of(arrival, write.key),
        }
    }

    pub(super) fn run(&self, cpu: &Cpu) -> IoStatus {
        // What is played has had its effects on the cache elsewhere.
        let played = || match self.place() {
            Ok((_, range)) => self.wrote(&range),
            // A volume, say, which has no size that changes.
            Err(_) => IoStatus::new(NtStatus::SUCCESS, self.length as usize),
        };
        decide(self.outcome, || self.write(cpu), played)
    }

    /// As the file system answers a request whose sender need not wait: what goes past the cache is complete when the disk
    /// says so.
    pub(super) fn answer(self, cpu: &Cpu) -> Answer {
        let ended = self.run(cpu);
        if self.non_cached { Answer::later(move |_| ended) } else { Answer::Complete(ended) }
    }

    /// Which bytes of which stream it writes.
    fn place(&self) -> Result<(&Arc<Fcb>, Range<i64>), NtStatus> {
        let fcb = self.file.fcb().ok_or(NtStatus::INVALID_DEVICE_REQUEST)?;
        let start = match self.offset {
            TO_END_OF_FILE => fcb.node().size(),
            AT_FILE_POINTER => self.file.position(),
            offset => offset,
        };
        let end = start.checked_add(i64::from(self.length)).ok_or(NtStatus::INVALID_PARAMETER)?;
        Ok((fcb, start..end))
    }

    /// The file system writes, through the cache or past it.
    fn write(&self, cpu: &Cpu) -> IoStatus {
        let (fcb, range) = match self.place() {
            Ok(place) => place,
            Err(status) => return IoStatus::plain(status),
        };
        if self.paging {
            // Paging writes never change a file's size.
            fcb.pages().clean(&cpu.kernel().cache, fcb, &range);
            return IoStatus::new(NtStatus::SUCCESS, self.length as usize);
        }
        if let Err(status) = locks_let(&self.file, fcb, self.locker, &range, true) {
            return IoStatus::plain(status);
        }
        let prepared = if self.non_cached {
            // The cache must not hold what differs from the disk (ntifs, `CcCoherencyFlushAndPurgeCache`).
            fcb.pages().evict(&range);
            write_out(cpu, fcb, &range, Writer::FileSystem)
        } else {
            page_in_partly_written(cpu, &self.file, &range)
        };
        if let Err(status) = prepared {
            return IoStatus::plain(status);
        }
        let ended = self.wrote(&range);
        if !self.non_cached && !range.is_empty() {
            let kernel = cpu.kernel();
            let now = kernel.clock.now();
            let dirty = fcb.pages().dirty(&kernel.cache, &self.file, &range, Dirtied::Cached, now);
            if self.write_through {
                if let Err(status) = write_out(cpu, fcb, &range, Writer::FileSystem) {
                    return IoStatus::plain(status);
                }
            } else if let Some(dirty) = dirty {
                lazy_writer::throttle(cpu, dirty);
            }
        }
        ended
    }

    /// Sizes and position after the write.
    fn wrote(&self, range: &Range<i64>) -> IoStatus {
        if let Some(fcb) = self.file.fcb().filter(|_| !self.paging) {
            fcb.node().written_to(range.end);
            self.file.set_position(range.end);
            self.file.add_flags(file_object::FILE_MODIFIED);
        }
        IoStatus::new(NtStatus::SUCCESS, self.length as usize)
    }
}

/// Whether locks of others let a transfer through.
fn locks_let(
    file: &File,
    fcb: &Fcb,
    locker: Option<Locker>,
    bytes: &Range<i64>,
    writes: bool,
) -> Result<(), NtStatus> {
    let Some(Locker { process, key }) = locker else { return Ok(()) };
    fcb.locks.check(Owner { file: file.ptr().address(), process, key }, bytes, writes)
}

/// The file system's part of a read.
#[derive(Clone)]
pub(super) struct ReadTarget {
    pub(super) file: Arc<File>,
    pub(super) offset: i64,
    pub(super) length: u32,
    pub(super) non_cached: bool,
    pub(super) paging: bool,
    pub(super) outcome: Outcome,
    /// Whose it is, where that is known: locks of others stand against it.
    pub(super) locker: Option<Locker>,
}

impl ReadTarget {
    /// A read as the file was opened: through the cache or past it.
    pub(super) fn new(file: &Arc<File>, offset: i64, length: u32) -> Self {
        let non_cached = file.has(file_object::NO_INTERMEDIATE_BUFFERING);
        Self {
            file: Arc::clone(file),
            offset,
            length,
            non_cached,
            paging: false,
            outcome: Outcome::Model,
            locker: None,
        }
    }

    /// The read as the lowest filter left it.
    pub(super) fn heed(self, arrival: &Arrival<'_>) -> Self {
        // SAFETY: this is a read.
        let read = unsafe { arrival.parameters.read };
        Self {
            offset: read.byte_offset,
            length: read.length,
            paging: arrival.heed_irp_flag(irp::PAGING_IO, self.paging),
            non_cached: arrival.heed_irp_flag(irp::NOCACHE, self.non_cached),
            outcome: self.outcome,
            file: Arc::clone(arrival.file),
            locker: Locker::of(arrival, read.key),
        }
    }

    pub(super) fn run(&self, cpu: &Cpu) -> IoStatus {
        decide(self.outcome, || self.read(cpu), || IoStatus::new(NtStatus::SUCCESS, self.length as usize))
    }

    /// What is not in the cache comes there, and more of it if the file is read on.
    fn copy_from_cache(&self, cpu: &Cpu, range: &Range<i64>) -> Result<(), NtStatus> {
        if range.is_empty() {
            return Ok(());
        }
        if page_in(cpu, &self.file, range, TopLevel::Irp)? {
            read_ahead(cpu, &self.file, range.end);
        }
        Ok(())
    }

    fn read(&self, cpu: &Cpu) -> IoStatus {
        let Some(fcb) = self.file.fcb() else { return IoStatus::plain(NtStatus::INVALID_DEVICE_REQUEST) };
        let rest = fcb.node().size().saturating_sub(self.offset);
        let bytes = rest.clamp(0, i64::from(self.length));
        if bytes == 0 && self.length > 0 {
            return IoStatus::plain(NtStatus::END_OF_FILE);
        }
        let end = self.offset + bytes;
        if !self.paging
            && let Err(status) = locks_let(&self.file, fcb, self.locker, &(self.offset..end), false)
        {
            return IoStatus::plain(status);
        }
        if self.paging {
            return IoStatus::new(NtStatus::SUCCESS, usize::try_from(bytes).unwrap_or(0));
        }
        let range = self.offset..end;
        let prepared = if self.non_cached {
            // What is read past the cache must be on disk first.
            write_out(cpu, fcb, &range, Writer::FileSystem)
        } else {
            self.copy_from_cache(cpu, &range)
        };
        if let Err(status) = prepared {
            return IoStatus::plain(status);
        }
        self.file.set_position(end);
        IoStatus::new(NtStatus::SUCCESS, usize::try_from(bytes).unwrap_or(0))
    }
}
