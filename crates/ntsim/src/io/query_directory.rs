//! `NtQueryDirectoryFile`: requests that list directories.

use std::sync::Arc;

use super::directory::{self, Query, class};
use super::file::File;
use super::request::{IoStatus, file_of};
use super::{irp, send};
use crate::abi::{Parameters, Ptr, QueryDirectoryParameters, Shared, SharedText, UnicodeString};
use crate::fltmgr::{Arrival, Kind, Operation};
use crate::ke::Cpu;
use crate::rtl::unicode;
use crate::sim::{DirectoryEntry, Handle, Major};
use crate::status::NtStatus;
use crate::util::Lock;

/// `IRP_MN_QUERY_DIRECTORY`
pub(crate) const QUERY_DIRECTORY: u8 = 1;
/// `SL_RESTART_SCAN`
pub(crate) const RESTART_SCAN: u8 = 0x01;
/// `SL_RETURN_SINGLE_ENTRY`
pub(crate) const RETURN_SINGLE_ENTRY: u8 = 0x02;
/// Bytes that a directory is usually listed with.
const BUFFER_BYTES: u32 = 4096;

/// The parameters of a query.
pub(crate) fn parameters(class: u32, name: Ptr<UnicodeString>, buffer: Ptr, length: u32) -> Parameters {
    Parameters::zeroed_then(|parameters| {
        parameters.query_directory = QueryDirectoryParameters {
            length,
            alignment: 0,
            file_name: name,
            file_information_class: class,
            alignment2: 0,
            file_index: 0,
            alignment3: 0,
            directory_buffer: buffer,
            mdl_address: Ptr::NULL,
        };
    })
}

/// The flags that two parameters of the routines stand for.
pub(crate) fn flags(restart: u8, single: u8) -> u8 {
    let set = |wanted: u8, flag| if wanted != 0 { flag } else { 0 };
    set(restart, RESTART_SCAN) | set(single, RETURN_SINGLE_ENTRY)
}

/// The file system's part: the status, and what it tells.
fn answer(cpu: &Cpu, arrival: &Arrival<'_>) -> (IoStatus, Vec<u8>) {
    if arrival.operation.minor != QUERY_DIRECTORY {
        return (IoStatus::plain(NtStatus::INVALID_DEVICE_REQUEST), Vec::new());
    }
    // SAFETY: this is a query of a directory.
    let asked = unsafe { arrival.parameters.query_directory };
    let expression = asked.file_name.non_null().map(|name| {
        let text = crate::rtl::read_unicode_string(name);
        text.encode_utf16().map(unicode::upcase).collect()
    });
    let query = Query {
        class: asked.file_information_class,
        room: asked.length as usize,
        restart: arrival.operation_flags & RESTART_SCAN != 0,
        single: arrival.operation_flags & RETURN_SINGLE_ENTRY != 0,
        expression: expression.filter(|expression: &Vec<u16>| !expression.is_empty()),
    };
    let (status, told) = match directory::list(cpu, arrival.file, query) {
        Ok(told) => (NtStatus::SUCCESS, told),
        Err((status, told)) => (status, told),
    };
    // What is a user's has no memory behind it.
    let buffer = asked.directory_buffer;
    if !told.is_empty() && !cpu.kernel().arena.is_user_buffer(buffer.address()) {
        buffer.cast::<u8>().write_slice(&told);
    }
    (IoStatus::new(status, told.len()), told)
}

/// The file system's part of somebody's query who has a buffer.
pub(super) fn answer_in_buffer(cpu: &Cpu, arrival: &Arrival<'_>) -> IoStatus {
    answer(cpu, arrival).0
}

/// One query by a thread of a program: what it is told.
fn query(
    cpu: &Cpu,
    file: &Arc<File>,
    class: u32,
    name: Ptr<UnicodeString>,
    restart: u8,
) -> Result<Vec<u8>, NtStatus> {
    let buffer = cpu.kernel().arena.user_buffer();
    let operation = Operation {
        minor: QUERY_DIRECTORY,
        irp_flags: irp::SYNCHRONOUS_API | irp::DEFER_IO_COMPLETION,
        operation_flags: flags(restart, 0),
        ..Operation::new(Major::DirectoryControl, Kind::Irp, Arc::clone(file), Some(cpu.thread()))
    };
    let told = Arc::new(Lock::new(Vec::new()));
    let into = Arc::clone(&told);
    let parameters = parameters(class, name, buffer, BUFFER_BYTES);
    let ended = send::send(cpu, operation, parameters, move |cpu, arrival| {
        let (ended, told) = answer(cpu, arrival);
        *into.lock() = told;
        ended
    });
    // A warning, which says all the same that nothing is told.
    if ended.status == NtStatus::NO_MORE_FILES {
        return Err(ended.status);
    }
    ended.status.ok()?;
    let told = std::mem::take(&mut *told.lock());
    Ok(told)
}

/// `NtQueryDirectoryFile` by the current thread, once; what is found is not told.
pub(crate) fn query_once(cpu: &Cpu, handle: Handle) -> Result<(), NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    query(cpu, &file, class::DIRECTORY, Ptr::NULL, 0).map(|_| ())
}

/// Lists a directory by as many queries as that takes, from its beginning.
pub(crate) fn list(
    cpu: &Cpu,
    handle: Handle,
    expression: Option<&str>,
) -> Result<Vec<DirectoryEntry>, NtStatus> {
    let file = file_of(cpu.kernel(), &cpu.thread(), handle)?;
    let text = expression.map(|expression| SharedText::new(expression.to_owned()));
    let name = text.as_ref().map(|text| Shared::new(text.descriptor()));
    let name = name.as_ref().map_or(Ptr::NULL, Shared::ptr);
    let mut all = Vec::new();
    loop {
        match query(cpu, &file, class::ID_BOTH, name, u8::from(all.is_empty())) {
            Ok(told) => all.extend(entries(&told)),
            Err(NtStatus::NO_MORE_FILES) => return Ok(all),
            Err(status) => return Err(status),
        }
    }
}

/// What `FILE_ID_BOTH_DIR_INFORMATION` says.
fn entries(told: &[u8]) -> Vec<DirectoryEntry> {
    const SIZE: usize = 40;
    const ATTRIBUTES: usize = 56;
    const NAME_LENGTH: usize = 60;
    const NAME: usize = 104;
    let number = |at: usize| {
        told[at..at + size_of::<u32>()]
            .iter()
            .rev()
            .fold(0usize, |number, byte| number << 8 | usize::from(*byte))
    };
    let mut all = Vec::new();
    let mut start = 0;
    loop {
        let name = &told[start + NAME..start + NAME + number(start + NAME_LENGTH)];
        let units: Vec<u16> =
            name.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]])).collect();
        all.push(DirectoryEntry {
            name: String::from_utf16_lossy(&units),
            size: (number(start + SIZE) | number(start + SIZE + size_of::<u32>()) << u32::BITS) as u64,
            is_directory: number(start + ATTRIBUTES) & 0x10 != 0,
        });
        match number(start) {
            0 => return all,
            distance => start += distance,
        }
    }
}
