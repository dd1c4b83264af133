//! Dirty pages are written: by the lazy writer, the modified page writer, or whoever flushes.

use std::ops::Range;
use std::sync::Arc;

use super::pages::{Dirtied, release_idle};
use crate::io::Fcb;
use crate::io::fs_filter::{self, Flush};
use crate::io::paging::{PagingWrite, TopLevel, write_pages};
use crate::ke::Cpu;
use crate::sim::Major;
use crate::status::NtStatus;

/// Bytes of a paging write at most [inf].
const MAX_WRITE_BYTES: i64 = 1 << 20;

/// Who writes pages out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writer {
    /// The cache manager's lazy writer, in a System worker.
    Lazy,
    /// The memory manager's writer of mapped files, in a System thread.
    Modified,
    /// A file system that was asked to flush, in the thread that asked.
    FileSystem,
    /// The memory manager, asked to flush a view, in the thread that asked.
    View,
}

impl Writer {
    fn form(self) -> PagingWrite {
        match self {
            Self::Lazy => PagingWrite { synchronous: false, top_level: TopLevel::Cache },
            Self::Modified => PagingWrite { synchronous: false, top_level: TopLevel::ModifiedWrite },
            Self::FileSystem => PagingWrite { synchronous: true, top_level: TopLevel::Irp },
            Self::View => PagingWrite { synchronous: true, top_level: TopLevel::None },
        }
    }

    /// Which pages are its own to write.
    fn only(self) -> Option<Dirtied> {
        match self {
            Self::Lazy => Some(Dirtied::Cached),
            Self::Modified => Some(Dirtied::Mapped),
            Self::FileSystem | Self::View => None,
        }
    }
}

/// Writes out the dirty pages of a stream that lie in a range, in the current thread. Returns the first failure, at which
/// it stops.
pub(crate) fn write_out(
    cpu: &Cpu,
    fcb: &Arc<Fcb>,
    within: &Range<i64>,
    writer: Writer,
) -> Result<(), NtStatus> {
    let Some(holder) = fcb.pages().holder_if_dirty(within) else { return Ok(()) };
    // For a flush the file is acquired once; the lazy writer does so by a callback of the file system that filters do
    // not see [inf].
    let flushes = matches!(writer, Writer::FileSystem | Writer::View);
    if flushes {
        fs_filter::flush(cpu, &holder, Flush::Acquire)?;
    }
    let written = write_ranges(cpu, fcb, within, writer);
    if flushes {
        // It cannot fail (fltkernel, FLT_PARAMETERS for IRP_MJ_RELEASE_FOR_CC_FLUSH).
        let _ = fs_filter::flush(cpu, &holder, Flush::Release);
    }
    release_idle(cpu, fcb);
    written
}

fn write_ranges(cpu: &Cpu, fcb: &Arc<Fcb>, within: &Range<i64>, writer: Writer) -> Result<(), NtStatus> {
    let kernel = cpu.kernel();
    let next = || fcb.pages().take(&kernel.cache, fcb, within, writer.only(), MAX_WRITE_BYTES);
    while let Some((range, file)) = next() {
        let acquired = writer == Writer::Modified;
        if acquired {
            fs_filter::modified_write(cpu, &file, Major::AcquireForModifiedPageWriter, range.end)?;
        }
        let written = write_pages(cpu, &file, &range, writer.form());
        if acquired {
            // It cannot fail.
            let _ = fs_filter::modified_write(cpu, &file, Major::ReleaseForModifiedPageWriter, range.end);
        }
        if let Err(status) = written {
            if writer != Writer::Lazy {
                // It stays dirty; only the lazy writer gives up.
                let now = kernel.clock.now();
                fcb.pages().dirty(&kernel.cache, &file, &range, Dirtied::Cached, now);
            }
            return Err(status);
        }
    }
    Ok(())
}
