//! `NtReadFile` and `NtWriteFile`, and the reads and writes that the system makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::data::{AT_FILE_POINTER, ReadTarget, TO_END_OF_FILE, WriteTarget};
use super::file::File;
use super::request::{IoStatus, KeptThread, file_of};
use super::{callback_data, file_object, irp, send, stack_location};
use crate::abi::{Parameters, Ptr, ReadParameters, WriteParameters};
use crate::fltmgr::{Arrival, Kind, Operation};
use crate::ke::{Cpu, Irql};
use crate::ps::Thread;
use crate::sim::{Access, FastIo, Handle, Major, Mode, Outcome, ReadSpec, WriteOffset, WriteSpec};
use crate::status::NtStatus;

/// A write that is ready to be sent.
pub(super) struct PreparedWrite {
    pub(super) operation: Operation,
    pub(super) parameters: Parameters,
    pub(super) target: WriteTarget,
}

/// Makes the request of a write by a thread.
pub(super) fn prepare_write(
    cpu: &Cpu,
    thread: &Arc<Thread>,
    file: &Arc<File>,
    spec: &WriteSpec,
) -> Result<PreparedWrite, NtStatus> {
    let system_write = spec.paging || spec.generated || spec.mode == Mode::Kernel;
    if !system_write
        && spec.outcome == Outcome::Model
        && !file.access().intersects(Access::WRITE_DATA | Access::APPEND_DATA)
    {
        return Err(NtStatus::ACCESS_DENIED);
    }
    let offset = offset_of(file, spec)?;
    let requestor = match spec.requestor {
        Some(process) => cpu.kernel().processes.process(process.0),
        None => (!spec.thread_null).then(|| thread.current_process()),
    };
    let write_through = spec.write_through || file.has(file_object::WRITE_THROUGH);
    let operation = Operation {
        operation_flags: if write_through { stack_location::WRITE_THROUGH } else { 0 },
        irp_flags: irp_flags(
            file,
            irp::WRITE_OPERATION,
            spec.paging,
            spec.synchronous_paging,
            spec.non_cached,
        ),
        data_flags: flag(spec.generated, callback_data::GENERATED_IO)
            | flag(spec.reissued, callback_data::REISSUED_IO),
        mode: spec.mode,
        requestor,
        offset: Some(offset),
        length: Some(spec.length),
        ..Operation::new(
            Major::Write,
            Kind::Irp,
            Arc::clone(file),
            (!spec.thread_null).then(|| Arc::clone(thread)),
        )
    };
    let target = WriteTarget {
        file: Arc::clone(file),
        offset,
        length: spec.length,
        paging: spec.paging,
        non_cached: is_non_cached(file, spec.non_cached),
        write_through,
        outcome: spec.outcome,
        locker: None,
    };
    Ok(PreparedWrite { operation, parameters: write_parameters(cpu, offset, spec.length), target })
}

/// `NtWriteFile` by a thread.
pub(crate) fn write(
    cpu: &Cpu,
    thread: &Arc<Thread>,
    executor: Option<&Arc<Thread>>,
    handle: Handle,
    spec: &WriteSpec,
) -> Result<u32, NtStatus> {
    let file = file_of(cpu.kernel(), thread, handle)?;
    if thread.has_ended() && executor.is_none() {
        return Err(NtStatus::INVALID_CID);
    }
    let PreparedWrite { mut operation, parameters, target } = prepare_write(cpu, thread, &file, spec)?;
    let transfer = Transfer { cpu, context: executor.unwrap_or(thread), paging: spec.paging };
    let _kept = KeptThread::new(cpu.kernel(), thread);
    let irp_flags = std::mem::take(&mut operation.irp_flags);
    let ended = transfer.send(spec.fast_io, irp_flags, &mut operation, parameters, move |cpu, arrival| {
        target.heed(arrival).run(cpu)
    });
    ended.bytes()
}

