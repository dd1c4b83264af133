//! `NtLockFile`, `NtUnlockFile`: requests that lock ranges of a file, which may have to wait for others.

use std::sync::Arc;

use super::file::File;
use super::in_flight::Request;
use super::lock::{Locking, Owner};
use super::request::{IoStatus, file_of};
use super::{Fcb, file_object, irp, waiting};
use crate::abi::{LockControlParameters, Parameters, Shared};
use crate::fltmgr::{self, Answer, Arrival, Kind, Operation};
use crate::ke::Cpu;
use crate::ps::Process;
use crate::sim::{Handle, LockSpec, Major, Mode, Notice};
use crate::status::NtStatus;

/// `IRP_MN_*` of `IRP_MJ_LOCK_CONTROL`.
const LOCK: u8 = 1;
const UNLOCK_SINGLE: u8 = 2;
const UNLOCK_ALL: u8 = 3;
const UNLOCK_ALL_BY_KEY: u8 = 4;

/// Whether a lock that cannot be had is refused, or waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnConflict {
    Fail,
    Wait,
}

/// A request, and the length that its parameters point to.
struct Prepared {
    operation: Operation,
    parameters: Parameters,
    /// It lives as long as the request.
    length: Shared<i64>,
}

impl Prepared {
    fn new(cpu: &Cpu, file: &Arc<File>, minor: u8, spec: &LockSpec, on_conflict: OnConflict) -> Self {
        let length = Shared::new(spec.length);
        let parameters = Parameters::zeroed_then(|parameters| {
            parameters.lock_control = LockControlParameters {
                length: length.ptr(),
                key: spec.key,
                alignment: 0,
                byte_offset: spec.offset,
                process_id: cpu.thread().process().ptr(),
                fail_immediately: u8::from(on_conflict == OnConflict::Fail),
                exclusive_lock: u8::from(spec.exclusive),
                alignment2: [0; 6],
            };
        });
        let synchronous = if file.has(file_object::SYNCHRONOUS_IO) { irp::SYNCHRONOUS_API } else { 0 };
        let operation = Operation {
            minor,
            irp_flags: synchronous | irp::DEFER_IO_COMPLETION,
            ..Operation::new(Major::LockControl, Kind::Irp, Arc::clone(file), Some(cpu.thread()))
        };
        Self { operation, parameters, length }
    }

    fn send(self, cpu: &Cpu) -> IoStatus {
        fltmgr::dispatch(cpu, self.operation, self.parameters, answer)
    }
}

/// `NtLockFile` by the current thread, which waits if it has to.
pub(crate) fn lock(
    cpu: &Cpu,
    handle: Handle,
    spec: &LockSpec,
    on_conflict: OnConflict,
) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    file.locked();
    Prepared::new(cpu, &file, LOCK, spec, on_conflict).send(cpu).status.ok()
}

/// `NtLockFile` on an asynchronous handle, up to where it returns; the result can be fetched by the number.
pub(crate) fn start_lock(
    cpu: &Cpu,
    handle: Handle,
    spec: &LockSpec,
    notice: Notice,
) -> Result<u64, NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    if file.has(file_object::SYNCHRONOUS_IO) {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    file.locked();
    let request = Request::begin(cpu, &[&file], notice != Notice::Port);
    let id = cpu.kernel().in_flight.add(Arc::clone(&request));
    let Prepared { operation, parameters, length } = Prepared::new(cpu, &file, LOCK, spec, OnConflict::Wait);
    let operation = Operation { request: Some(id), ..operation };
    fltmgr::submit(cpu, operation, parameters, answer, move |cpu, ended| {
        drop(length);
        request.complete(cpu, ended);
    });
    Ok(id)
}

/// `NtUnlockFile` by the current thread, of exactly the range that was locked.
pub(crate) fn unlock(cpu: &Cpu, handle: Handle, spec: &LockSpec) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    Prepared::new(cpu, &file, UNLOCK_SINGLE, spec, OnConflict::Fail).send(cpu).status.ok()
}

