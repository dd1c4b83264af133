//! Paging I/O: how the cache and memory managers read and write pages.

use std::ops::Range;
use std::sync::Arc;

use super::data::{ReadTarget, WriteTarget};
use super::file::File;
use super::transfer::{irp_flags, read_parameters, write_parameters};
use super::{irp, send};
use crate::fltmgr::{Kind, Operation};
use crate::ke::{Cpu, Irql};
use crate::ps::Thread;
use crate::sim::{Major, Mode};
use crate::status::NtStatus;

/// The top-level IRP during a paging write (ntifs, `IoGetTopLevelIrp`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TopLevel {
    /// As it is.
    None,
    /// `FSRTL_CACHE_TOP_LEVEL_IRP`
    Cache,
    /// `FSRTL_MOD_WRITE_TOP_LEVEL_IRP`
    ModifiedWrite,
    /// The IRP that the file system is working on.
    Irp,
}

/// `FSRTL_CACHE_TOP_LEVEL_IRP`
const CACHE_TOP_LEVEL_IRP: usize = 2;
/// `FSRTL_MOD_WRITE_TOP_LEVEL_IRP`
const MOD_WRITE_TOP_LEVEL_IRP: usize = 3;

impl TopLevel {
    fn value(self, cpu: &Cpu, thread: &Thread) -> usize {
        match self {
            Self::None => thread.io().top_level_irp(),
            Self::Cache => CACHE_TOP_LEVEL_IRP,
            Self::ModifiedWrite => MOD_WRITE_TOP_LEVEL_IRP,
            Self::Irp => thread.io().irp(&cpu.kernel().arena),
        }
    }
}

/// The form of a paging write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PagingWrite {
    /// `IRP_SYNCHRONOUS_PAGING_IO`
    pub(crate) synchronous: bool,
    pub(crate) top_level: TopLevel,
}

/// Puts the thread's top-level IRP back.
struct RestoreTopLevel {
    thread: Arc<Thread>,
    before: usize,
}

impl Drop for RestoreTopLevel {
    fn drop(&mut self) {
        self.thread.io().set_top_level_irp(self.before);
    }
}

/// Reads pages of a file in the current thread, at `APC_LEVEL`, and waits for them.
pub(crate) fn read_pages(
    cpu: &Cpu,
    file: &Arc<File>,
    range: &Range<i64>,
    top_level: TopLevel,
) -> Result<(), NtStatus> {
    let thread = cpu.thread();
    let length = u32::try_from(range.end - range.start).map_err(|_| NtStatus::INVALID_PARAMETER)?;
    let operation = Operation {
        irp_flags: irp_flags(file, irp::READ_OPERATION, true, true, true),
        mode: Mode::Kernel,
        offset: Some(range.start),
        length: Some(length),
        ..Operation::new(Major::Read, Kind::Irp, Arc::clone(file), Some(Arc::clone(&thread)))
    };
    let parameters = read_parameters(cpu, range.start, length);
    let target = ReadTarget { paging: true, non_cached: true, ..ReadTarget::new(file, range.start, length) };
    let before = thread.io().set_top_level_irp(top_level.value(cpu, &thread));
    let _restore = RestoreTopLevel { thread, before };
    let ended = cpu.at_irql(Irql::APC, || {
        send::send(cpu, operation, parameters, move |cpu, arrival| target.heed(arrival).run(cpu))
    });
    ended.status.ok()
}

/// Writes pages of a file in the current thread, at `APC_LEVEL`.
pub(crate) fn write_pages(
    cpu: &Cpu,
    file: &Arc<File>,
    range: &Range<i64>,
    form: PagingWrite,
) -> Result<(), NtStatus> {
    let thread = cpu.thread();
    let length = u32::try_from(range.end - range.start).map_err(|_| NtStatus::INVALID_PARAMETER)?;
    let operation = Operation {
        irp_flags: irp_flags(file, irp::WRITE_OPERATION, true, form.synchronous, true),
        mode: Mode::Kernel,
        offset: Some(range.start),
        length: Some(length),
        ..Operation::new(Major::Write, Kind::Irp, Arc::clone(file), Some(Arc::clone(&thread)))
    };
    let parameters = write_parameters(cpu, range.start, length);
    let target = WriteTarget {
        paging: true,
        non_cached: true,
        write_through: false,
        ..WriteTarget::new(file, range.start, length)
    };
    let before = thread.io().set_top_level_irp(form.top_level.value(cpu, &thread));
    let _restore = RestoreTopLevel { thread, before };
    let ended = cpu.at_irql(Irql::APC, || {
        send::send(cpu, operation, parameters, move |cpu, arrival| target.heed(arrival).run(cpu))
    });
    ended.status.ok()
}