/// `NtReadFile` by a thread.
pub(crate) fn read(
    cpu: &Cpu,
    thread: &Arc<Thread>,
    handle: Handle,
    spec: &ReadSpec,
) -> Result<u32, NtStatus> {
    let file = file_of(cpu.kernel(), thread, handle)?;
    if spec.offset < 0 {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let system_read = spec.paging || spec.mode == Mode::Kernel;
    if !system_read && spec.outcome == Outcome::Model && !file.access().contains(Access::READ_DATA) {
        return Err(NtStatus::ACCESS_DENIED);
    }
    let mut operation = Operation {
        mode: spec.mode,
        offset: Some(spec.offset),
        length: Some(spec.length),
        ..Operation::new(Major::Read, Kind::Irp, Arc::clone(&file), Some(Arc::clone(thread)))
    };
    let parameters = read_parameters(cpu, spec.offset, spec.length);
    let transfer = Transfer { cpu, context: thread, paging: spec.paging };
    let target = ReadTarget {
        file: Arc::clone(&file),
        offset: spec.offset,
        length: spec.length,
        non_cached: !spec.paging && is_non_cached(&file, spec.non_cached),
        paging: spec.paging,
        outcome: spec.outcome,
        locker: None,
    };
    let irp_flags =
        irp_flags(&file, irp::READ_OPERATION, spec.paging, spec.synchronous_paging, spec.non_cached);
    let ended = transfer.send(spec.fast_io, irp_flags, &mut operation, parameters, move |cpu, arrival| {
        target.heed(arrival).run(cpu)
    });
    ended.bytes()
}

pub(super) fn read_parameters(cpu: &Cpu, offset: i64, length: u32) -> Parameters {
    Parameters::zeroed_then(|parameters| {
        parameters.read = ReadParameters {
            length,
            alignment: 0,
            key: 0,
            alignment2: 0,
            byte_offset: offset,
            read_buffer: buffer_of(cpu),
            mdl_address: Ptr::NULL,
        };
    })
}

pub(super) fn write_parameters(cpu: &Cpu, offset: i64, length: u32) -> Parameters {
    Parameters::zeroed_then(|parameters| {
        parameters.write = WriteParameters {
            length,
            alignment: 0,
            key: 0,
            alignment2: 0,
            byte_offset: offset,
            write_buffer: buffer_of(cpu),
            mdl_address: Ptr::NULL,
        };
    })
}

/// An address that stands for the buffer; whoever touches it faults, as a filter of metadata has no business there.
fn buffer_of(cpu: &Cpu) -> Ptr {
    cpu.kernel().arena.user_buffer()
}

/// Whether a request goes past the cache.
fn is_non_cached(file: &File, asked_for: bool) -> bool {
    asked_for || file.has(file_object::NO_INTERMEDIATE_BUFFERING)
}

fn flag(set: bool, flag: u32) -> u32 {
    if set { flag } else { 0 }
}

/// `IrpFlags` of a read or write.
pub(super) fn irp_flags(
    file: &File,
    kind: u32,
    paging: bool,
    synchronous_paging: bool,
    non_cached: bool,
) -> u32 {
    if paging {
        // Paging I/O goes past the cache by nature.
        return irp::NOCACHE | irp::PAGING_IO | flag(synchronous_paging, irp::SYNCHRONOUS_PAGING_IO);
    }
    let non_cached = is_non_cached(file, non_cached);
    kind | irp::DEFER_IO_COMPLETION
        | flag(file.has(file_object::SYNCHRONOUS_IO), irp::SYNCHRONOUS_API)
        | flag(non_cached, irp::NOCACHE)
}

/// The offset as it stands in the request's parameters.
fn offset_of(file: &File, spec: &WriteSpec) -> Result<i64, NtStatus> {
    let user_request = spec.outcome == Outcome::Model && !spec.generated && !spec.paging;
    let append_only =
        file.access().contains(Access::APPEND_DATA) && !file.access().contains(Access::WRITE_DATA);
    if user_request && append_only {
        return Ok(TO_END_OF_FILE);
    }
    match spec.offset {
        WriteOffset::At(offset) if offset < 0 => Err(NtStatus::INVALID_PARAMETER),
        WriteOffset::At(offset) => Ok(offset),
        WriteOffset::EndOfFile => Ok(TO_END_OF_FILE),
        WriteOffset::FilePointer if !user_request => Ok(AT_FILE_POINTER),
        WriteOffset::FilePointer if file.has(file_object::SYNCHRONOUS_IO) => Ok(file.position()),
        WriteOffset::FilePointer => Err(NtStatus::INVALID_PARAMETER),
    }
}

/// Which thread's context, and at which IRQL, the filters run in.
struct Transfer<'a> {
    cpu: &'a Cpu,
    context: &'a Arc<Thread>,
    paging: bool,
}

impl Transfer<'_> {
    /// Tries fast I/O if that is wanted, and sends an IRP unless that was enough.
    fn send(
        &self,
        fast_io: FastIo,
        irp_flags: u32,
        operation: &mut Operation,
        parameters: Parameters,
        target: impl FnOnce(&Cpu, &Arrival<'_>) -> IoStatus + Clone + Send + 'static,
    ) -> IoStatus {
        let refused = IoStatus::plain(NtStatus::FLT_DISALLOW_FAST_IO);
        if fast_io != FastIo::No {
            operation.kind = Kind::FastIo;
            if fast_io == FastIo::Accepted {
                let asked = Arc::new(AtomicBool::new(false));
                let (ask, accept) = (Arc::clone(&asked), target.clone());
                let ended = self.send_as(operation.clone(), parameters, move |cpu, arrival| {
                    // Relaxed: the request's completion orders it before the load.
                    ask.store(true, Ordering::Relaxed);
                    accept(cpu, arrival)
                });
                // Relaxed: see the store.
                if ended != refused || asked.load(Ordering::Relaxed) {
                    return ended;
                }
                // A filter disallowed it, so that the file system was never asked.
                return self.send_irp(irp_flags, operation, parameters, target);
            }
            let ended = self.send_as(operation.clone(), parameters, move |_, _| refused);
            if fast_io == FastIo::Refused {
                return ended;
            }
        }
        self.send_irp(irp_flags, operation, parameters, target)
    }

    fn send_irp(
        &self,
        irp_flags: u32,
        operation: &mut Operation,
        parameters: Parameters,
        target: impl FnOnce(&Cpu, &Arrival<'_>) -> IoStatus + Send + 'static,
    ) -> IoStatus {
        operation.kind = Kind::Irp;
        operation.irp_flags = irp_flags;
        self.send_as(operation.clone(), parameters, target)
    }

    fn send_as(
        &self,
        operation: Operation,
        parameters: Parameters,
        target: impl FnOnce(&Cpu, &Arrival<'_>) -> IoStatus + Send + 'static,
    ) -> IoStatus {
        let irql = if self.paging { Irql::APC } else { Irql::PASSIVE };
        self.cpu.in_thread(self.context, || {
            self.cpu.at_irql(irql, || send::send(self.cpu, operation, parameters, target))
        })
    }
}