/// The last handle of a process goes while others have the file object open: its locks go with it (ifs, `IRP_MJ_LOCK_CONTROL`:
/// `IRP_MN_UNLOCK_ALL`), if anybody has ever locked by this file object.
pub(super) fn process_closes(cpu: &Cpu, file: &Arc<File>, process: &Arc<Process>) {
    let others_have_it = file.has_more_handles() && !cpu.kernel().file_handles.has(process, file);
    if !others_have_it || !file.has_locked() {
        return;
    }
    let Prepared { operation, parameters, length: _length } =
        Prepared::new(cpu, file, UNLOCK_ALL, &LockSpec::default(), OnConflict::Fail);
    let operation = Operation { mode: Mode::Kernel, ..operation };
    fltmgr::dispatch(cpu, operation, parameters, answer);
}

/// The file system's part, of whomever the request is.
pub(super) fn answer(cpu: &Cpu, arrival: &Arrival<'_>) -> Answer {
    let asked = match Asked::new(arrival) {
        Ok(asked) => asked,
        Err(status) => return Answer::Complete(IoStatus::plain(status)),
    };
    match asked.settle_at_once(cpu, arrival.operation.minor) {
        Some(status) => Answer::Complete(IoStatus::plain(status)),
        None => asked.wait(arrival.operation.clone()),
    }
}

/// What a request asks for.
struct Asked {
    fcb: Arc<Fcb>,
    locking: Locking,
    may_wait: bool,
}

impl Asked {
    fn new(arrival: &Arrival<'_>) -> Result<Self, NtStatus> {
        // SAFETY: this is a lock request.
        let asked = unsafe { arrival.parameters.lock_control };
        let file = arrival.file;
        let fcb = file.fcb().filter(|fcb| !fcb.node().is_directory()).ok_or(NtStatus::INVALID_PARAMETER)?;
        let process = arrival.process.ok_or(NtStatus::INVALID_PARAMETER)?;
        let names_range = matches!(arrival.operation.minor, LOCK | UNLOCK_SINGLE);
        let length = if names_range { asked.length.read() } else { 0 };
        let end = asked.byte_offset.checked_add(length).ok_or(NtStatus::INVALID_LOCK_RANGE)?;
        Ok(Self {
            fcb: Arc::clone(fcb),
            locking: Locking {
                owner: Owner { file: file.ptr().address(), process, key: asked.key },
                bytes: asked.byte_offset..end,
                exclusive: asked.exclusive_lock != 0,
            },
            may_wait: asked.fail_immediately == 0,
        })
    }

    /// How the request ends, unless it has to wait.
    fn settle_at_once(&self, cpu: &Cpu, minor: u8) -> Option<NtStatus> {
        let locks = &self.fcb.locks;
        let owner = self.locking.owner;
        let ended = match minor {
            LOCK => match locks.lock(&self.locking) {
                Err(NtStatus::LOCK_NOT_GRANTED) if self.may_wait => return None,
                ended => ended,
            },
            UNLOCK_SINGLE => locks.unlock(cpu, owner, &self.locking.bytes),
            UNLOCK_ALL => {
                locks.unlock_all(cpu, |other| other.file == owner.file && other.process == owner.process);
                Ok(())
            }
            UNLOCK_ALL_BY_KEY => {
                locks.unlock_all(cpu, |other| *other == owner);
                Ok(())
            }
            _ => Err(NtStatus::INVALID_DEVICE_REQUEST),
        };
        Some(ended.err().unwrap_or(NtStatus::SUCCESS))
    }

    fn wait(self, operation: Operation) -> Answer {
        Answer::Pend(Box::new(move |cpu, pended| {
            match self.fcb.locks.lock_or_wait(cpu, self.locking, operation, pended) {
                Ok(ticket) => waiting::heed_cancellation(cpu, ticket),
                // It has been unlocked in between.
                Err(pended) => pended.complete(cpu, IoStatus::plain(NtStatus::SUCCESS)),
            }
        }))
    }
}
