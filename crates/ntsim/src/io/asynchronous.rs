//! `NtWriteFile` on asynchronous handles: the caller goes on before the write is complete.

use std::sync::Arc;

use super::file_object;
use super::in_flight::Request;
use super::request::file_of;
use super::transfer::{PreparedWrite, prepare_write};
use crate::fltmgr::{self, Operation};
use crate::ke::Cpu;
use crate::sim::{Handle, Notice, WriteSpec};
use crate::status::NtStatus;

/// `NtWriteFile` by the current thread, up to where it returns; the result can be fetched by the number.
///
/// The I/O manager tries no fast I/O here: that is for synchronous handles [inf].
pub(crate) fn start_write(
    cpu: &Cpu,
    handle: Handle,
    spec: &WriteSpec,
    notice: Notice,
) -> Result<u64, NtStatus> {
    let thread = cpu.thread();
    let file = file_of(cpu.kernel(), &thread, handle)?;
    if file.has(file_object::SYNCHRONOUS_IO) {
        return Err(NtStatus::INVALID_PARAMETER);
    }
    let PreparedWrite { operation, parameters, target } = prepare_write(cpu, &thread, &file, spec)?;
    let request = Request::begin(cpu, &[&file], notice != Notice::Port);
    let id = cpu.kernel().in_flight.add(Arc::clone(&request));
    let operation = Operation { request: Some(id), ..operation };
    fltmgr::submit(
        cpu,
        operation,
        parameters,
        move |cpu, arrival| target.heed(arrival).answer(cpu),
        move |cpu, ended| request.complete(cpu, ended),
    );
    Ok(id)
}
