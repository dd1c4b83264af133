//! `NtFlushBuffersFile`: the file system writes out what is dirty of the file, whoever dirtied it.

use super::file::File;
use super::request::{IoStatus, file_of};
use super::{irp, send};
use crate::abi::Parameters;
use crate::cc::pages::EVERYTHING;
use crate::cc::write_out::{Writer, write_out};
use crate::fltmgr::{Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Access, Handle, Major};
use crate::status::NtStatus;

/// `NtFlushBuffersFile` by the current thread.
pub(crate) fn flush(cpu: &Cpu, handle: Handle) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    // ntifs, `NtFlushBuffersFileEx`: the handle needs write or append access.
    if !file.access().intersects(Access::WRITE_DATA | Access::APPEND_DATA) {
        return Err(NtStatus::ACCESS_DENIED);
    }
    let operation = Operation {
        irp_flags: irp::SYNCHRONOUS_API,
        ..Operation::new(Major::FlushBuffers, Kind::Irp, file, Some(cpu.thread()))
    };
    let ended = send::send(cpu, operation, Parameters::NONE, |cpu, arrival| flush_file(cpu, arrival.file));
    ended.status.ok()
}

/// The file system's part.
pub(super) fn flush_file(cpu: &Cpu, file: &File) -> IoStatus {
    let written = match file.fcb() {
        Some(fcb) => write_out(cpu, fcb, &EVERYTHING, Writer::FileSystem),
        None => Ok(()),
    };
    IoStatus::plain(written.err().unwrap_or(NtStatus::SUCCESS))
}
