//! `NtQueryInformationFile` by a harness.

use super::request::{IoStatus, file_of};
use super::{irp, send};
use crate::abi::{Parameters, Shared};
use crate::fltmgr::{Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Handle, Major};
use crate::status::NtStatus;

/// `FILE_INFORMATION_CLASS`
const FILE_STANDARD_INFORMATION: u32 = 5;
/// `sizeof(FILE_STANDARD_INFORMATION)`
const STANDARD_INFORMATION_BYTES: u32 = 24;
/// Words of that.
const STANDARD_INFORMATION_WORDS: usize = 3;

/// `NtQueryInformationFile` with `FileStandardInformation` by the current thread; returns the size in bytes.
pub(crate) fn query_size(cpu: &Cpu, handle: Handle) -> Result<u64, NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    let buffer = Shared::new([0i64; STANDARD_INFORMATION_WORDS]);
    let parameters = Parameters::query_information(
        FILE_STANDARD_INFORMATION,
        buffer.ptr().cast(),
        STANDARD_INFORMATION_BYTES,
    );
    let operation = Operation {
        irp_flags: irp::SYNCHRONOUS_API | irp::BUFFERED_IO | irp::INPUT_OPERATION | irp::DEFER_IO_COMPLETION,
        ..Operation::new(Major::QueryInformation, Kind::Irp, file, Some(cpu.thread()))
    };
    let ended = send::send(cpu, operation, parameters, |_, arrival| {
        // SAFETY: this is a query of information.
        let asked = unsafe { arrival.parameters.query_file_information };
        let Some(fcb) = arrival.file.fcb() else { return IoStatus::plain(NtStatus::INVALID_PARAMETER) };
        if asked.length < STANDARD_INFORMATION_BYTES {
            return IoStatus::plain(NtStatus::INFO_LENGTH_MISMATCH);
        }
        let sizes = fcb.node().sizes();
        asked.info_buffer.cast().write([sizes.allocation, sizes.file, 1]);
        IoStatus::new(NtStatus::SUCCESS, STANDARD_INFORMATION_BYTES as usize)
    });
    ended.status.ok()?;
    let [_, size, _] = buffer.get();
    Ok(u64::try_from(size).unwrap_or(0))
}
