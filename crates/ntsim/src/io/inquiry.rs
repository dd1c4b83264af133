//! Requests that change nothing: querying files and directories.

use std::sync::Arc;

use super::file::File;
use super::request::{IoStatus, file_of};
use super::{irp, send};
use crate::abi::{Parameters, Ptr, QueryDirectoryParameters, Shared};
use crate::fltmgr::{Arrival, Kind, Operation};
use crate::ke::Cpu;
use crate::sim::{Handle, Major};
use crate::status::NtStatus;

/// `FILE_INFORMATION_CLASS`
const FILE_DIRECTORY_INFORMATION: u32 = 1;
const FILE_STANDARD_INFORMATION: u32 = 5;
/// `sizeof(FILE_STANDARD_INFORMATION)`
const STANDARD_INFORMATION_BYTES: u32 = 24;
/// Words of that.
const STANDARD_INFORMATION_WORDS: usize = 3;
/// Bytes that a directory is usually listed with.
const DIRECTORY_BUFFER_BYTES: u32 = 4096;
/// `IRP_MN_QUERY_DIRECTORY`
const QUERY_DIRECTORY: u8 = 1;

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

/// `NtQueryDirectoryFile` by the current thread. What is found is not told: that is not what filters judge by.
pub(crate) fn query_directory(cpu: &Cpu, handle: Handle) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    let parameters = Parameters::zeroed_then(|parameters| {
        parameters.query_directory = QueryDirectoryParameters {
            length: DIRECTORY_BUFFER_BYTES,
            alignment: 0,
            file_name: Ptr::NULL,
            file_information_class: FILE_DIRECTORY_INFORMATION,
            alignment2: 0,
            file_index: 0,
            alignment3: 0,
            directory_buffer: cpu.kernel().arena.user_buffer(),
            mdl_address: Ptr::NULL,
        };
    });
    request(cpu, &file, Major::DirectoryControl, QUERY_DIRECTORY, parameters, |arrival| {
        let is_directory = arrival.file.fcb().is_some_and(|fcb| fcb.node().is_directory());
        if is_directory { NtStatus::SUCCESS } else { NtStatus::INVALID_PARAMETER }
    })
}

fn request(
    cpu: &Cpu,
    file: &Arc<File>,
    major: Major,
    minor: u8,
    parameters: Parameters,
    target: impl FnOnce(&Arrival<'_>) -> NtStatus + Send + 'static,
) -> Result<(), NtStatus> {
    let operation = Operation {
        minor,
        irp_flags: irp::SYNCHRONOUS_API | irp::DEFER_IO_COMPLETION,
        ..Operation::new(major, Kind::Irp, Arc::clone(file), Some(cpu.thread()))
    };
    send::send(cpu, operation, parameters, move |_, arrival| IoStatus::plain(target(arrival))).status.ok()
}
